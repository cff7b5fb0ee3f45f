//! One flaw at a time in what pages say, each test named after the check that it must trip.

use super::{Said, planted};

/// Changes the first occurrence of a text in the JSON page of `other`.
fn json(from: &'static str, to: &'static str) -> Said {
    planted(move |asked, reply| {
        if asked.path == "/simple/other/" && reply.is_json() {
            reply.replace(from, to);
        }
    })
}

/// Changes both forms of the page of a project.
fn both(
    project: &'static str,
    json: (&'static str, &'static str),
    html: (&'static str, &'static str),
) -> Said {
    planted(move |asked, reply| {
        if asked.path == format!("/simple/{project}/") {
            reply.edit(json, html);
        }
    })
}

/// Changes the HTML page of `other`.
fn html(from: &'static str, to: &'static str) -> Said {
    planted(move |asked, reply| {
        if asked.path == "/simple/other/" && reply.is_html() {
            reply.replace(from, to);
        }
    })
}

#[test]
fn json_null() {
    for (key, value) in [
        ("size", ",\"size\":null,\"_size\":"),
        ("upload-time", ",\"upload-time\":null,\"_upload-time\":"),
    ] {
        let from = if key == "size" { ",\"size\":" } else { ",\"upload-time\":" };
        json(from, value).is("json-null", "error", &[&format!("`{key}`"), "found `null`"]);
    }
    json(",\"size\":", ",\"yanked\":null,\"size\":").is("json-null", "error", &["`yanked`"]);
}

#[test]
fn json_null_of_hashes() {
    json("\"hashes\":", "\"hashes\":null,\"_hashes\":").is("json-null", "error", &["`hashes`"]);
}

#[test]
fn json_value() {
    json(",\"size\":", ",\"size\":-1,\"_size\":").is("json-value", "error", &["`size`", "-1"]);
}

#[test]
fn json_name() {
    json("\"name\":\"other\"", "\"name\":\"demo\"").is("json-name", "warning", &["`demo`"]);
}

#[test]
fn api_version() {
    both("other", ("\"1.4\"", "\"2.0\""), ("\"1.4\"", "\"2.0\"")).is(
        "api-version",
        "error",
        &["found `2.0`"],
    );
}

#[test]
fn api_version_new() {
    json("\"1.4\"", "\"1.5\"").is("api-version-new", "note", &["found `1.5`"]);
}

#[test]
fn api_version_missing() {
    json("\"api-version\":\"1.4\"", "").is("api-version-missing", "warning", &[]);
}

#[test]
fn versions_missing() {
    json("\"versions\":", "\"_versions\":").is("versions-missing", "warning", &[]);
}

#[test]
fn versions_incomplete() {
    json("\"versions\":[\"2.0\"]", "\"versions\":[]").is(
        "versions-incomplete",
        "warning",
        &["lacks `2.0`"],
    );
}

#[test]
fn size_missing() {
    json(",\"size\":", ",\"_size\":").is("size-missing", "warning", &["has no `size`"]);
}

#[test]
fn upload_time_invalid() {
    json("\"upload-time\":\"", "\"upload-time\":\"soon").is("upload-time-invalid", "error", &[]);
}

#[test]
fn upload_time_form() {
    json("Z\",\"size\"", "+00:00\",\"size\"").is("upload-time-form", "warning", &["`Z`"]);
}

#[test]
fn upload_time_missing() {
    json("\"upload-time\":", "\"_time\":").is("upload-time-missing", "note", &["0 of 1 files"]);
}

#[test]
fn upload_time_partial() {
    planted(|asked, reply| {
        if asked.path == "/simple/demo-pkg/" && reply.is_json() {
            reply.replace("\"upload-time\":", "\"_time\":");
        }
    })
    .is("upload-time-partial", "warning", &["1 of 2 files"]);
}

#[test]
fn yanked_empty() {
    both(
        "other",
        (",\"size\":", ",\"yanked\":\"\",\"size\":"),
        (" data-size", " data-yanked data-size"),
    )
    .is("yanked-empty", "warning", &["`\"\"`"]);
}

#[test]
fn hash_partial() {
    both(
        "demo-pkg",
        ("\"hashes\":{\"sha256\":", "\"hashes\":{},\"_hashes\":{\"sha256\":"),
        ("#sha256=", "?sha256="),
    )
    .has("hash-partial", "error", &["1 of 2 files have no hash"]);
}

#[test]
fn hash_missing() {
    both(
        "other",
        ("\"hashes\":{\"sha256\":", "\"hashes\":{},\"_hashes\":{\"sha256\":"),
        ("#sha256=", "?sha256="),
    )
    .has("hash-missing", "warning", &["0 of 1 files"]);
}

#[test]
fn hash_algorithm() {
    html("#sha256=", "#sha1=").is("hash-algorithm", "error", &["found `#sha1=`"]);
    html("#sha256=", "#egg=other&amp;sha256=").is_clean();
}

#[test]
fn hash_invalid() {
    both("other", ("\"sha256\":\"", "\"sha256\":\"x"), ("#sha256=", "#sha256=x")).has(
        "hash-invalid",
        "error",
        &["expected 64 hexadecimal digits"],
    );
}

