//! The table of checks: what each is called, how much it weighs, and why it is made.

use serde::{Deserialize, Serialize};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Should be mended; the file is listed.
    Warning,
    /// The file is not listed.
    Error,
}

/// A check.
#[derive(Debug, PartialEq, Eq)]
pub struct Check {
    /// Stable, kebab-case.
    pub id: &'static str,
    /// How much a finding of it weighs, unless a policy says otherwise.
    pub severity: Severity,
    /// Why it matters, in one sentence.
    pub reason: &'static str,
    /// Where the rule is written.
    pub source: &'static str,
}

/// Makes a table of checks; [`crate::doctor`] has one of its own.
macro_rules! checks {
    ($($name:ident: $id:literal, $severity:ident, $source:literal, $reason:literal;)+) => {
        $(
            #[doc = $reason]
            pub(super) static $name: Check = Check {
                id: $id, severity: Severity::$severity, reason: $reason, source: $source,
            };
        )+
        /// Every check, in the order of the documentation.
        pub static CHECKS: &[&Check] = &[$(&$name),+];
    };
}
pub(crate) use checks;

checks! {
    FILENAME_INVALID: "filename-invalid", Error, "binary distribution format, PEP 427, PEP 625",
        "Installers skip a file whose name they cannot parse.";
    FILENAME_FORM: "filename-not-normalized", Warning, "binary distribution format",
        "Names and versions in filenames have one normal form; PyPI takes no other.";
    TAGS_UNSORTED: "tags-unsorted", Warning, "PEP 425",
        "Compressed tag sets are sorted, so that one wheel has one name.";
    LOCAL_VERSION: "local-version", Note, "PEP 440, PyPI",
        "PyPI takes no local versions; an index of one's own may.";
    LINUX_TAG: "linux-tag", Note, "PEP 425, PyPI",
        "A `linux_*` tag promises nothing about the C library; PyPI refuses it.";
    SDIST: "sdist-unverified", Note, "wheelsite",
        "Source distributions are listed with their digest and are not opened.";

    ZIP_UNREADABLE: "zip-unreadable", Error, "binary distribution format",
        "A wheel that cannot be unpacked cannot be installed.";
    ZIP_PREFIX: "zip-prefix", Error, "PyPI",
        "Bytes before the archive let readers that begin at the front see another one.";
    ZIP_TRAILING: "zip-trailing", Error, "PyPI, uv",
        "Bytes after the archive let readers that begin at the end see another one.";
    ZIP_COMMENT: "zip-comment", Warning, "PyPI",
        "A comment of the archive is of no use to a wheel.";
    ZIP_SECOND_END: "zip-second-end", Error, "PyPI, uv",
        "With two end records two readers see two archives.";
    ZIP_GAP: "zip-gap", Error, "PyPI",
        "Bytes that belong to no member may be one to a reader that begins at the front.";
    ZIP_UNLISTED: "zip-unlisted-member", Error, "PyPI, uv, CVE-2025-54368",
        "A member that the central directory does not list is installed by some and seen by nobody else.";
    ZIP_OVERLAP: "zip-overlap", Error, "uv",
        "Members that share bytes make bombs and two views of one archive.";
    ZIP_DUPLICATE: "zip-duplicate", Error, "PyPI, uv, CVE-2025-54368",
        "Of two members of one name one reader takes the first and another the last.";
    ZIP_LOCAL_HEADER: "zip-local-header", Error, "PyPI, uv, CVE-2025-54368",
        "Readers that begin at the front believe the local headers, others the central directory.";
    ZIP_DESCRIPTOR: "zip-descriptor", Warning, "PyPI",
        "A data descriptor makes streaming readers guess where a member ends; PyPI refuses it.";
    ZIP_DESCRIPTOR_MISMATCH: "zip-descriptor-mismatch", Error, "PyPI, uv",
        "A data descriptor that disagrees tells two readers of two sizes.";
    ZIP_ENCRYPTED: "zip-encrypted", Error, "PyPI",
        "Installers cannot decrypt.";
    ZIP_METHOD: "zip-method", Error, "PyPI",
        "Installers know the methods stored and deflated only.";
    ZIP_INFLATE: "zip-inflate", Error, "uv",
        "Contents that cannot be inflated, or hide bytes behind their end, are damaged or hostile.";
    ZIP_SIZE: "zip-size", Error, "PyPI, uv",
        "Contents of another size than stated are damaged, or a bomb.";
    ZIP_CRC: "zip-crc", Error, "uv",
        "Contents of another CRC than stated are damaged.";
    ZIP_FOLDER_CONTENTS: "zip-folder-contents", Error, "uv",
        "A folder that has contents is a file to another reader.";
    ZIP_MEMBER_COMMENT: "zip-member-comment", Error, "PyPI",
        "Comments of members are of no use but to hide something.";
    ZIP_COUNTS: "zip-counts", Error, "PyPI, uv",
        "End records that disagree describe two archives.";
    ZIP_ZIP64: "zip-zip64", Error, "PyPI, uv",
        "Fields of the ZIP64 format that are out of order are read in different ways.";
    ZIP_EXTRA: "zip-extra", Error, "PyPI",
        "Extra fields that are broken, or name another file, are read in different ways.";
    ZIP_BOMB: "zip-bomb", Error, "PyPI",
        "An archive that unpacks to far more than its size fills the disk of who installs it.";

    PATH_EMPTY: "path-empty", Error, "uv",
        "A member without a name cannot be a file.";
    PATH_ENCODING: "path-encoding", Error, "PyPI, uv",
        "A name that is not marked as UTF-8 is decoded differently by different readers.";
    PATH_CONTROL: "path-control", Error, "PyPI, uv",
        "Control characters in a name deceive who looks at it.";
    PATH_BACKSLASH: "path-backslash", Error, "APPNOTE 4.4.17",
        "A backslash separates folders on one system and is part of a name on another.";
    PATH_ABSOLUTE: "path-absolute", Error, "pip, uv",
        "An absolute name leads out of the folder that it is installed to.";
    PATH_PARTS: "path-parts", Error, "pip, uv",
        "A part `..` leads out of the folder that a wheel is installed to.";
    PATH_LENGTH: "path-length", Error, "pip, uv",
        "A name that is longer than file systems take cannot be installed.";
    PATH_CASE: "path-case", Warning, "wheelsite",
        "Names that differ in case only are one file on Windows and macOS.";
    PATH_FOLDER: "path-folder", Error, "wheelsite",
        "A name cannot be a file and a folder at once.";
    PATH_SYMLINK: "path-symlink", Error, "PEP 778",
        "Wheels have no symbolic links; a reader that makes one may write through it.";
    PATH_SPECIAL: "path-special", Error, "wheelsite",
        "Devices and pipes have no place in a wheel.";
    DATA_SCHEME: "data-scheme", Error, "binary distribution format, pip",
        "Installers refuse files of a `.data` folder that lie in no scheme that they know.";

    DATA_MISMATCH: "data-mismatch", Error, "binary distribution format",
        "A `.data` folder that is called otherwise than the `.dist-info` folder is spread by pip and left by uv.";

    DIST_INFO_MISSING: "dist-info-missing", Error, "binary distribution format",
        "Without its `.dist-info` folder a ZIP file is no wheel.";
    DIST_INFO_SEVERAL: "dist-info-several", Error, "binary distribution format",
        "With two `.dist-info` folders nobody can say which project the wheel is.";
    DIST_INFO_MISMATCH: "dist-info-mismatch", Error, "binary distribution format",
        "Installers look for the `.dist-info` folder of the project that they asked for.";
    METADATA_MISSING: "metadata-missing", Error, "binary distribution format",
        "METADATA is what resolvers read.";
    METADATA_INVALID: "metadata-invalid", Error, "core metadata",
        "METADATA that cannot be read leaves resolvers without an answer.";
    METADATA_VERSION: "metadata-version", Error, "core metadata",
        "Tools must refuse metadata of a major version that they do not know.";
    METADATA_VERSION_NEW: "metadata-version-new", Warning, "core metadata",
        "Fields of a newer metadata version are not checked, nor read by older installers.";
    METADATA_REPEATED: "metadata-repeated", Error, "core metadata",
        "Of a field that stands twice one resolver takes the first and another the last.";
    NAME_MISMATCH: "name-mismatch", Error, "binary distribution format, PyPI",
        "A wheel whose METADATA names another project is refused by installers.";
    VERSION_MISMATCH: "version-mismatch", Error, "binary distribution format, PyPI",
        "A wheel whose METADATA states another version is refused by installers.";
    LOCAL_VERSION_MISMATCH: "local-version-mismatch", Error, "PEP 440, pip",
        "pip discards a wheel that was renamed to a local version that its METADATA does not state.";
    REQUIRES_PYTHON: "requires-python-invalid", Error, "PEP 440, uv",
        "A `Requires-Python` that does not parse lets nobody say for whom the wheel is.";
    REQUIRES_PYTHON_LENIENT: "requires-python-lenient", Warning, "PEP 440",
        "This `Requires-Python` is read by goodwill only.";
    REQUIRES_DIST: "requires-dist-invalid", Error, "PEP 508, pip",
        "pip discards a wheel with a requirement that does not parse.";
    REQUIRES_DIST_LENIENT: "requires-dist-lenient", Warning, "PEP 508",
        "This requirement is read by goodwill only.";
    PROVIDES_EXTRA: "provides-extra-invalid", Warning, "core metadata",
        "An extra whose name does not parse cannot be asked for.";
    LICENSE_MISSING: "license-missing", Warning, "PEP 639, PyPI",
        "A license file that METADATA names has to be in the wheel.";

    WHEEL_MISSING: "wheel-missing", Error, "binary distribution format",
        "Installers refuse an archive without WHEEL.";
    WHEEL_INVALID: "wheel-invalid", Error, "binary distribution format",
        "Installers refuse an archive whose WHEEL they cannot read.";
    WHEEL_VERSION: "wheel-version", Error, "binary distribution format",
        "Installers must refuse a major version of the format that they do not know.";
    WHEEL_VERSION_NEW: "wheel-version-new", Warning, "binary distribution format",
        "Installers warn of a minor version of the format that they do not know.";
    WHEEL_TAGS: "wheel-tags", Warning, "binary distribution format",
        "WHEEL repeats the tags of the filename; other tags mean that the file was renamed.";
    WHEEL_BUILD: "wheel-build", Warning, "binary distribution format",
        "WHEEL repeats the build tag of the filename.";
    WHEEL_PURELIB: "wheel-purelib", Warning, "binary distribution format",
        "`Root-Is-Purelib` says where a wheel is unpacked to, and is `true` or `false`.";

    RECORD_MISSING: "record-missing", Error, "recording installed projects",
        "Installers need RECORD to verify and to uninstall.";
    RECORD_INVALID: "record-invalid", Error, "recording installed projects",
        "Installers need RECORD to verify and to uninstall.";
    RECORD_UNLISTED: "record-unlisted", Error, "binary distribution format, PyPI",
        "A file that RECORD does not list is neither verified nor ever uninstalled.";
    RECORD_ABSENT: "record-absent", Error, "binary distribution format, PyPI",
        "A file that RECORD lists and the archive lacks was lost or taken out.";
    RECORD_NO_HASH: "record-no-hash", Error, "binary distribution format",
        "A file without a hash cannot be verified.";
    RECORD_WEAK_HASH: "record-weak-hash", Error, "binary distribution format",
        "Hashes weaker than SHA-256 are forbidden.";
    RECORD_HASH: "record-hash", Error, "binary distribution format",
        "A file that has not the hash of RECORD was changed after the build.";
    RECORD_SIZE: "record-size", Error, "recording installed projects",
        "A file that has not the size of RECORD was changed after the build.";
    RECORD_DUPLICATE: "record-duplicate", Error, "recording installed projects",
        "Of two rows for one file nobody can say which is true.";

    ENTRY_POINTS_ENCODING: "entry-points-encoding", Error, "entry points, PyPI",
        "`entry_points.txt` is UTF-8.";
    ENTRY_POINTS_SYNTAX: "entry-points-syntax", Error, "entry points, PyPI",
        "Installers cannot make scripts from a file that they cannot parse.";
    ENTRY_POINTS_DUPLICATE: "entry-points-duplicate", Error, "entry points, PyPI",
        "Of two entry points of one name nobody can say which is meant.";
    ENTRY_POINTS_OBJECT: "entry-points-object", Error, "entry points, PyPI",
        "An entry point refers to `module` or `module:object`.";
    ENTRY_POINTS_SCRIPT: "entry-points-script", Error, "entry points, PyPI",
        "The name of a script must not lead out of the folder of scripts.";

    ELF_ANY: "elf-in-any", Error, "PEP 425",
        "A wheel for any platform that holds extension modules works on one of them only.";
    ELF_MACHINE: "elf-machine", Error, "PEP 425, PEP 600",
        "A shared object for another machine than the tag names cannot be loaded.";
    ELF_SYMBOLS: "elf-symbols", Error, "PEP 600, auditwheel",
        "On systems that the tag names and that lack a symbol version the wheel fails at import.";
    ELF_LIBRARY: "elf-library", Warning, "PEP 600, auditwheel",
        "A library that is neither in the wheel nor on every system of the tag must come from elsewhere.";
    ELF_LIBC: "elf-libc", Error, "PEP 600, PEP 656",
        "What is linked with one C library cannot be loaded beside the other.";
    ELF_PURELIB: "elf-purelib", Warning, "binary distribution format",
        "A wheel with shared objects belongs to the folder of platform files.";

    CUDA_VERSION: "cuda-version", Error, "wheelsite, CUDA Compatibility",
        "Whoever picks a wheel by the CUDA in its name gets one that loads the libraries of another, or asks for another driver.";
    CUDA_TOOLKIT: "cuda-toolkit", Warning, "wheelsite, CUDA Compatibility",
        "Code of a newer toolkit than the name says mostly runs all the same, but not everything that it holds.";
    CUDA_TORCH: "cuda-torch", Warning, "wheelsite",
        "An installer takes the torch that METADATA asks for, whatever the name says; a marker may explain it.";
    CUDA_ABI: "cuda-abi", Error, "wheelsite, GCC",
        "An extension for a torch of the other C++ ABI fails at import.";

    DIGEST_CHANGED: "digest-changed", Error, "PyPI",
        "Other bytes under a name that was published break every lock file that has it.";
    HASH_MISSING: "hash-missing", Warning, "PEP 503",
        "A file without a hash cannot be locked, and one such file breaks the lock of all.";
    HASH_MISMATCH: "hash-mismatch", Error, "PEP 503",
        "A file whose bytes are not those of the digest that its source states was damaged or exchanged.";
    CHANNEL_HASH: "channel-hash", Error, "PEP 503",
        "Whoever points an installer at a channel alone has nothing but its hashes to hold on to.";
    CHANNEL_LOCAL: "channel-local", Warning, "PEP 440",
        "Of two builds of a release in one channel installers take the one with the higher local version.";
    CLOSURE_UNSATISFIED: "closure-unsatisfied", Error, "PEP 508, wheelsite",
        "Nobody can install a wheel from a channel that lacks what it requires.";
    SIDECAR_MISMATCH: "sidecar-mismatch", Error, "PEP 658",
        "A sidecar that is not the wheel's METADATA makes resolvers decide on a lie.";
    SIDECAR_UNUSED: "sidecar-unused", Warning, "PEP 658",
        "A sidecar at a source that is not the wheel's METADATA is of no use, and pages do not name it.";
}
