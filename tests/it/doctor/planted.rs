//! One flaw at a time in how an index answers, each test named after the check that it must trip.

use super::{Reply, planted};

const JSON: &str = "application/vnd.pypi.simple.v1+json";

#[test]
fn nothing() {
    planted(|_, _| {}).is_clean();
}

#[test]
fn json_missing() {
    let index = super::Index::html();
    let said = super::examine(&index.workspace, &index.served.url, &["--download"]);
    said.is("json-missing", "note", &["HTML alone"]);
}

#[test]
fn json_type() {
    planted(|asked, reply| {
        if asked.is_page() && reply.is_json() {
            reply.set("content-type", "application/json");
        }
    })
    .is("json-type", "error", &["expected the content type", "found `application/json`"]);
}

#[test]
fn json_type_is_explained_in_the_words_of_the_host() {
    let said = planted(|asked, reply| {
        reply.set("server", "GitHub.com");
        reply.set("x-github-request-id", "1");
        if asked.is_page() && reply.is_json() {
            reply.set("content-type", "application/json; charset=utf-8");
        }
    });
    said.is("json-type", "error", &[]);
    assert_eq!(said.report["indexes"][0]["server"], "github-pages");
    let hint = said.report["findings"][0]["hint"].as_str().expect("is a text");
    assert!(hint.contains("--host github-pages"), "{hint}");
}

#[test]
fn page_type() {
    for (from, to) in [("json", "text/plain"), ("html", "binary/octet-stream"), ("html", "")] {
        planted(move |asked, reply| {
            if asked.is_project() && reply.header("content-type").contains(from) {
                reply.remove("content-type");
                if !to.is_empty() {
                    reply.set("content-type", to);
                }
            }
        })
        .is("page-type", "error", &[if to.is_empty() { "found none" } else { to }]);
    }
}

#[test]
fn page_type_is_compared_as_uv_does() {
    planted(|asked, reply| {
        if asked.is_page() && reply.is_html() {
            reply.set("content-type", "Text/HTML");
        }
    })
    .is("page-type", "error", &["to the letter", "`Text/HTML`"]);
}

#[test]
fn page_form() {
    planted(|asked, reply| {
        if asked.is_project() && reply.is_html() {
            reply.set("content-type", JSON);
        }
    })
    .has("page-form", "error", &["expected JSON, found HTML"]);
}

#[test]
fn page_status() {
    planted(|asked, reply| {
        if asked.is_project() && reply.is_json() {
            *reply = Reply::new(406, "text/plain", "");
        }
    })
    .is("page-status", "error", &["as pip asks", "406"]);
}

#[test]
fn page_invalid() {
    planted(|asked, reply| {
        if asked.is_project() && reply.is_json() {
            reply.body.truncate(100);
        }
    })
    .is("page-invalid", "error", &[]);
}

#[test]
fn vary_missing() {
    planted(|asked, reply| {
        if asked.is_page() {
            reply.set("vary", "accept-encoding");
        }
    })
    .is("vary-missing", "warning", &["expected `Vary: Accept`", "`accept-encoding`"]);
}

#[test]
fn vary_ignored() {
    planted(|asked, reply| {
        if asked.is_page() {
            reply.set("cf-cache-status", "HIT");
        }
    })
    .is("vary-ignored", "note", &["cf-cache-status: HIT"]);
}

#[test]
fn page_cache() {
    planted(|asked, reply| {
        if asked.is_page() {
            reply.set("cache-control", "public, max-age=86400");
        }
    })
    .is("page-cache", "warning", &["at most 600 seconds", "max-age=86400"]);
}

#[test]
fn page_cache_is_told_by_all_lines_and_by_expires() {
    planted(|asked, reply| {
        if asked.is_page() {
            reply.set("cache-control", "public");
            reply.headers.push(("cache-control".to_owned(), "max-age=604800".to_owned()));
        }
    })
    .is("page-cache", "warning", &["public, max-age=604800"]);
    planted(|asked, reply| {
        if asked.is_page() {
            reply.remove("cache-control");
            reply.set("date", "Sun, 06 Nov 1994 08:49:37 GMT");
            reply.set("expires", "Sun, 13 Nov 1994 08:49:37 GMT");
        }
    })
    .is("page-cache", "warning", &["604800 seconds ahead"]);
}

#[test]
fn missing_project_found() {
    planted(|asked, reply| {
        if asked.is_page() && reply.status == 404 {
            *reply = Reply::new(200, "text/html", "<!DOCTYPE html><div id=app></div>");
        }
    })
    .is("missing-project-found", "error", &["expected 404, found 200 with a page in HTML"]);
}

#[test]
fn missing_project_status() {
    planted(|asked, reply| {
        if asked.is_page() && reply.status == 404 {
            *reply = Reply::new(403, "application/xml", "<Error/>");
        }
    })
    .is("missing-project-status", "warning", &["expected 404, found 403"]);
}

