//! Sites on real servers, each put there by the real program for its host, with what clients then
//! install and browsers see.

mod matrix;
mod profiles;
mod servers;
mod worker;

use std::collections::BTreeSet;
use std::process::Command;

use reqwest::blocking::Response;

use crate::publish::garage::{WEBSITE, static_website};
use crate::support::clients::{CLIENTS, Index};
use crate::support::garage::garage;
use crate::support::managers::{MANAGERS, managers};
use crate::support::proxy::Proxy;
use crate::support::reader::client;
use crate::support::tools::has_program;
use crate::support::{Run, Wheel};
use servers::Running;

const JSON: &str = "application/vnd.pypi.simple.v1+json";

/// What a site on a server must do.
struct Hosted {
    /// Its row in the table.
    row: &'static str,
    /// Of the site, with a slash at the end.
    url: String,
    /// Whether who asks for JSON gets it.
    negotiates: bool,
    /// Whether an address without its slash leads to the one with it.
    redirects: bool,
    /// Whether the site says what may be kept for how long.
    caches: bool,
    /// Whether parts of files can be had.
    ranges: bool,
}

impl Hosted {
    /// A server of files, which does no more than that.
    fn plainly(row: &'static str, url: String) -> Self {
        Self { row, url, negotiates: false, redirects: true, caches: false, ranges: false }
    }
}

/// Two channels of a project, and one that needs it.
fn index(arguments: &[&str]) -> Option<Index> {
    let index = Index::new()?;
    index.workspace.wheel(&Wheel::new("demo", "1.0+cu126"));
    index.workspace.wheel(&Wheel::new("demo", "1.0+cu128"));
    index.workspace.wheel(&Wheel::new("other", "2.0").header("Requires-Dist: demo"));
    index.workspace.build(arguments);
    Some(index)
}

/// Publishes the site, for the host that it was built for.
#[track_caller]
fn publish(index: &Index, environment: &[(&str, String)], target: &str) {
    let mut command = index.workspace.command(&["publish", "--to", target]);
    command.env("NO_PROXY", "127.0.0.1,localhost");
    let run = Run::of(command.envs(environment.iter().map(|(name, value)| (*name, value))));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

fn get(url: &str, headers: &[(&str, &str)]) -> Response {
    let request =
        headers.iter().fold(client().get(url), |it, (name, value)| it.header(*name, *value));
    request.send().expect("is answered")
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().expect("is text"))
}

/// What a content type is called in the table.
fn form(content_type: Option<&str>) -> String {
    match content_type.map(|it| it.split(';').next().unwrap_or_default()) {
        Some(JSON) => "JSON".to_owned(),
        Some("text/html") => "HTML".to_owned(),
        other => panic!("installers refuse pages of the type {other:?}"),
    }
}

/// Installs with every client, and gives the form that each was sent.
#[track_caller]
fn install_with_all(index: &Index, url: &str) -> Option<Vec<String>> {
    let mut forms = Vec::new();
    let upstream = url.split('/').take(3).collect::<Vec<_>>().join("/");
    let path = &url[upstream.len()..];
    let through = |proxy: &Proxy| {
        // Garage knows the bucket by this name.
        format!("{}{path}", proxy.url.replace("127.0.0.1", "localhost"))
    };
    let form_of = |proxy: &Proxy| form(proxy.content_type("/simple/other/").as_deref());
    for client in CLIENTS {
        let proxy = Proxy::start(&upstream);
        let installed = index.install(client, &format!("{}simple/", through(&proxy)), &["other"]);
        installed.has(&["demo==1.0+cu128", "other==2.0"]);
        installed.runs(index, "import demo; assert demo.__version__ == '1.0+cu128'");
        forms.push(form_of(&proxy));
        let channel = format!("{}cu126/simple/", through(&proxy));
        index.install(client, &channel, &["other"]).has(&["demo==1.0+cu126", "other==2.0"]);
    }
    let bin = managers()?;
    for manager in MANAGERS {
        let proxy = Proxy::start(&upstream);
        let simple = format!("{}simple/", through(&proxy));
        let installed = manager.install(bin, &index.workspace, &simple, &["other==2.0"]);
        let expected = ["demo==1.0+cu128", "other==2.0"].map(str::to_owned);
        assert_eq!(installed.expect("installs"), expected.into(), "{manager:?}");
        forms.push(form_of(&proxy));
    }
    Some(forms)
}

