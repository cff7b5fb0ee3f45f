//! How pages look: on small and large screens, in light and dark, for those who cannot see or use a
//! mouse, without scripts, from disk; and that hostile text stays text.

use serde_json::{Value, json};
use url::Url;

use super::sites::{self, CHANNELS, LINUX};
use crate::support::Workspace;
use crate::support::browser::Browser;

/// A page of every type of [`sites::of_every_type`], as `look.mjs` and `visit.mjs` take them.
fn every_type() -> Value {
    let fits = "python=3.12&platform=linux_x86_64&glibc=2.35&cuda=12.8&gpu=8.9&torch=2.9";
    let none = "python=3.14&platform=linux_x86_64&glibc=2.17&cuda=11.8&gpu=7.5";
    json!([
        {"path": "", "finder": true},
        {"path": format!("?{fits}&project=flash-attn"), "finder": true},
        {"path": "packages/flash-attn/", "finder": true},
        {"path": format!("packages/flash-attn/?{fits}"), "finder": true},
        {"path": format!("packages/flash-attn/?{none}"), "finder": true},
        {"path": "packages/tiny-kernels/", "finder": true},
        {"path": "packages/old-thing/", "finder": true},
        {"path": "packages/"},
        {"path": "cu128/"},
        {"path": "coverage/"},
        {"path": "rejected/"},
        {"path": "nothing-here/", "missing": true},
    ])
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("is a list")
}

/// Looks at every page type at these widths.
fn looks(browser: &Browser, viewports: &Value, axe: bool) -> Vec<Value> {
    let workspace = sites::of_every_type();
    let served = workspace.serve(&[]);
    let parameters = json!({"pages": every_type(), "viewports": viewports, "axe": axe});
    let looks = browser.play(&workspace, "look", &served.url, parameters);
    list(&looks).to_vec()
}

#[test]
fn a_button_says_of_which_file_it_copies_the_digest() {
    let Some(browser) = Browser::get() else { return };
    let workspace = sites::of_every_type();
    let served = workspace.serve(&[]);
    let parameters = json!({"path": "packages/tiny-kernels/"});
    let labels = browser.play(&workspace, "labels", &served.url, parameters);
    let labels: Vec<&str> = list(&labels).iter().filter_map(Value::as_str).collect();
    let digests = labels.iter().filter_map(|label| label.strip_prefix("Copy SHA-256 of "));
    let digests: Vec<&str> = digests.collect();
    assert!(!digests.is_empty(), "{labels:#?}");
    assert!(digests.iter().all(|file| file.starts_with("tiny_kernels-")), "{labels:#?}");
    assert!(labels.contains(&"Copy pip command"), "{labels:#?}");
}

#[test]
fn no_page_is_wider_than_a_small_phone() {
    let Some(browser) = Browser::get() else { return };
    let looks = looks(browser, &json!([{"width": 360, "height": 740}]), false);
    assert_eq!(looks.len(), 24);
    let wide: Vec<&Value> = looks
        .iter()
        .filter(|look| look["scrollWidth"].as_u64() > Some(360) || look["sticksOut"] != json!([]))
        .collect();
    assert!(wide.is_empty(), "{wide:#?}");
    // Light and dark are not the same.
    for pair in looks.chunks(2) {
        assert_ne!(pair[0]["background"], pair[1]["background"], "{}", pair[0]["look"]);
    }
}

#[test]
fn axe_finds_no_violation_on_any_page() {
    let Some(browser) = Browser::get() else { return };
    let viewports = json!([{"width": 390, "height": 844}, {"width": 1280, "height": 900}]);
    let looks = looks(browser, &viewports, true);
    assert_eq!(looks.len(), 48);
    let violations: Vec<String> = looks
        .iter()
        .filter(|look| look["violations"] != json!([]))
        .map(|look| format!("{}: {:#}", look["look"], look["violations"]))
        .collect();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
    let states = |state: &str| looks.iter().filter(|look| look["state"] == state).count();
    assert_eq!((states("fits"), states("none")), (8, 4), "answers of both kinds were looked at");
}

/// Pages that do each what a page may not.
const BAD_PAGES: [(&str, &str, &str); 5] = [
    ("image", "<img src=\"https://other.invalid/x.png\">", "asked for https://other.invalid/"),
    ("console", "<script>console.log('words')</script>", "log: words"),
    ("thrown", "<script>throw new Error('flaw')</script>", "thrown: Error: flaw"),
    ("dialog", "<script>alert('look')</script>", "dialog: look"),
    ("absent", "<img src=\"absent.png\" alt=\"\">", "404 for "),
];