#[test]
fn slash_missing() {
    planted(|asked, reply| {
        if asked.path == "/simple/demo-pkg" {
            *reply = Reply::new(200, "text/html", "<!DOCTYPE html>");
        }
    })
    .is("slash-missing", "warning", &["expected a redirect to", "/simple/demo-pkg/"]);
}

#[test]
fn slash_absent() {
    planted(|asked, reply| {
        if asked.path == "/simple" {
            *reply = Reply::new(404, "text/plain", "");
        }
    })
    .is("slash-absent", "note", &["found 404"]);
}

#[test]
fn slash_removed() {
    // As hosts do that strip the slash from every URL: links lead to another folder.
    let index = super::Index::new();
    let upstream = index.served.url.clone();
    let fetch = move |path: &str| {
        let answer = reqwest::blocking::get(format!("{upstream}{path}")).expect("is answered");
        answer.bytes().expect("reads")
    };
    let flawed = index.flawed(move |asked, reply| {
        if asked.is_project() {
            *reply = Reply::new(308, "text/plain", "");
            reply.set("location", asked.path.trim_end_matches('/'));
        } else if ["/simple/other", "/simple/demo-pkg"].contains(&&*asked.path) {
            *reply = Reply::new(200, "text/html", fetch(&format!("{}/", &asked.path[1..])));
            reply.body = String::from_utf8_lossy(&reply.body).replace("../../f", "f").into_bytes();
        } else if let Some((_, file)) = asked.path.split_once("/files/")
            && asked.path.starts_with("/simple/other/")
        {
            *reply = Reply::new(200, "application/zip", fetch(&format!("files/{file}")));
        }
    });
    let said = super::examine(&index.workspace, &format!("{}simple/", flawed.url), &[]);
    said.has("slash-removed", "error", &["expected a URL that ends in `/`"]);
    said.has("slash-missing", "warning", &["found a page"]);
    said.has("file-missing", "error", &["found 404"]);
}

#[test]
fn name_form() {
    planted(|asked, reply| {
        if asked.path == "/simple/Demo_pkg/" {
            *reply = Reply::new(200, "text/html", "<!DOCTYPE html>");
        }
    })
    .is("name-form", "warning", &["expected the 2 files", "found 0 others"]);
}