/// Who asks for what, and whether that is JSON.
const ASKS: [(&str, bool); 20] = [
    ("", false),
    ("*/*", false),
    // pip, uv, Poetry, Firefox.
    (
        "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, \
            text/html; q=0.01",
        true,
    ),
    (
        "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, \
            text/html;q=0.01",
        true,
    ),
    ("application/vnd.pypi.simple.v1+json, */*;q=0.1", true),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false),
    ("application/vnd.pypi.simple.v1+json", true),
    ("application/vnd.pypi.simple.latest+json", true),
    ("APPLICATION/VND.PYPI.SIMPLE.V1+JSON ; Q=0.5", true),
    ("application/vnd.pypi.simple.v1+html", false),
    ("application/vnd.pypi.simple.v1+json;q=0, text/html", false),
    ("application/vnd.pypi.simple.v1+json;q=0.0, text/html;q=0.1", false),
    ("text/html;q=0.9, application/vnd.pypi.simple.v1+json;q=0.1", false),
    ("text/html, application/vnd.pypi.simple.v1+json", true),
    ("text/html;q=0.5, application/vnd.pypi.simple.v1+json;q=0.5", true),
    ("text/html;q=0.5, application/vnd.pypi.simple.v1+json;q=0.4", false),
    ("text/html;q=1.0, application/vnd.pypi.simple.v1+json;q=0.9", false),
    ("text/html;q=1.000, application/vnd.pypi.simple.v1+json;q=1.000", true),
    ("application/vnd.pypi.simple.v1+json;q=0.5, */*;q=0.8", false),
    ("application/json", false),
];