#[test]
fn what_pages_may_not_do_is_seen() {
    let Some(browser) = Browser::get() else { return };
    let workspace = Workspace::new();
    sites::put(&workspace, "demo", "1.0", "py3-none-any", |wheel| wheel);
    workspace.build(&[]);
    for (name, body, _) in BAD_PAGES {
        let html = format!(
            "<!doctype html><html><head><link rel=\"icon\" href=\"data:,\"></head>\
             <body>{body}</body></html>"
        );
        workspace.write(&format!("site/{name}.html"), html);
    }
    let served = workspace.serve(&[]);
    for (name, _, complaint) in BAD_PAGES {
        let pages = json!({"pages": [{"path": format!("{name}.html")}]});
        let told = browser.tell(&workspace, "visit", &served.url, pages);
        let seen = told.complaints.iter().any(|text| text.starts_with(complaint));
        assert!(seen, "{name}: {:?}", told.complaints);
    }
    let wide = "<!doctype html><meta name=\"viewport\" content=\"width=device-width\">\
                <img src=\"data:,\" width=\"400\" height=\"9\">";
    workspace.write("site/wide.html", wide);
    let viewports = json!([{"width": 360, "height": 740}]);
    let parameters = json!({"pages": [{"path": "wide.html"}], "viewports": viewports, "axe": true});
    let look = &browser.tell(&workspace, "look", &served.url, parameters).result[0];
    assert_ne!(look["violations"], json!([]), "axe sees an image without a text");
    assert!(look["scrollWidth"].as_u64() > Some(360) && look["sticksOut"] != json!([]), "{look:#}");
}

#[test]
fn no_page_asks_another_host_or_complains() {
    let Some(browser) = Browser::get() else { return };
    let workspace = sites::of_every_type();
    let served = workspace.serve(&[]);
    let pages = json!({"pages": every_type()});
    let visits = browser.play(&workspace, "visit", &served.url, pages);
    for visit in list(&visits) {
        for source in list(&visit["scripts"]).iter().chain(list(&visit["images"])) {
            let source = source.as_str().expect("has a source");
            assert!(!source.contains("//") || source.starts_with("data:"), "{source} in {visit:#}");
        }
    }
    // Links of other hosts are for people to follow.
    let kernels = list(&visits)
        .iter()
        .find(|visit| visit["title"].as_str() == Some("tiny-kernels · Wheels for GPUs"));
    let links = list(&kernels.expect("was visited")["links"]);
    assert!(links.contains(&json!("https://docs.example/")), "{links:#?}");
}

/// Leaves the text or the attribute that it stands in, and runs.
const BREAKOUT: &str = "\"'></code></script></title><img src=x onerror=\"document.title='owned'\">\
                        <script>document.title='owned'</script>";

#[test]
fn hostile_text_stays_text_in_pages_finder_and_addresses() {
    let Some(browser) = Browser::get() else { return };
    let workspace = Workspace::new();
    let (channel, device) = CHANNELS[1];
    for version in ["1.0", "1.1"] {
        let tags = format!("cp312-cp312-{LINUX}");
        sites::put(&workspace, "flash-attn", &format!("{version}+{channel}"), &tags, |wheel| {
            sites::with_device_code(device)(wheel)
                .header(&format!("Summary: {BREAKOUT}"))
                .header(&format!("Author: {BREAKOUT}"))
                .header(&format!("License: {BREAKOUT}"))
                .header(&format!("Project-URL: {BREAKOUT}, https://x.example/\"onclick=\"x"))
                .header(&format!("Provides-Extra: {BREAKOUT}"))
                .description(
                    "text/markdown",
                    &format!("{BREAKOUT}\n\n[x](javascript:{BREAKOUT})\n\n`{BREAKOUT}`"),
                )
        });
    }
    workspace.write("wheels/broken-1.0-py3-none-any.whl", BREAKOUT);
    let quoted = serde_json::to_string(BREAKOUT).expect("serializes");
    workspace.write(
        "config/site.yml",
        format!(
            "title: {quoted}\ndescription: {quoted}\nprojects:\n  flash-attn:\n    \
             status: archived\n    status_reason: {quoted}\n    yanked:\n      \"1.1\": {quoted}\n"
        ),
    );
    workspace.build(&["--on-reject", "exclude"]);
    let served = workspace.serve(&[]);
    let query: String =
        ["python", "platform", "glibc", "cuda", "driver", "gpu", "torch", "project", "q"]
            .map(|key| {
                format!(
                    "{key}={}&",
                    url::form_urlencoded::byte_serialize(BREAKOUT.as_bytes()).collect::<String>()
                )
            })
            .concat();
    let parameters = json!({"pages": [
        {"path": "", "finder": true},
        {"path": format!("?{query}"), "finder": true},
        {"path": "packages/flash-attn/", "finder": true},
        {"path": format!("packages/flash-attn/?{query}"), "finder": true},
        {"path": "packages/flash-attn/?python=3.13", "finder": true},
        {"path": format!("packages/flash-attn/#{query}"), "finder": true},
        {"path": "packages/"},
        {"path": "cu128/"},
        {"path": "coverage/"},
        {"path": "rejected/"},
        {"path": "nothing-here/", "missing": true},
    ]});
    let visits = browser.play(&workspace, "visit", &served.url, parameters);
    for visit in list(&visits) {
        let title = visit["title"].as_str().expect("is text");
        assert!(title.ends_with(BREAKOUT), "the title is the site's: {visit:#}");
        assert_eq!(visit["handlers"], 0, "{visit:#}");
        for source in list(&visit["scripts"]) {
            assert!(source.as_str().is_some_and(|source| source.contains("assets/")), "{visit:#}");
        }
    }
    let project = &visits[2]["text"];
    assert!(
        project.as_str().is_some_and(|text| text.contains("onerror=")),
        "shown as text: {project}"
    );
}