#[test]
fn root_name() {
    planted(|asked, reply| {
        if asked.path == "/simple/" {
            let json = r#"{"name":"-nobody-"},{"name":"other"}"#;
            reply.edit(
                (r#"{"name":"other"}"#, json),
                ("<a href=\"other/\">", "<a href=\"x/\">-nobody-</a><a href=\"other/\">"),
            );
        }
    })
    .is("root-name", "warning", &["`-nobody-` is no name"]);
}

#[test]
fn root_link() {
    planted(|asked, reply| {
        if asked.path == "/simple/" && reply.is_html() {
            reply.replace("<a href=\"other/\">", "<a href=\"other\">");
        }
    })
    .is("root-link", "warning", &["`other`: expected a link that ends in `/`"]);
}

#[test]
fn project_missing() {
    planted(|asked, reply| {
        if asked.path == "/simple/other/" {
            *reply = Reply::new(404, "text/plain", "");
        }
    })
    .is("project-missing", "error", &["`other`"]);
}

#[test]
fn file_missing() {
    planted(|asked, reply| {
        if asked.path.ends_with("demo_pkg-1.1-py3-none-any.whl") {
            *reply = Reply::new(404, "text/plain", "");
        }
    })
    .is("file-missing", "error", &["demo_pkg-1.1", "found 404"]);
}

#[test]
fn file_size() {
    planted(|asked, reply| {
        if asked.is_project() {
            reply.edit(("\"size\":", "\"size\":1"), ("data-size=\"", "data-size=\"1"));
        }
    })
    .is("file-size", "error", &["bytes, found"]);
}

#[test]
fn file_size_is_that_of_all_bytes() {
    planted(|asked, reply| {
        // Somebody in between cuts it, and knows of it when asked for the whole.
        if asked.is_wheel() && asked.method == "GET" && asked.range.is_none() {
            reply.body.truncate(reply.body.len() - 1);
        }
    })
    .has("file-size", "error", &["bytes, found"]);
}

#[test]
fn file_hash_of_other_algorithms() {
    for algorithm in ["sha384", "sha512"] {
        planted(move |asked, reply| {
            if asked.is_project() {
                let digits = if algorithm == "sha384" { 96 } else { 128 };
                let text = String::from_utf8_lossy(&reply.body).into_owned();
                let cut = |text: &str, before: &str, after: &str| {
                    let mut parts = text.split(before);
                    let mut all = parts.next().unwrap_or_default().to_owned();
                    for part in parts {
                        all.push_str(after);
                        all.push_str(&"0".repeat(digits));
                        all.push_str(&part[64..]);
                    }
                    all
                };
                let text = cut(&text, "#sha256=", &format!("#{algorithm}="));
                let json = (r#""hashes":{"sha256":""#, format!(r#""hashes":{{"{algorithm}":""#));
                reply.body = cut(&text, json.0, &json.1).into_bytes();
            }
        })
        .has("file-hash", "error", &[algorithm]);
    }
}

#[test]
fn file_hash() {
    planted(|asked, reply| {
        // Another file under the same name, of the same size.
        if asked.is_wheel() && asked.path.contains("other") && reply.body.len() > 100 {
            reply.body[60] ^= 1;
        }
    })
    .is("file-hash", "error", &["expected the sha256"]);
}

#[test]
fn file_bytes() {
    planted(|asked, reply| {
        if asked.is_wheel() && asked.path.contains("other") {
            *reply = Reply::new(200, "text/html", "<!DOCTYPE html>sign in");
        }
    })
    .has("file-bytes", "error", &["expected a file, found one of type `text/html`"]);
}

#[test]
fn file_encoding() {
    planted(|asked, reply| {
        if asked.is_wheel() && asked.method == "HEAD" {
            reply.set("content-encoding", "gzip");
        }
    })
    .is("file-encoding", "error", &["found `gzip`"]);
}

#[test]
fn file_cache() {
    planted(|asked, reply| {
        if asked.is_wheel() {
            reply.set("cache-control", "no-store");
        }
    })
    .is("file-cache", "note", &["no-store"]);
}

#[test]
fn head_refused() {
    planted(|asked, reply| {
        if asked.method == "HEAD" {
            *reply = Reply::new(405, "text/plain", "");
        }
    })
    .is("head-refused", "note", &["found 405"]);
}

/// The whole file, whatever part was asked for.
fn without_ranges(index: &super::Index) -> super::Flawed {
    let upstream = index.served.url.clone();
    index.flawed(move |asked, reply| {
        reply.remove("accept-ranges");
        if asked.range.is_some() {
            let file = reqwest::blocking::get(format!("{upstream}{}", &asked.path[1..]));
            let bytes = file.expect("is answered").bytes().expect("reads");
            *reply = Reply::new(200, "application/octet-stream", bytes);
        }
        if asked.is_project() {
            for _ in 0..2 {
                let json = reply.is_json();
                if json && let Some(start) = find(&reply.body, b",\"core-metadata\":{") {
                    let end = start + find(&reply.body[start..], b"}").expect("ends") + 1;
                    reply.body.drain(start..end);
                }
                if !json {
                    for name in [" data-core-metadata", " data-dist-info-metadata"] {
                        reply.replace(name, " data-x");
                    }
                }
            }
        }
    })
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

#[test]
fn range_missing() {
    let index = super::Index::new();
    let flawed = without_ranges(&index);
    let said = super::examine(&index.workspace, &format!("{}simple/", flawed.url), &[]);
    said.has("range-missing", "warning", &["expected 206", "found 200"]);
    said.has("core-metadata-missing", "note", &["0 of 2 wheels"]);
    assert_eq!(said.checks().len(), 2, "{:#}", said.report);
}

#[test]
fn range_missing_matters_less_where_metadata_is_beside_the_wheel() {
    planted(|asked, reply| {
        reply.remove("accept-ranges");
        if asked.range.is_some() {
            let archive = [&b"PK\x03\x04"[..], &[0; 100]].concat();
            *reply = Reply::new(200, "application/octet-stream", archive);
        }
    })
    .is("range-missing", "note", &["expected 206"]);
}

#[test]
fn range_wrong() {
    planted(|asked, reply| {
        if asked.range.is_some() {
            reply.body = b"0123456789".to_vec();
        }
    })
    .is("range-wrong", "error", &["expected the first bytes"]);
}

#[test]
fn range_untold() {
    planted(|asked, reply| {
        if asked.method == "HEAD" {
            reply.remove("accept-ranges");
        }
    })
    .is("range-untold", "note", &[]);
}

#[test]
fn sidecar_missing() {
    planted(|asked, reply| {
        if asked.path.ends_with("other-2.0-py3-none-any.whl.metadata") {
            *reply = Reply::new(404, "text/plain", "");
        }
    })
    .is("sidecar-missing", "error", &["promised: expected a file, found 404"]);
}

#[test]
fn sidecar_hash() {
    planted(|asked, reply| {
        if asked.path.ends_with("other-2.0-py3-none-any.whl.metadata") {
            reply.body.extend(b"Summary: another\n");
        }
    })
    .is("sidecar-hash", "error", &["expected the sha256"]);
}

#[test]
fn sidecar_invalid() {
    planted(|asked, reply| {
        if asked.path.ends_with(".whl.metadata") && asked.path.contains("other") {
            reply.replace("Version: 2.0", "Version: 2.1");
        }
    })
    .has("sidecar-invalid", "error", &["expected that of other 2.0, found that of other 2.1"])
    .has("sidecar-hash", "error", &[]);
}
