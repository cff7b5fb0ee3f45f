//! How to mend what was found, in the words of the host that it was found on.

use super::server::Server;

/// What to do about a finding of a check.
pub(super) fn hint(check: &str, server: Server) -> &'static str {
    of_server(check, server).unwrap_or_else(|| anywhere(check))
}

/// What is done otherwise on this host.
fn of_server(check: &str, server: Server) -> Option<&'static str> {
    use Server::{Apache, Caddy, Cloudflare, GithubPages, Nginx};
    Some(match (check, server) {
        ("json-type" | "page-type", GithubPages) => {
            "GitHub Pages types files by their extension and lets nobody change that: publish HTML \
             alone, with `--host github-pages`"
        }
        ("json-type" | "page-type", Nginx) => {
            "name the type in nginx: `types { application/vnd.pypi.simple.v1+json v1_json; \
             text/html html; }`"
        }
        ("json-type" | "page-type", Caddy) => {
            "set the type in Caddy: `@v1json path *.v1_json`, then `header @v1json Content-Type \
             application/vnd.pypi.simple.v1+json`"
        }
        ("json-type" | "page-type", Apache) => {
            "name the type in Apache: `AddType application/vnd.pypi.simple.v1+json .v1_json`"
        }
        ("json-type" | "page-type", Cloudflare) => {
            "on Pages set it in `_headers`, in R2 store it with the object as its `Content-Type`"
        }
        ("json-type" | "page-type", server) if server.is_bucket() => {
            "the type is stored with the object: upload it again with `Content-Type: \
             application/vnd.pypi.simple.v1+json` or `text/html`, as `wheelsite publish` does"
        }
        ("vary-missing", Nginx) => "`add_header Vary Accept always;` where the index is served",
        ("vary-missing", Caddy) => "`header /simple/* Vary Accept`",
        ("vary-missing", Apache) => "`Header merge Vary Accept` where the index is served",
        ("vary-missing" | "vary-ignored", Cloudflare) => {
            "Cloudflare's cache does not heed `Vary: Accept`: let a Worker or a Pages Function \
             rewrite each form to a URL of its own, and send the header"
        }
        ("vary-missing", Server::Cloudfront) => {
            "let a viewer-request function rewrite to `index.v1_json` by `Accept`, so that each \
             form is cached by itself, and add `Vary: Accept`"
        }
        ("missing-project-found", Cloudflare) => {
            "Pages answers with the home page unless there is a `404.html` at the top: add one"
        }
        ("missing-project-found", GithubPages) => {
            "a `404.html` that is served with 200 is one of a client-side router: take it out"
        }
        ("missing-project-found", Nginx) => "take `try_files ... /index.html` from the index",
        ("missing-project-found", Caddy) => "take `try_files {path} /index.html` from the index",
        ("missing-project-status", server) if server.is_bucket() => {
            "a bucket says 403 for what is not there to who may not list it: allow listing, or let \
             the CDN answer with 404 (in CloudFront a custom error response)"
        }
        ("slash-absent", server) if server.is_bucket() || server == Cloudflare => {
            "an object store redirects nothing; the website endpoint, a rule or a Worker does"
        }
        ("range-missing", Cloudflare) => {
            "Pages answers ranges with the whole file: serve files by a Worker that cuts them, or \
             from R2; METADATA beside each wheel makes them unnecessary"
        }
        ("page-cache", GithubPages) => {
            "GitHub Pages lets nobody set `Cache-Control`: another CDN before it sets this one"
        }
        ("page-cache", Nginx) => {
            "`add_header Cache-Control \"public, max-age=60, must-revalidate\";` for pages alone"
        }
        ("page-cache", server) if server.is_bucket() || server == Cloudflare => {
            "store pages with `Cache-Control: public, max-age=60, must-revalidate`, as `wheelsite \
             publish` does, and check the cache rules of the CDN"
        }
        ("file-missing", server) if server.is_bucket() => {
            "upload the file; if its name has a `+`, write `%2B` in the URL: a bucket takes `+` for \
             a space"
        }
        _ => return None,
    })
}

