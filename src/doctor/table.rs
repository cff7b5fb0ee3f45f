//! The table of what is looked for: what each is called, how much it weighs, and why.

use crate::verify::{Check, Severity, checks};

checks! {
    PAGE_STATUS: "page-status", Error, "PEP 503, PEP 691",
        "A page that is refused to a client is not there for it.";
    JSON_TYPE: "json-type", Error, "PEP 691, pip, uv",
        "JSON under `application/json` is no page of an index: pip skips it, uv stops.";
    PAGE_TYPE: "page-type", Error, "PEP 691, pip, uv",
        "A page whose content type is not one of three is skipped by pip and refused by uv.";
    PAGE_FORM: "page-form", Error, "PEP 691",
        "A page that is written in another form than its type says cannot be parsed.";
    PAGE_INVALID: "page-invalid", Error, "PEP 503, PEP 691",
        "A page that cannot be parsed lists nothing.";
    PAGE_LARGE: "page-large", Warning, "wheelsite",
        "A page of so many bytes costs every resolver seconds; the rest of it was not looked at.";
    API_VERSION: "api-version", Error, "PEP 629",
        "Clients must refuse a major version that they do not know.";
    API_VERSION_NEW: "api-version-new", Note, "PEP 629, PEP 833",
        "Of a newer minor version this program does not know what it says; HTML stays at 1.4.";
    API_VERSION_MISSING: "api-version-missing", Warning, "PEP 691",
        "JSON has to state its version; without it 1.0 is assumed.";

    VARY_MISSING: "vary-missing", Warning, "PEP 691, RFC 9110",
        "Without `Vary: Accept` a cache gives one client the form that another has asked for.";
    VARY_IGNORED: "vary-ignored", Note, "Cloudflare",
        "A cache that ignores `Vary: Accept` mixes forms unless each has a URL of its own.";
    NEGOTIATION_ORDER: "negotiation-order", Warning, "PEP 691",
        "Who prefers JSON and gets HTML sees no sizes and no upload times.";
    JSON_MISSING: "json-missing", Note, "PEP 691, PEP 700",
        "In HTML alone pip sees no upload times, and nobody a size that is in the standard.";
    HTML_MISSING: "html-missing", Note, "PEP 691",
        "Clients older than JSON, pip before 22.2 among them, find no page that they can read.";
    PAGE_CACHE: "page-cache", Warning, "RFC 9111",
        "A page that caches keep for long hides new files, and leads to files that are gone.";
    INDEX_INSECURE: "index-insecure", Warning, "pip",
        "pip ignores an index without TLS unless it is told to trust the host.";
    REDIRECT_INSECURE: "redirect-insecure", Error, "pip",
        "A redirect to a URL without TLS can be read and changed by anybody on the way.";
    SLASH_REMOVED: "slash-removed", Error, "PEP 503",
        "Relative links of a page whose URL has lost its slash lead to another folder.";
    SLASH_MISSING: "slash-missing", Warning, "PEP 503",
        "A page that answers without a slash has relative links that lead to another folder.";
    SLASH_ABSENT: "slash-absent", Note, "PEP 503",
        "A URL without its slash should redirect to the one that has it; installers always add it.";
    NAME_FORM: "name-form", Warning, "PEP 503",
        "Another spelling of a name should lead to the same project, or to none.";
    MISSING_FOUND: "missing-project-found", Error, "PEP 503, uv",
        "Where a project that does not exist is found, uv looks for it in no other index.";
    MISSING_STATUS: "missing-project-status", Warning, "PEP 503, uv",
        "uv takes nothing but 404 for an index that does not have a project, and stops.";

    ROOT_MISSING: "root-missing", Warning, "PEP 503",
        "Without a list of projects nobody can mirror an index, or look after it.";
    ROOT_NAME: "root-name", Warning, "PEP 503",
        "What is no name of a project, or stands twice, leads nowhere.";
    ROOT_LINK: "root-link", Warning, "PEP 503",
        "Links to projects end in a slash, and lead to where installers look.";
    PROJECT_MISSING: "project-missing", Error, "PEP 503",
        "A project that is listed and has no page cannot be installed.";
    PROJECT_EMPTY: "project-empty", Note, "PEP 503",
        "A project without files is found by uv, which then looks in no other index.";
    JSON_NAME: "json-name", Warning, "PEP 691",
        "A page that names another project, or none, was mixed up.";
    VERSIONS_MISSING: "versions-missing", Warning, "PEP 700",
        "From version 1.1 on a page lists the versions that the project has.";
    VERSIONS_INCOMPLETE: "versions-incomplete", Warning, "PEP 700",
        "Every file's version is among those that the page lists.";
    BASE_RELATIVE: "base-relative", Error, "uv",
        "uv refuses a page whose `<base>` is relative.";
    STATUS_UNKNOWN: "status-unknown", Warning, "PEP 792",
        "A project is active, archived, deprecated or quarantined.";
    STATUS_PLACE: "status-place", Warning, "PEP 792",
        "`project-status` stands beside `meta`; inside of it clients do not look.";
    STATUS_QUARANTINED: "status-quarantined", Warning, "PEP 792",
        "A project under quarantine offers no files; installers take those that there are.";

    JSON_NULL: "json-null", Error, "PEP 691, PEP 700, uv",
        "uv refuses a page that has `null` where the standard leaves a key out.";
    JSON_VALUE: "json-value", Error, "PEP 691, PEP 700, uv",
        "uv refuses a page that has a value of another kind than the standard says.";
    SIZE_MISSING: "size-missing", Warning, "PEP 700",
        "From version 1.1 on every file has a size.";
    HASH_PARTIAL: "hash-partial", Error, "uv, pip",
        "One file without a hash breaks the lock of all, and every install that requires hashes.";
    HASH_MISSING: "hash-missing", Warning, "PEP 503",
        "Without hashes nobody can lock, and nobody sees that a file was exchanged.";
    HASH_ALGORITHM: "hash-algorithm", Error, "uv",
        "uv refuses a page with a fragment that is no hash by an algorithm that it knows.";
    HASH_INVALID: "hash-invalid", Error, "PEP 503",
        "A hash that is none matches no bytes.";
    HASH_WEAK: "hash-weak", Warning, "pip",
        "MD5 proves nothing, and `pip install --require-hashes` does not take it.";
    FILE_DUPLICATE: "file-duplicate", Error, "PEP 503",
        "Of two files of one name each installer takes another one.";
    FILENAME_FOREIGN: "filename-foreign", Warning, "PEP 503, pip, uv",
        "Installers pass over a file of another project.";
    FILENAME_INVALID: "filename-invalid", Warning, "binary distribution format",
        "Installers pass over a wheel whose name they cannot parse.";
    ANCHOR_TEXT: "anchor-text", Warning, "PEP 503",
        "The text of a link is the filename that its URL ends in.";
    LINK_SCHEME: "link-scheme", Error, "PEP 503",
        "A link that leads to no web server can be downloaded by nobody.";
    LINK_INSECURE: "link-insecure", Error, "pip",
        "pip ignores files on a host without TLS unless it is told to trust it.";
    REQUIRES_PYTHON: "requires-python-invalid", Warning, "PEP 440, pip",
        "A `requires-python` that does not parse is ignored: the file is offered to every Python.";
    UPLOAD_TIME_INVALID: "upload-time-invalid", Error, "PEP 700, uv",
        "uv refuses a page with a time that does not parse.";
    UPLOAD_TIME_FORM: "upload-time-form", Warning, "PEP 700",
        "Times are in UTC and end in `Z`.";
    UPLOAD_TIME_PARTIAL: "upload-time-partial", Warning, "pip, uv",
        "Files without a time are invisible to who holds new files back, and an error to pip.";
    UPLOAD_TIME_MISSING: "upload-time-missing", Note, "pip, uv",
        "Without times nobody can hold new files back (`uv --exclude-newer`, `pip --uploaded-prior-to`).";
    YANKED_EMPTY: "yanked-empty", Warning, "PEP 691, pip",
        "In JSON pip takes an empty reason for not yanked.";
    LOCAL_VERSIONS: "local-versions", Warning, "PEP 440",
        "Of several builds of a release everybody gets the one with the highest local version, whatever the machine.";
    CORE_METADATA_LEGACY: "core-metadata-legacy", Note, "PEP 714",
        "Only old clients read the old name of `core-metadata`, and only in HTML rightly.";
    CORE_METADATA_DIFFERS: "core-metadata-differs", Warning, "PEP 714",
        "Old and new clients read two names of one thing.";
    CORE_METADATA_MISSING: "core-metadata-missing", Note, "PEP 658",
        "Without METADATA beside a wheel resolvers read the wheel.";
    PROVENANCE_URL: "provenance-url", Warning, "PEP 740",
        "A provenance file is named by a whole https URL.";

    FORMS_DIFFER: "forms-differ", Error, "PEP 691",
        "A file that one form of a page has and another lacks is there for some installers only.";
    ATTRIBUTES_DIFFER: "attributes-differ", Warning, "PEP 691",
        "What one form of a page says of a file and the other does not, some installers do not heed.";
    PAGE_STALE: "page-stale", Error, "wheelsite",
        "A page that is not the one of the site's state is an old one, or the state is.";
    PAGE_ALTERED: "page-altered", Warning, "wheelsite",
        "A page that was changed on its way is not what was published.";
    STATE_MIXED: "state-mixed", Warning, "wheelsite",
        "The parts of the state are of different publications.";
    STATE_WRITING: "state-writing", Warning, "wheelsite",
        "A publisher is at work, or was killed: some pages may be older than others.";
    STATE_UNSETTLED: "state-unsettled", Note, "wheelsite",
        "What a publisher that lost may still have changed is looked at by the next one.";

    FILE_MISSING: "file-missing", Error, "PEP 503",
        "A link to nothing is a file that resolvers choose and nobody can install.";
    FILE_SIZE: "file-size", Error, "PEP 700",
        "A file of another size than stated is another file.";
    FILE_HASH: "file-hash", Error, "PEP 503",
        "Installers refuse a file whose bytes are not those of its hash.";
    FILE_BYTES: "file-bytes", Error, "binary distribution format",
        "What does not begin as an archive does is a page in the place of a file.";
    FILE_ENCODING: "file-encoding", Error, "pip, uv",
        "A file that is packed for its way has other bytes than its hash says.";
    FILE_CACHE: "file-cache", Note, "RFC 9111",
        "Files that nobody may keep are downloaded again and again.";
    HEAD_REFUSED: "head-refused", Note, "uv",
        "Without `HEAD` uv reads whole wheels where it could read a part.";
    RANGE_MISSING: "range-missing", Warning, "uv",
        "Without ranges resolvers read whole wheels for their METADATA.";
    RANGE_WRONG: "range-wrong", Error, "RFC 9110, uv",
        "A range with other bytes than were asked for makes METADATA unreadable.";
    RANGE_UNTOLD: "range-untold", Note, "pip",
        "pip reads parts of files only where `Accept-Ranges: bytes` says that it may.";
    SIDECAR_MISSING: "sidecar-missing", Error, "PEP 658, pip, uv",
        "METADATA that is promised and not there stops pip, also where the wheel is.";
    SIDECAR_HASH: "sidecar-hash", Error, "PEP 658, pip",
        "pip refuses METADATA that has not the hash of its page.";
    SIDECAR_INVALID: "sidecar-invalid", Error, "PEP 658, pip, uv",
        "METADATA that does not parse, or is of another release, leaves resolvers without an answer.";
    PROVENANCE_MISSING: "provenance-missing", Warning, "PEP 740",
        "Provenance that is promised and not there cannot be verified.";
}