#[test]
fn without_javascript_the_tables_answer() {
    let Some(browser) = Browser::get() else { return };
    let workspace = sites::of_every_type();
    let served = workspace.serve(&[]);
    let parameters = json!({"paths": ["", "packages/flash-attn/", "packages/tiny-kernels/"]});
    let pages = browser.play(&workspace, "scriptless", &served.url, parameters);
    for (path, page) in pages.as_object().expect("is an object") {
        assert_eq!((&page["finder"], &page["search"]), (&json!(false), &json!(false)), "{path}");
        assert_eq!(page["buttons"], json!([]), "{path}");
    }
    let home = list(&pages[""]["links"]);
    assert!(home.contains(&json!("packages/flash-attn/")), "{home:#?}");

    let project = &pages["packages/flash-attn/"];
    let file = sites::flash_attn_name("cu128", "2.9", "cp312");
    let files = workspace.json("site/packages/flash-attn/files.json");
    let facts = list(&files["files"]).iter().find(|entry| entry["filename"] == file.as_str());
    let sha256 = facts.expect("is there")["sha256"].as_str().expect("is known");
    let rows = list(&project["tables"]).iter().flat_map(list);
    let row = rows.map(|cells| {
        let cells = list(cells).iter().map(|cell| cell.as_str().expect("is text"));
        cells.collect::<Vec<_>>().join("\n")
    });
    let row = row.into_iter().find(|row| row.contains(&file)).expect("has a row");
    for fact in
        ["cp312", "x86_64", "CUDA 12.8", "sm_80", "sm_90", "torch 2.9", "glibc 2.28", sha256]
    {
        assert!(row.contains(fact), "{fact} in {row}");
    }
    let commands = list(&project["commands"]).iter().map(|text| text.as_str().expect("is text"));
    let commands: Vec<&str> = commands.collect();
    for command in
        ["pip install \"flash-attn==", "uv pip install \"flash-attn==", "[[tool.uv.index]]"]
    {
        assert!(commands.iter().any(|text| text.contains(command)), "{command} in {commands:#?}");
    }
    let text = project["text"].as_str().expect("is text");
    assert!(text.contains("gives wrong gradients"), "{text}");
}

#[test]
fn pages_from_disk_show_and_say_why_there_is_no_finder() {
    let Some(browser) = Browser::get() else { return };
    let workspace = sites::of_every_type();
    let site = Url::from_directory_path(workspace.site()).expect("is absolute");
    let paths = ["index.html", "packages/flash-attn/index.html", "coverage/index.html"];
    let parameters = json!({"paths": paths});
    let pages = browser.play(&workspace, "disk", site.as_str(), parameters);
    for (page, path) in list(&pages).iter().zip(paths) {
        let title = page["title"].as_str().expect("is text");
        assert!(title.ends_with("Wheels for GPUs"), "{page:#}");
        for (key, expected) in [("form", false), ("styled", true), ("scripted", true)] {
            assert_eq!(page[key], expected, "{path}: {key}");
        }
        let text = page["text"].as_str().expect("is text");
        let says = text.contains("The finder needs the site to be served over HTTP");
        assert_eq!(says, path != "coverage/index.html", "{path}: {text}");
    }
}