/// What is done on every host.
fn anywhere(check: &str) -> &'static str {
    match check {
        "page-status" => "look into the server's log for this URL with this `Accept` header",
        "json-type" | "page-type" => {
            "serve JSON as `application/vnd.pypi.simple.v1+json`, HTML as `text/html`; where the \
             type cannot be set, serve HTML alone"
        }
        "page-form" => "check which file is served under which type",
        "page-invalid" => {
            "make the page anew; if it was edited by hand, compare it with PEP 503 or PEP 691"
        }
        "page-large" => "split the project, or archive old releases in another index",
        "api-version" => "state the version that the page is written in: `1.4` at most",
        "api-version-new" => "look for a newer wheelsite; in HTML state `1.4`",
        "api-version-missing" => "add `\"meta\": {\"api-version\": \"1.4\"}`",
        "vary-missing" | "vary-ignored" => "send `Vary: Accept` with every page that is negotiated",
        "negotiation-order" => {
            "heed the quality values of `Accept`: pip sends `application/vnd.pypi.simple.v1+json, \
             application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01`"
        }
        "json-missing" => {
            "serve JSON as well, where the host lets the content type be set; `wheelsite build` \
             writes it as `index.v1_json`"
        }
        "html-missing" => "serve HTML to who does not ask for JSON",
        "page-cache" => "send `Cache-Control: public, max-age=60, must-revalidate` with pages",
        "index-insecure" | "redirect-insecure" | "link-insecure" => "serve it by https",
        "slash-removed" => "let the server leave the slash at the end, or write absolute URLs",
        "slash-missing" | "slash-absent" => "redirect to the URL that ends in a slash",
        "name-form" => "redirect to the normalized name, or answer with 404",
        "missing-project-found" => {
            "answer with 404 for what is not there; a home page for every path is one of \
             single-page applications"
        }
        "missing-project-status" => "answer with 404 for a project that is not there",
        "root-missing" => "serve the list of projects at the URL of the index",
        "root-name" => "take it out of the list, or mend its name",
        "root-link" => "link to `<normalized name>/`",
        "project-missing" => {
            "publish its page, under its normalized name, or take it from the list"
        }
        "project-empty" => "take it out of the index if it has no files",
        "json-name" => "check which file is served for this project",
        "versions-missing" | "versions-incomplete" => {
            "list the version of every file in `versions`, or state `\"api-version\": \"1.0\"`"
        }
        "base-relative" => "take `<base>` out, and write links relative to the page",
        "status-unknown" => "state `active`, `archived`, `deprecated` or `quarantined`",
        "status-place" => "move `project-status` to the top of the object",
        "status-quarantined" => "take the files from the page",
        "json-null" => "leave the key out",
        "json-value" => "write what the standard says, or leave the key out",
        "size-missing" => "state the `size` of every file, or `\"api-version\": \"1.0\"`",
        "hash-partial" | "hash-missing" => "state the SHA-256 of every file",
        "hash-algorithm" | "hash-weak" => "state the SHA-256: `#sha256=<64 hexadecimal digits>`",
        "hash-invalid" => "compute the hash again",
        "file-duplicate" => "list each file once; give another build another build tag",
        "filename-foreign" => "move it to the page of its own project",
        "filename-invalid" => "rename it with `wheelsite repair`, or build it again",
        "anchor-text" => "write the filename, decoded: `+` and not `%2B`",
        "link-scheme" => "link to where the file is served by https",
        "requires-python-invalid" => "write it as METADATA should: `>=3.9`",
        "upload-time-invalid" | "upload-time-form" => "write it as `2026-01-28T12:00:00Z`",
        "upload-time-partial" | "upload-time-missing" => {
            "state `upload-time` for every file, in HTML `data-upload-time` for uv"
        }
        "yanked-empty" => "write `true` where there is no reason",
        "local-versions" => {
            "give each local version an index of its own; `wheelsite build` makes channels of them"
        }
        "core-metadata-legacy" => "write `core-metadata` in JSON, and both names in HTML",
        "core-metadata-differs" => "write the same value under both names",
        "core-metadata-missing" => "serve METADATA beside each wheel: `<file>.whl.metadata`",
        "provenance-url" => "write the whole URL, with https",
        "forms-differ" | "attributes-differ" => {
            "publish both forms at once, and purge what caches have kept"
        }
        "page-stale" => "purge the page from caches, or publish the site once more",
        "page-altered" => "turn off what rewrites pages on their way, such as minifiers",
        "state-mixed" => "publish the site once more, and purge `state/` from caches",
        "state-writing" => "wait until it has ended, or publish the site once more",
        "state-unsettled" => "publish once more in an hour",
        "file-missing" => {
            "upload the file, or take it from the page; if its name has a `+`, write `%2B` in the \
             URL"
        }
        "file-size" | "file-hash" => {
            "publish other bytes under another version or build tag, never under the same name; \
             purge what caches have kept"
        }
        "file-bytes" => {
            "look at what is served there: a login page, or the page for what is missing"
        }
        "file-encoding" => "serve files as they are, without `Content-Encoding`",
        "file-cache" => "send `Cache-Control: public, max-age=31536000, immutable` with files",
        "head-refused" => "let `HEAD` through where `GET` is",
        "range-missing" => "turn on range requests, or serve METADATA beside each wheel",
        "range-wrong" => "turn range requests off, or cut the right bytes",
        "range-untold" => "send `Accept-Ranges: bytes` with files",
        "sidecar-missing" => "upload `<file>.metadata`, or do not promise it",
        "sidecar-hash" => "upload the wheel's own METADATA, or state the hash of what is there",
        "sidecar-invalid" => "upload the METADATA of this wheel",
        "provenance-missing" => "upload the provenance file, or do not name it",
        _ => "compare it with the specification of the simple repository API",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::CHECKS;

    #[test]
    fn every_check_has_a_hint_of_its_own() {
        let general = anywhere("no such check");
        for check in CHECKS {
            assert_ne!(anywhere(check.id), general, "{}", check.id);
        }
        assert_ne!(hint("json-type", Server::GithubPages), hint("json-type", Server::Nginx));
    }
}
