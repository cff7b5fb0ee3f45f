use super::*;
use crate::config::{Environment, Options, Settings, SiteConfig};
use crate::render::gists::Gists;
use crate::render::people::People;

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

/// A page of a site that is called `<x>`.
fn people(theme: &Theme, page: impl Fn(&People<'_>) -> Result<Vec<u8>>) -> String {
    let config = SiteConfig::parse("title: <x>\n", "the test").expect("parses");
    let settings = Settings::resolve(config, Options::default(), Environment::default());
    let page = page(&People::new(&settings.expect("resolves"), theme)).expect("renders");
    String::from_utf8(page).expect("is UTF-8")
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
                    "{% extends \"one/index.html\" %}{% block title %}{{ super() }} two{% \
                     endblock %}",
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
    let page = people(&theme, |people| {
        people.home(&crate::index::Index::default(), &Gists::default(), &[], None)
    });
    assert!(page.contains("<title>one two</title>"), "{page}");
    let font = theme.asset_paths()["face.woff2"].replace("assets/", "");
    let sheet = String::from_utf8(theme.assets["sheet.css"].bytes.clone()).expect("is UTF-8");
    assert!(sheet.contains(&format!("url({font})")), "{sheet}");
}

#[test]
fn pages_are_made_anew_whenever_they_would_look_different() {
    let digest = |manifest: &str| {
        let folder = folder(&[("theme.yml", manifest), ("extra.css", "a {}")]);
        load(&chosen(&folder)).expect(manifest).digest()
    };
    let manifest = |rest: &str| format!("theme_format: 1\nname: mine\n{rest}");
    let plain = digest(&manifest(""));
    assert_eq!(plain, digest(&manifest("description: about\n")), "pages do not show that");
    let options = |kind: &str| {
        digest(&manifest(&format!("options: {{a: {{type: {kind}, default: '#123456'}}}}\n")))
    };
    let different = [
        plain,
        digest(&manifest("omit: [finder.js]\n")),
        digest(&manifest("extends: plain\n")),
        digest("theme_format: 1\nname: other\n"),
        options("text"),
        options("color"),
    ];
    assert_eq!(different.iter().map(|it| it.as_bytes()).collect::<BTreeSet<_>>().len(), 6);
}

#[test]
fn what_a_theme_leaves_out_no_page_asks_for() {
    let manifest = "theme_format: 1\nname: mine\nomit: [finder.js, finder.css, gpus.js, fit.js, \
        icon.png, site.js, style.css]\n";
    let folder = folder(&[("theme.yml", manifest)]);
    assert_eq!(check(&chosen(&folder)).expect("checks"), []);
}

#[test]
fn a_theme_may_have_components() {
    let component = "{% component shout(text) %}<b>{{ text }}!</b>{% endcomponent %}";
    let page = "{% extends \"default/404.html\" %}\n\
        {% block title %}{{ super() }}, {{ <shout text={site.title} /> }}{% endblock %}";
    let folder = folder(&[("404.html", page), ("parts.html", component)]);
    assert_eq!(check(&chosen(&folder)).expect("checks"), []);
    let theme = load(&chosen(&folder)).expect("loads");
    let page = people(&theme, |people| people.not_found());
    assert!(
        page.contains("<title>Page not found · &lt;x&gt;, <b>&lt;x&gt;!</b></title>"),
        "{page}"
    );
    // Of two that are called alike the topmost is taken.
    let above = self::folder(&[("parts.html", "{% component shout(text) %}oh{% endcomponent %}")]);
    let manifest = format!("theme_format: 1\nextends: {}\n", folder.path().display());
    std::fs::write(above.path().join("theme.yml"), manifest).expect("writes");
    let theme = load(&chosen(&above)).expect("loads");
    let page = people(&theme, |people| people.not_found());
    assert!(page.contains("<title>Page not found · &lt;x&gt;, oh</title>"), "{page}");
}

#[test]
fn style_sheets_lead_to_where_files_lie() {
    let sheet = "a { b: URL( face.woff ) url('face.woff#x') url(./face.woff?y) \
     image-set(\"face.woff\" 1x) }\
        /* url(face.woff) */ @namespace url(face.woff);";
    let theme = load(&chosen(&folder(&[("extra.css", sheet), ("face.woff", "font")])));
    let theme = theme.expect("loads");
    let path = theme.asset_paths()["face.woff"].replace("assets/", "");
    let expected = format!(
        "a {{ b: URL( {path} ) url('{path}#x') url({path}?y) image-set(\"{path}\" 1x) }}\
         /* url(face.woff) */ @namespace url(face.woff);"
    );
    let bytes = theme.assets["extra.css"].bytes.clone();
    assert_eq!(String::from_utf8(bytes).expect("is UTF-8"), expected);
}

#[test]
fn options_that_are_files_name_files_that_there_are() {
    for (manifest, message, hint) in [
        ("omit: [favicon.svg]\n", "`favicon.svg`, which `omit` leaves out", "keep it"),
        ("options: {a: {type: asset, default: base.html}}\n", "found `base.html`", ""),
        ("options: {a: {type: asset, default: icon.pn}}\n", "found `icon.pn`", "`icon.png`"),
    ] {
        let error = fails(&[("theme.yml", &format!("theme_format: 1\n{manifest}"))]);
        assert!(error.to_string().contains(message), "{error}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{error}");
    }
    let error = fails(&[
        ("404.html", "x"),
        ("theme.yml", "theme_format: 1\nname: a\noptions: {a: {type: asset, default: 404.html}}\n"),
    ]);
    assert!(error.to_string().contains("a template, which is not published"), "{error}");
}

#[test]
fn a_theme_publishes_nothing_but_its_files() {
    let error = fails(&[("theme.yaml", "theme_format: 1\n")]);
    assert_eq!(error.hint().as_deref(), Some("did you mean `theme.yml`?"));
    let error = fails(&[("theme.yml", "theme_format: 1\nextends: ''\n")]);
    assert!(error.to_string().contains("`extends` expects"), "{error}");
    let large = folder(&[]);
    let file = std::fs::File::create(large.path().join("a.bin")).expect("creates");
    file.set_len(16 * 1024 * 1024 + 1).expect("grows");
    let error = load(&chosen(&large)).err().expect("fails");
    assert!(error.to_string().contains("expected at most 16777216 bytes"), "{error}");
}

#[cfg(unix)]
#[test]
fn links_and_pipes_are_refused() {
    for target in ["/dev/zero", "/etc/passwd", "nowhere"] {
        let folder = folder(&[]);
        std::os::unix::fs::symlink(target, folder.path().join("a.svg")).expect("links");
        let error = load(&chosen(&folder)).err().expect("fails");
        assert!(error.to_string().ends_with("a.svg`: it is a link"), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("the file itself")));
    }
    let folder = folder(&[]);
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("a.svg")).status();
    if made.is_ok_and(|status| status.success()) {
        let error = load(&chosen(&folder)).err().expect("fails");
        assert!(error.to_string().ends_with("it is not a regular file"), "{error}");
    }
}