/// Tries all that a site on a server promises, and compares the row of the table.
#[track_caller]
fn check(index: &Index, hosted: &Hosted) {
    let Hosted { row, url, .. } = hosted;
    let page = format!("{url}simple/other/");
    for folder in ["", "cu126/", "all/"] {
        for project in ["", "demo/"] {
            let page = format!("{url}{folder}simple/{project}");
            for (accept, wants_json) in ASKS {
                let answer = get(&page, &[("accept", accept)]);
                let is_json = wants_json && hosted.negotiates;
                let expected = if is_json { "JSON" } else { "HTML" };
                assert_eq!(answer.status(), 200, "{row}: {page}");
                assert_eq!(
                    form(Some(header(&answer, "content-type"))),
                    expected,
                    "{row}: {accept}"
                );
                let varies = answer.headers().get_all("vary").iter().any(|it| it == "Accept");
                assert_eq!(varies, hosted.negotiates, "{row}: {page}");
                let starts = if is_json { "{" } else { "<!DOCTYPE html>" };
                assert!(answer.text().expect("is text").starts_with(starts), "{row}: {accept}");
            }
        }
    }
    let missing = get(&format!("{url}simple/nowhere/"), &[("accept", ASKS[2].0)]);
    assert_eq!(missing.status(), 404, "{row}");
    assert_ne!(header(&missing, "content-type"), JSON, "{row}");

    let answer = get(page.trim_end_matches('/'), &[("accept", ASKS[2].0)]);
    if hosted.redirects {
        assert!([301, 302, 307, 308].contains(&answer.status().as_u16()), "{row}");
        let to = answer.url().join(header(&answer, "location")).expect("is a URL");
        assert_eq!(to.path(), reqwest::Url::parse(&page).expect("is a URL").path(), "{row}");
    } else {
        assert_eq!(answer.status(), 404, "{row}");
    }

    let links = get(&format!("{url}cu126/simple/demo/"), &[]).text().expect("is text");
    let (_, file) = links.split_once("href=\"../../../").expect("links to a file");
    let file = format!("{url}{}", file.split(['#', '"']).next().expect("is a URL"));
    let wheel = get(&file, &[]);
    assert!(file.contains("%2B") && wheel.status() == 200, "{row}: {file}");
    let metadata = get(&format!("{file}.metadata"), &[]);
    let absent = get(&format!("{file}.absent"), &[]);
    assert_eq!((metadata.status().as_u16(), absent.status().as_u16()), (200, 404), "{row}");
    if hosted.caches {
        assert_eq!(header(&wheel, "content-type"), "application/octet-stream", "{row}");
        assert_eq!(header(&metadata, "content-type"), "text/plain; charset=utf-8", "{row}");
        let lasts = |answer: &Response| header(answer, "cache-control").contains("immutable");
        assert!(lasts(&wheel) && lasts(&metadata) && !lasts(&absent), "{row}");
        let page = get(&page, &[]);
        assert!(header(&page, "cache-control").contains("must-revalidate"), "{row}");
        let json = get(&format!("{url}simple/other/index.v1_json"), &[]);
        assert_eq!(header(&json, "content-type"), JSON, "{row}: at its own address");
    }
    if hosted.ranges {
        let whole = wheel.bytes().expect("is read");
        let part = get(&file, &[("range", "bytes=4-9")]);
        assert_eq!(part.status(), 206, "{row}");
        assert_eq!(header(&part, "content-range"), format!("bytes 4-9/{}", whole.len()), "{row}");
        assert_eq!(part.bytes().expect("is read"), whole[4..10], "{row}");
        let behind = get(&file, &[("range", &format!("bytes={}-", whole.len()))]);
        assert_eq!(behind.status(), 416, "{row}");
    }

    let Some(mut cells) = install_with_all(index, url) else { return };
    let expected = if hosted.negotiates { "JSON" } else { "HTML" };
    assert!(cells.iter().all(|form| form == expected), "{row}: {cells:?}");
    let browser = get(&page, &[("accept", ASKS[5].0)]);
    cells.push(form(Some(header(&browser, "content-type"))));
    cells.push(missing.status().as_u16().to_string());
    matrix::compare(row, &cells);
    is_clean(index, hosted);
}

/// What `doctor` says of the site: nothing but what its host cannot do.
#[track_caller]
fn is_clean(index: &Index, hosted: &Hosted) {
    let mut command = index.workspace.command(&[
        "doctor",
        &hosted.url,
        "--all",
        "--channels",
        "--format",
        "json",
    ]);
    let run = Run::of(command.env("NO_PROXY", "127.0.0.1,localhost"));
    let report = run.json();
    let findings = report["findings"].as_array().expect("is a list");
    assert_eq!(run.code, Some(0), "{}: {findings:#?}", hosted.row);
    assert!(findings.iter().all(|it| it["severity"] == "note"), "{}: {findings:#?}", hosted.row);
    let told: BTreeSet<&str> = findings.iter().filter_map(|it| it["check"].as_str()).collect();
    let lacks_ranges = !hosted.ranges && hosted.row != "r2";
    let expected = [
        (!hosted.negotiates).then_some("json-missing"),
        (!hosted.redirects).then_some("slash-absent"),
        lacks_ranges.then_some("range-missing"),
    ];
    assert_eq!(told, expected.into_iter().flatten().collect(), "{}: {findings:#?}", hosted.row);
    let places: BTreeSet<String> =
        findings.iter().map(|it| format!("{} {}", it["check"], it["url"])).collect();
    assert_eq!(places.len(), findings.len(), "nothing is told twice");
}