#[test]
fn hash_weak() {
    planted(|asked, reply| {
        if asked.path == "/simple/other/" {
            let text = String::from_utf8(std::mem::take(&mut reply.body)).expect("is text");
            let hash = if text.starts_with('{') { "\"hashes\":{\"sha256\":\"" } else { "#sha256=" };
            let start = text.find(hash).expect("has a hash") + hash.len();
            let (before, after) = (&text[..start], &text[start + 64..]);
            let before = before.replace(hash, &hash.replace("sha256", "md5"));
            reply.body = format!("{before}{}{after}", &text[start..start + 32]).into_bytes();
        }
    })
    .is("hash-weak", "warning", &["nothing but an MD5"]);
}

#[test]
fn base_relative() {
    html("<title>", "<base href=\"./\"><title>").is("base-relative", "error", &["`<base href"]);
}

#[test]
fn link_scheme() {
    html("href=\"../../files/", "href=\"file:///files/").has(
        "link-scheme",
        "error",
        &["found `file:///files/"],
    );
}

#[test]
fn link_insecure() {
    html("href=\"../../files/", "href=\"http://host.example/files/").has(
        "link-insecure",
        "error",
        &["expected a link by https"],
    );
}

#[test]
fn anchor_text() {
    html(">other-2.0-py3-none-any.whl<", ">other-2.1-py3-none-any.whl<").has(
        "anchor-text",
        "warning",
        &["ends in `other-2.0-py3-none-any.whl`"],
    );
}

#[test]
fn filename_foreign() {
    both(
        "other",
        ("\"filename\":\"other-2.0", "\"filename\":\"another-2.0"),
        (">other-2.0", ">another-2.0"),
    )
    .has("filename-foreign", "warning", &["is a file of `another`"]);
}

#[test]
fn file_duplicate() {
    planted(|asked, reply| {
        if asked.path == "/simple/other/" && reply.is_html() {
            let text = String::from_utf8(reply.body.clone()).expect("is text");
            let start = text.find("<a ").expect("has a link");
            let end = text.find("</a>").expect("ends") + 4;
            let other = text[start..end].replace("#sha256=", "#sha256=00").replacen("00", "0", 1);
            reply.body = [&text[..start], &other, &text[start..]].concat().into_bytes();
        }
    })
    .has("file-duplicate", "error", &["stands there twice, with different"]);
}

#[test]
fn requires_python_invalid() {
    both(
        "demo-pkg",
        ("\"requires-python\":\">=3.8\"", "\"requires-python\":\"three\""),
        ("data-requires-python=\"&gt;=3.8\"", "data-requires-python=\"three\""),
    )
    .is("requires-python-invalid", "warning", &["found `three`"]);
}

#[test]
fn core_metadata_legacy() {
    html(" data-core-metadata", " data-x").is("core-metadata-legacy", "note", &["alone"]);
    let twice = ",\"dist-info-metadata\":false,\"size\":";
    json(",\"size\":", twice).is_clean();
}

#[test]
fn core_metadata_differs() {
    html(" data-dist-info-metadata=\"sha256=", " data-dist-info-metadata=\"sha256=00").is(
        "core-metadata-differs",
        "warning",
        &[],
    );
}

#[test]
fn provenance_url() {
    both(
        "other",
        (",\"size\":", ",\"provenance\":\"../p.json\",\"size\":"),
        (" data-size", " data-provenance=\"../p.json\" data-size"),
    )
    .is("provenance-url", "warning", &["found `../p.json`"]);
}

#[test]
fn status_unknown() {
    both(
        "other",
        ("\"versions\"", "\"project-status\":{\"status\":\"asleep\"},\"versions\""),
        ("<title>", "<meta name=\"pypi:project-status\" content=\"asleep\"><title>"),
    )
    .is("status-unknown", "warning", &["found `asleep`"]);
}

#[test]
fn status_place() {
    both(
        "other",
        ("\"api-version\"", "\"project-status\":\"archived\",\"api-version\""),
        ("<title>", "<meta name=\"pypi:project-status\" content=\"archived\"><title>"),
    )
    .is("status-place", "warning", &["inside of `meta`"]);
}

#[test]
fn status_quarantined() {
    both(
        "other",
        ("\"versions\"", "\"project-status\":{\"status\":\"quarantined\"},\"versions\""),
        ("<title>", "<meta name=\"pypi:project-status\" content=\"quarantined\"><title>"),
    )
    .is("status-quarantined", "warning", &["found 1"]);
}

#[test]
fn forms_differ() {
    planted(|asked, reply| {
        if asked.path == "/simple/demo-pkg/" && reply.is_html() {
            let text = String::from_utf8(reply.body.clone()).expect("is text");
            let start = text.rfind("<a ").expect("has a link");
            let end = text.rfind("</a>").expect("ends") + 4;
            reply.body = [&text[..start], &text[end..]].concat().into_bytes();
        }
    })
    .is("forms-differ", "error", &["HTML (as a browser asks) lacks `demo_pkg-1.1"]);
}

#[test]
fn attributes_differ() {
    html(" data-size", " data-yanked=\"bad\" data-size").is(
        "attributes-differ",
        "warning",
        &["`yanked`"],
    );
}
