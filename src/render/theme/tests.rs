use super::*;

fn load(choice: &ThemeChoice) -> Result<Theme> {
    Theme::load(choice, &BTreeMap::new())
}

/// A theme of these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("makes a folder");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("writes");
    }
    folder
}

fn chosen(folder: &tempfile::TempDir) -> ThemeChoice {
    ThemeChoice::Folder(folder.path().into())
}

fn fails(files: &[(&str, &str)]) -> Error {
    load(&chosen(&folder(files))).err().expect("fails")
}

fn set(options: &[(&str, Scalar)]) -> BTreeMap<String, Scalar> {
    options.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn text(value: &str) -> Scalar {
    Scalar::Text(value.to_owned())
}

#[test]
fn a_folder_overrides_file_by_file() {
    let folder = folder(&[("style.css", "body {}"), ("logo.png", "png"), ("README.md", "about")]);
    let default = load(&ThemeChoice::Default).expect("loads");
    let theme = load(&chosen(&folder)).expect("loads");
    let style = |theme: &Theme| theme.asset_paths()["style.css"].to_owned();
    assert_ne!(style(&theme), style(&default));
    assert_eq!(theme.asset_paths()["site.js"], default.asset_paths()["site.js"]);
    assert!(theme.asset_paths()["logo.png"].starts_with("assets/logo."));
    assert!(!theme.asset_paths().contains_key("README.md"));
    assert_ne!(theme.digest(), default.digest());
}

#[test]
fn a_broken_template_is_named_with_its_line() {
    let error = fails(&[("index.html", "\n{% if %}")]);
    assert!(error.to_string().contains("index.html:2"), "{error}");
    assert_eq!(error.exit_code(), 2);
    let error =
        fails(&[("index.html", "{% extends \"base.html\" %}\n\n  {% block x %}{% endblock %}")]);
    assert!(error.to_string().contains("index.html:3:"), "{error}");
    assert!(error.to_string().contains("`x`"), "{error}");
    let error = load(&ThemeChoice::Folder("nowhere".into())).err().expect("fails");
    assert!(error.hint().is_some());
}

#[test]
fn the_embedded_themes_are_sound() {
    for choice in [ThemeChoice::Default, ThemeChoice::Plain] {
        let theme = load(&choice).expect("loads");
        assert_eq!(check(&theme).expect("checks"), [], "{choice:?}");
    }
    let plain = load(&ThemeChoice::Plain).expect("loads");
    let names: Vec<&str> = plain.asset_paths().into_keys().collect();
    assert!(!names.iter().any(|name| name.ends_with(".js")), "{names:?}");
}

#[test]
fn a_new_theme_is_sound() {
    let parent = tempfile::tempdir().expect("makes a folder");
    let path = parent.path().join("mine");
    create(&path).expect("writes");
    let theme = load(&ThemeChoice::Folder(path.clone())).expect("loads");
    assert_eq!(check(&theme).expect("checks"), []);
    let error = create(&path).expect_err("overwrites nothing");
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn options_have_types() {
    let manifest = "theme_format: 1\noptions:\n\
        \x20 tint: {type: color, default: '#0af'}\n\
        \x20 width: {type: integer, min: 1, max: 9}\n\
        \x20 shape: {type: choice, values: [round, square], default: round}\n\
        \x20 logo: {type: asset}\n\x20 loud: {type: boolean, default: false}\n\
        \x20 motto: {type: text}\n";
    let folder = folder(&[("theme.yml", manifest), ("logo.svg", "<svg/>")]);
    let load = |options: &[(&str, Scalar)]| Theme::load(&chosen(&folder), &set(options));
    let theme = load(&[("width", Scalar::Integer(3)), ("logo", text("logo.svg"))]).expect("loads");
    let css = String::from_utf8(theme.assets[OPTIONS_CSS].bytes.clone()).expect("is UTF-8");
    assert!(css.contains("--option-tint: #0af;") && css.contains("--option-width: 3;"), "{css}");
    let other = load(&[("width", Scalar::Integer(4))]).expect("loads");
    assert_ne!(theme.digest(), other.digest(), "pages are made anew");
    for (name, value, expected) in [
        ("tint", text("red"), "a color such as"),
        ("tint", text("#000;} body{display:none"), "a color such as"),
        ("tint", Scalar::Integer(5), "a color such as"),
        ("width", Scalar::Integer(10), "from 1 to 9"),
        ("width", text("3"), "a whole number"),
        ("shape", text("oval"), "one of `round`, `square`"),
        ("logo", text("nothing.svg"), "a file of the theme"),
        ("loud", text("yes"), "`true` or `false`"),
        ("motto", Scalar::Boolean(true), "a text"),
    ] {
        let error = load(&[(name, value)]).err().expect(name);
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.to_string().contains("`theme_options`"), "{error}");
    }
    let error = load(&[("widht", Scalar::Integer(1))]).err().expect("fails");
    assert_eq!(error.hint().as_deref(), Some("did you mean `width`?"));
}

#[test]
fn a_manifest_says_what_it_expects() {
    for (manifest, part) in [
        ("name: mine\n", "`theme_format` is missing"),
        ("theme_format: 2\n", "expected `theme_format: 1`, found 2"),
        ("theme_format: 1\nextend: plain\n", "`extend`"),
        ("theme_format: 1\nname: default\n", "name of its own"),
        ("theme_format: 1\nname: 'a b'\n", "name of its own"),
        ("theme_format: 1\nomit: [nothing.js]\n", "`nothing.js`"),
        ("theme_format: 1\nomit: [base.html]\n", "`base.html`"),
        ("theme_format: 1\nextends: none\n", "no template"),
        ("theme_format: 1\noptions: {Big: {type: text}}\n", "`Big`"),
        ("theme_format: 1\noptions: {a: {type: number}}\n", "`number`"),
        ("theme_format: 1\noptions: {a: {type: color, default: red}}\n", "a color"),
    ] {
        let error = fails(&[("theme.yml", manifest)]);
        assert!(error.to_string().contains(part), "{manifest}: {error}");
        assert_eq!(error.exit_code(), 2, "{manifest}");
    }
    let twice = folder(&[("theme.yml", "theme_format: 1\nname: loop\nextends: .\n")]);
    let error = load(&chosen(&twice)).err().expect("fails");
    assert!(error.to_string().contains("built upon itself"), "{error}");
}

#[test]
fn themes_are_built_upon_each_other() {
    let parent = tempfile::tempdir().expect("makes a folder");
    for (name, files) in [
        (
            "one",
            &[
                ("theme.yml", "theme_format: 1\nname: one\n"),
                (
                    "index.html",
                    "{% extends \"default/index.html\" %}{% block title %}one{% endblock %}",
                ),
            ][..],
        ),
        (
            "two",
            &[
                ("theme.yml", "theme_format: 1\nname: two\nextends: ../one\n"),
                (
                    "index.html",
                    "{% extends \"one/index.html\" %}{% block title %}{{ super() }} two{% endblock %}",
                ),
                ("sheet.css", "@font-face { src: url(face.woff2) }"),
                ("face.woff2", "font"),
            ][..],
        ),
    ] {
        let folder = parent.path().join(name);
        std::fs::create_dir(&folder).expect("makes a folder");
        for (file, text) in files {
            std::fs::write(folder.join(file), text).expect("writes");
        }
    }
    let theme = load(&ThemeChoice::Folder(parent.path().join("two"))).expect("loads");
    let site = fixture::empty().expect("is made");
    let page = crate::render::people::People::new(&site.settings, &theme)
        .home(&site.index, &[], None)
        .expect("renders");
    let page = String::from_utf8(page).expect("is UTF-8");
    assert!(page.contains("<title>one two</title>"), "{page}");
    let font = theme.asset_paths()["face.woff2"].replace("assets/", "");
    let sheet = String::from_utf8(theme.assets["sheet.css"].bytes.clone()).expect("is UTF-8");
    assert!(sheet.contains(&format!("url({font})")), "{sheet}");
}

#[test]
fn what_is_wrong_with_a_theme_is_told_with_its_place() {
    let page = |body: &str| {
        format!(
            "{{% extends \"default/rejected.html\" %}}\n{{% block content %}}\n{body}{{% endblock %}}"
        )
    };
    for (body, place, part) in [
        ("{{ nothing }}", "rejected.html:3:4", "no variable `nothing`"),
        ("{% if false %}{{ nothing }}{% endif %}", "rejected.html:3:18", "no variable `nothing`"),
        ("{{ site.titel }}", "rejected.html:3:", "titel"),
        (
            "{% for file in rejected %}{{ file.filename | safe }}{% endfor %}",
            "rejected.html",
            "`safe`",
        ),
        ("<p style=\"color: red\">", "rejected.html", "`style`"),
        ("<p onclick=\"x()\">", "rejected.html", "`onclick`"),
        ("<script>x()</script>", "rejected.html", "a script of its own"),
        ("<style>p {}</style>", "rejected.html", "a style sheet of its own"),
        ("<img src=\"https://x.example/a.png\" alt=\"\">", "rejected.html", "another host"),
        ("<script src=\"//x.example/a.js\"></script>", "rejected.html", "another host"),
    ] {
        let folder = folder(&[("rejected.html", &page(body))]);
        let problems = check(&load(&chosen(&folder)).expect(body)).expect("checks");
        let found =
            |problem: &Problem| problem.place.starts_with(place) && problem.message.contains(part);
        assert!(problems.iter().any(found), "{body}: {problems:?}");
    }
    let bare = "<!doctype html><html><head>{% block meta %}{% endblock %}\
        {% block scripts %}{% endblock %}</head><body>\
        {% block title %}{% endblock %}{% block page %}{% endblock %}{% block head %}{% endblock %}\
        {% block content %}{% endblock %}</body></html>";
    let theme = load(&chosen(&folder(&[("base.html", bare)]))).expect("loads");
    let problems = check(&theme).expect("checks");
    for part in ["Content-Security-Policy", "`lang`", "`<title>`", "viewport"] {
        assert!(problems.iter().any(|problem| problem.message.contains(part)), "{part}");
    }
    let sheet = "a {}\nb { background: url(\"https://x.example/a.png\") }\n@import 'x.css';\n";
    let theme = load(&chosen(&folder(&[("style.css", sheet)]))).expect("loads");
    let problems = check(&theme).expect("checks");
    let places: Vec<&str> = problems.iter().map(|problem| problem.place.as_str()).collect();
    assert_eq!(places, ["style.css:2:17", "style.css:3:1"]);
}

/// The keys of all that a template of this name gets on any page of the fixture.
fn keys_of(page: &str) -> BTreeSet<String> {
    let templates: Vec<(&str, &str)> =
        PAGES.iter().map(|page| (*page, "{{ __tera_context | safe }}")).collect();
    let mut files = templates;
    files.push(("theme.yml", "theme_format: 1\nname: dump\nextends: none\n"));
    let theme = load(&chosen(&folder(&files))).expect("loads");
    let mut keys = BTreeSet::new();
    for site in [fixture::full().expect("is made"), fixture::empty().expect("is made")] {
        for (template, rendered) in check::pages(&theme, &site) {
            if template == page {
                let dump = String::from_utf8(rendered.expect("renders")).expect("is UTF-8");
                keys.extend(dump.split("\": ").filter_map(|part| {
                    let (_, key) = part.rsplit_once('"')?;
                    let is_name = key.bytes().all(|byte| {
                        byte.is_ascii_lowercase() || byte == b'_' || byte.is_ascii_digit()
                    });
                    (!key.is_empty() && is_name).then(|| key.to_owned())
                }));
            }
        }
    }
    keys
}

#[test]
fn what_templates_get_is_documented() {
    let text = include_str!("../../../docs/themes.md");
    let (_, tables) = text.split_once("## What templates get").expect("is there");
    let (tables, _) = tables.split_once("## Files for the browser").expect("is there");
    let section = |heading: &str| -> BTreeSet<String> {
        let (_, section) = tables.split_once(&format!("### {heading}")).expect(heading);
        let section = section.split("\n### ").next().unwrap_or_default();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
        let names = rows.flat_map(|row| {
            let (names, _) = row.split_once(" |").expect("is a row");
            names.split("`, `").map(|name| name.trim_end_matches('`')).collect::<Vec<_>>()
        });
        names
            .flat_map(|name| {
                name.replace("[]", "").split('.').map(str::to_owned).collect::<Vec<_>>()
            })
            .filter(|name| name != "…")
            .collect()
    };
    let every = section("Every page");
    for page in PAGES {
        let own = if page == "404.html" { BTreeSet::new() } else { section(&format!("`{page}`")) };
        let documented: BTreeSet<String> = every.union(&own).cloned().collect();
        // A finding without a hint has none; options and assets have the names of the theme's.
        assert_eq!(keys_of(page), documented, "{page}");
    }
}