#[test]
fn nginx() {
    let site_url = "https://host.example/a.b/wheels/";
    let Some(index) = index(&["--host", "nginx", "--site-url", site_url]) else { return };
    publish(&index, &[], "www/a.b/wheels");
    let www = index.workspace.path("www");
    let included = index.workspace.path("included.conf");
    std::fs::copy(www.join("a.b/wheels/wheelsite.nginx.conf"), &included).expect("copies");
    let Some(server) = servers::nginx(&index.workspace, &www, &included) else { return };
    on_a_server(&index, &server, "nginx", "wheelsite.nginx.conf");
}

#[test]
fn caddy() {
    let site_url = "https://host.example/a.b/wheels/";
    let Some(index) = index(&["--host", "caddy", "--site-url", site_url]) else { return };
    publish(&index, &[], "www/a.b/wheels");
    let www = index.workspace.path("www");
    let imported = index.workspace.path("imported.caddyfile");
    std::fs::copy(www.join("a.b/wheels/wheelsite.caddyfile"), &imported).expect("copies");
    let Some(server) = servers::caddy(&index.workspace, &www, &imported) else { return };
    on_a_server(&index, &server, "caddy", "wheelsite.caddyfile");
}

/// A site below a path of a server that takes its configuration from the site.
#[track_caller]
fn on_a_server(index: &Index, server: &Running, row: &'static str, configuration: &str) {
    let url = format!("{}a.b/wheels/", server.url());
    let hidden = get(&format!("{url}{configuration}"), &[]);
    assert_eq!(hidden.status(), 404, "what configures the server is not shown");
    let bare = get(url.trim_end_matches('/'), &[]);
    assert!(bare.status().is_redirection(), "{row}");
    assert!(header(&bare, "location").ends_with("/a.b/wheels/"), "{row}");
    let shown = get(&format!("{url}nowhere"), &[]).text().expect("is text");
    assert_eq!(shown.trim_end(), index.workspace.read("site/404.html").trim_end());
    // A dot of the path is a dot, and nothing else. (Caddy answers the rest with nothing.)
    let elsewhere = get(&format!("{}aXb/wheels/simple/", server.url()), &[("accept", JSON)]);
    assert_ne!(header(&elsewhere, "content-type"), JSON);
    let hosted = Hosted { row, url, negotiates: true, redirects: true, caches: true, ranges: true };
    check(index, &hosted);
}

#[test]
fn nginx_and_caddy_serve_a_root() {
    let Some(index) = index(&["--host", "nginx", "--pages", "none"]) else { return };
    let site = index.workspace.site();
    let included = site.join("wheelsite.nginx.conf");
    let Some(server) = servers::nginx(&index.workspace, &site, &included) else { return };
    let is_right = |server: &Running| {
        let page = get(&format!("{}cu126/simple/demo/", server.url()), &[("accept", JSON)]);
        assert_eq!(header(&page, "content-type"), JSON);
        let missing = get(&format!("{}nowhere", server.url()), &[]);
        assert_eq!(missing.status(), 404);
        assert!(missing.text().expect("is text").contains("This index has no such page"));
    };
    is_right(&server);
    index.workspace.build(&["--host", "caddy", "--pages", "none"]);
    assert!(!included.exists(), "it goes with its profile");
    let imported = site.join("wheelsite.caddyfile");
    let Some(server) = servers::caddy(&index.workspace, &site, &imported) else { return };
    is_right(&server);
}

#[test]
fn cloudflare_pages() {
    let Some(index) = index(&["--host", "cloudflare-pages"]) else { return };
    let Some(server) = servers::pages(&index.workspace.site()) else { return };
    let url = server.url();
    let hidden = get(&format!("{url}_worker.js"), &[]);
    assert_ne!(hidden.status(), 200, "what configures the host is not shown");
    let hosted = Hosted {
        row: "cloudflare-pages",
        url,
        negotiates: true,
        redirects: true,
        caches: true,
        ranges: true,
    };
    check(&index, &hosted);
}

#[test]
fn cloudflare_pages_below_a_path() {
    let site_url = ["--site-url", "https://host.example/wheels/", "--output", "deploy/wheels"];
    let Some(index) = index(&[&["--host", "cloudflare-pages"], &site_url[..]].concat()) else {
        return;
    };
    for file in ["_headers", "_routes.json", "_worker.js", "404.html"] {
        let [from, to] = ["deploy/wheels", "deploy"].map(|it| index.workspace.path(it).join(file));
        std::fs::copy(from, to).expect("copies");
    }
    let Some(server) = servers::pages(&index.workspace.path("deploy")) else { return };
    let url = format!("{}wheels/", server.url());
    for (accept, is_json) in ASKS {
        let page = get(&format!("{url}cu126/simple/demo/"), &[("accept", accept)]);
        assert_eq!(header(&page, "content-type") == JSON, is_json, "{accept}");
    }
    index
        .install(CLIENTS[1], &format!("{url}simple/"), &["other"])
        .has(&["demo==1.0+cu128", "other==2.0"]);
}

#[test]
fn r2() {
    let Some(index) = index(&["--host", "r2"]) else { return };
    let Some(server) = servers::r2() else { return };
    let environment = [
        ("AWS_ENDPOINT_URL", format!("{}s3", server.url())),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
        ("AWS_REGION", "auto".to_owned()),
        ("AWS_ACCESS_KEY_ID", "key".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
    ];
    publish(&index, &environment, "s3://bucket/wheels");
    let hosted = Hosted {
        row: "r2",
        url: format!("{}wheels/", server.url()),
        negotiates: false,
        redirects: false,
        caches: true,
        // What lies behind the end of an object is 206 to miniflare.
        ranges: false,
    };
    check(&index, &hosted);
}

#[test]
fn s3_website() {
    let Some(garage) = garage() else { return };
    let Some(index) = index(&["--host", "s3-website"]) else { return };
    static_website(garage);
    let environment = garage.environment(&garage.endpoint);
    publish(&index, &environment, &format!("s3://{WEBSITE}/hosts"));
    let hosted = Hosted {
        row: "s3-website",
        url: format!("http://localhost:{}/hosts/", garage.web_port),
        negotiates: false,
        redirects: true,
        caches: true,
        ranges: true,
    };
    check(&index, &hosted);
}

#[test]
fn github_pages() {
    if !has_program("git") {
        return;
    }
    let Some(index) = index(&["--host", "github-pages"]) else { return };
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        index.workspace.confine(&mut git);
        let run = Run::of(git.args(arguments));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
    };
    git(&["init", "--quiet", "--bare", "pages.git"]);
    publish(&index, &[], "git+pages.git");
    git(&["clone", "--quiet", "--branch", "gh-pages", "pages.git", "www/wheels"]);
    let www = index.workspace.path("www");
    assert!(www.join("wheels/.nojekyll").is_file() && www.join("wheels/404.html").is_file());
    let Some(server) = servers::file_server(&www) else { return };
    let json = get(&format!("{}wheels/simple/other/index.v1_json", server.url()), &[]);
    assert_eq!(json.status(), 404);
    check(&index, &Hosted::plainly("github-pages", format!("{}wheels/", server.url())));
}

#[test]
fn a_plain_server_of_files() {
    let Some(index) = index(&[]) else { return };
    let Some(server) = servers::file_server(&index.workspace.site()) else { return };
    check(&index, &Hosted::plainly("plain", server.url()));
}

#[test]
fn a_folder_without_a_server() {
    let Some(index) = index(&[]) else { return };
    let url = index.file_url();
    let mut cells = Vec::new();
    for client in CLIENTS {
        index.install(client, &url, &["other"]).has(&["demo==1.0+cu128", "other==2.0"]);
        cells.push("HTML".to_owned());
    }
    let Some(bin) = managers() else { return };
    for manager in MANAGERS {
        let installed = manager.install(bin, &index.workspace, &url, &["other==2.0"]);
        cells.push(installed.map_or("no", |_| "HTML").to_owned());
    }
    matrix::compare("`file://`", &[&cells[..], &["HTML".to_owned(), "–".to_owned()]].concat());
}
