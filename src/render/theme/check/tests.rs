use super::super::starter::create;
use super::*;

/// A theme of these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("makes a folder");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("writes");
    }
    folder
}

fn problems(files: &[(&str, &str)]) -> Vec<Problem> {
    let folder = folder(files);
    check(&ThemeChoice::Folder(folder.path().into())).expect("checks")
}

#[test]
fn the_embedded_themes_are_sound() {
    for choice in [ThemeChoice::Default, ThemeChoice::Plain] {
        assert_eq!(check(&choice).expect("checks"), [], "{choice:?}");
    }
    let plain = Theme::load(&ThemeChoice::Plain, &BTreeMap::new()).expect("loads");
    let names: Vec<&str> = plain.asset_paths().into_keys().collect();
    assert!(!names.iter().any(|name| name.ends_with(".js")), "{names:?}");
}

#[test]
fn a_new_theme_is_sound() {
    let parent = tempfile::tempdir().expect("makes a folder");
    let path = parent.path().join("mine");
    create(&path).expect("writes");
    assert_eq!(check(&ThemeChoice::Folder(path.clone())).expect("checks"), []);
    let error = create(&path).expect_err("overwrites nothing");
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn what_is_wrong_with_a_theme_is_told_with_its_place() {
    let page = |body: &str| {
        format!(
            "{{% extends \"default/rejected.html\" %}}\n{{% block content %}}\n{body}{{% \
             endblock %}}"
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
        let problems = problems(&[("rejected.html", &page(body))]);
        let found =
            |problem: &Problem| problem.place.starts_with(place) && problem.message.contains(part);
        assert!(problems.iter().any(found), "{body}: {problems:?}");
    }
    let bare = "<!doctype html><html><head>{% block meta %}{% endblock %}\
        {% block scripts %}{% endblock %}</head><body>\
        {% block title %}{% endblock %}{% block page %}{% endblock %}{% block head %}{% endblock %}\
        {% block content %}{% endblock %}</body></html>";
    let problems = self::problems(&[("base.html", bare)]);
    for part in ["Content-Security-Policy", "`lang`", "`<title>`", "viewport"] {
        assert!(problems.iter().any(|problem| problem.message.contains(part)), "{part}");
    }
    let sheet = "a {}\nb { background: url(\"https://x.example/a.png\") }\n@import 'x.css';\n";
    let problems = self::problems(&[("style.css", sheet)]);
    let places: Vec<&str> = problems.iter().map(|problem| problem.place.as_str()).collect();
    assert_eq!(places, ["style.css:2:17", "style.css:3:1"]);
}

/// The names of all that there is, at any depth.
fn keys(shape: &Shape, found: &mut BTreeSet<String>) {
    match shape {
        Shape::Map(fields) => {
            for (key, shape) in fields {
                found.insert(key.clone());
                keys(shape, found);
            }
        }
        Shape::List(item) => keys(item, found),
        Shape::Plain | Shape::Any => {}
    }
}

#[test]
fn what_templates_get_is_documented() {
    let text = include_str!("../../../../docs/themes.md");
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
    let folder = folder(&[
        ("theme.yml", "theme_format: 1\nname: none\nextends: none\n"),
        ("404.html", ""),
        ("coverage.html", ""),
        ("index.html", ""),
        ("project.html", ""),
        ("projects.html", ""),
        ("rejected.html", ""),
    ]);
    let parts = Parts::read(&ThemeChoice::Folder(folder.path().into())).expect("reads");
    let sites = fixture::all().expect("are made");
    let shapes = shape::of_pages(&parts, &sites).expect("renders");
    for page in PAGES {
        let own = if page == "404.html" { BTreeSet::new() } else { section(&format!("`{page}`")) };
        let documented: BTreeSet<String> = every.union(&own).cloned().collect();
        let mut found = BTreeSet::new();
        keys(&shapes[page], &mut found);
        assert_eq!(found, documented, "{page}");
    }
}

/// What is told of a project page that has this in its block of facts.
fn told(body: &str) -> Vec<String> {
    told_of("project.html", &format!("{{% block facts %}}{body}{{% endblock %}}"))
}

/// What is told of a template of the default theme with these blocks.
fn told_of(page: &str, blocks: &str) -> Vec<String> {
    let text = format!("{{% extends \"default/{page}\" %}}\n{blocks}");
    let problems = problems(&[(page, &text)]).into_iter();
    problems.map(|problem| format!("{}: {}", problem.place, problem.message)).collect()
}

/// What is told of the pages of the site that has everything, without asking anything else.
fn shown_by(page: &str, blocks: &str) -> Vec<String> {
    let text = format!("{{% extends \"default/{page}\" %}}\n{blocks}");
    let folder = folder(&[(page, &text)]);
    let parts = Parts::read(&ThemeChoice::Folder(folder.path().into())).expect("reads");
    let theme = parts.theme(parts.tera().expect("parses"), &BTreeMap::new()).expect("loads");
    let sites = fixture::all().expect("are made");
    let problems = faults_of_site(&parts, &theme, &sites[0]).expect("renders").into_iter();
    problems.map(|(_, problem)| format!("{}: {}", problem.place, problem.message)).collect()
}

fn shown(body: &str) -> Vec<String> {
    shown_by("project.html", &format!("{{% block facts %}}{body}{{% endblock %}}"))
}

#[test]
fn names_that_no_page_has_are_told_also_where_no_page_comes_by() {
    for (page, blocks, expected) in [
        (
            "project.html",
            "{%- block facts -%}{%- if false -%}{{- project.sumary -}}{%- endif -%}{% endblock %}",
            "project.html:2:40: `project` has no `sumary`: did you mean `summary`?",
        ),
        (
            "index.html",
            "{% block hero %}{% if false %}{% for p in more | sort(attribute=\"name\") %}{{ \
             p.nme }}\
             {% endfor %}{% endif %}{% endblock %}",
            "index.html:2:78: `p` has no `nme`: did you mean `name`?",
        ),
        (
            "index.html",
            "{% block hero %}{% if not site.titel %}x{% endif %}{% endblock %}",
            "index.html:2:27: `site` has no `titel`: did you mean `title`?",
        ),
        (
            "coverage.html",
            "{% block content %}{% for p in projects %}{% for row in p.rows %}{% for c in \
             row.cells %}\
             {% if c.platforms and c.is_whole %}x{% endif %}{% endfor %}{% endfor %}{% endfor %}\
             {% endblock %}",
            "coverage.html:2:112: `c` has no `is_whole`: did you mean `is_hole`?",
        ),
        (
            "404.html",
            "{% block content %}{% if theme.options.bannner %}x{% endif %}{% endblock %}",
            "404.html:2:26: `theme.options` has no `bannner`: did you mean `finder`?",
        ),
        (
            "project.html",
            "{% block facts %}{% if false %}{{ project.name.first }}{% endif %}{% endblock %}",
            "project.html:2:35: `project.name` has no `first`",
        ),
    ] {
        assert_eq!(told_of(page, blocks), [expected], "{blocks}");
    }
}

#[test]
fn what_cannot_be_known_is_not_told() {
    for body in [
        "{% if project.news is defined %}{{ project.news }}{% endif %}",
        "{{ project.news | default(value=\"x\") }}",
        "{% if project?.news %}x{% endif %}",
        "{% set thing = project %}{% if false %}{{ thing.news }}{% endif %}",
        "{% for key, value in theme.options %}{{ key.x | default(value=\"\") }}{% endfor %}",
        "{% for it in project.releases | slice_of_mine %}{{ it.x }}{% endfor %}",
        "{% if project.releases %}{% for it in project.releases[0].files %}{% if false %}{{ it.x }}\
         {% endif %}{% endfor %}{% endif %}",
        "{# {{ project.news }} #}{% raw %}{{ project.news }}{% endraw %}",
        "{{ \"project.news\" }}{% if assets[\"none.css\"] %}{{ assets[\"none.css\"] }}{% endif %}",
        "{% for project in project.releases %}{{ project.version }}{% endfor %}",
    ] {
        let found = told(body);
        let found: Vec<&String> =
            found.iter().filter(|text| !text.contains("slice_of_mine")).collect();
        assert_eq!(found, [""; 0], "{body}");
    }
    // What is included sees the loop that it stands in.
    let found = problems(&[
        ("row.html", "<li>{{ entry.version }}{{ entry.date }}</li>"),
        (
            "project.html",
            "{% extends \"default/project.html\" %}{% block facts %}{% for entry in \
             project.releases %}\
             {% include \"row.html\" %}{% endfor %}{% endblock %}",
        ),
    ]);
    assert_eq!(found, []);
}

#[test]
fn pages_are_rendered_in_ordinary_situations() {
    for (page, blocks, part) in [
        ("index.html", "{% block hero %}{{ index_url.x }}{% endblock %}", "index.html:2:"),
        (
            "index.html",
            "{% block hero %}{% if not index_url %}{{ site.url.x }}{% endif %}{% endblock %}",
            "`site.url` has no `x`",
        ),
        (
            "index.html",
            "{% block hero %}{% if is_cut and not more %}<img src=\"https://x.example\">{% endif %}\
             {% endblock %}",
            "another host",
        ),
        (
            "index.html",
            "{% block hero %}{% for p in more %}<p style=\"a\">{% endfor %}{% endblock %}",
            "`style`",
        ),
        (
            "project.html",
            "{% block facts %}{% if project.status == \"quarantined\" %}<p style=\"a\">{% endif %}\
             {% endblock %}",
            "`style`",
        ),
        (
            "project.html",
            "{% block facts %}{% if not theme.options.finder %}<p style=\"a\">{% endif %}{% \
             endblock %}",
            "`style`",
        ),
        (
            "404.html",
            "{% block content %}{% if theme.options.color_scheme == \"dark\" %}<p onclick=\"a\">\
             {% endif %}{% endblock %}",
            "`onclick`",
        ),
        (
            "404.html",
            "{% block content %}{{ theme.options.footer | safe }}{% endblock %}",
            "404.html:2:46: a text becomes part of the page",
        ),
    ] {
        let found = told_of(page, blocks);
        assert!(found.iter().any(|text| text.contains(part)), "{blocks}: {found:?}");
    }
}

#[test]
fn whatever_the_policy_forbids_is_told() {
    for (body, part) in [
        (
            "<img srcset=\"{{ root }}{{ assets['icon.png'] }} 1x, https://x.example/a 2x\">",
            "<img srcset>",
        ),
        ("<a href=\"#x\" ping=\"/p\">", "<a ping>"),
        ("<meta http-equiv=\"refresh\" content=\"0; URL='https://x.example/'\">", "another host"),
        ("<a href=\" java\tscript:x()\">", "<a href>"),
        ("<object data=\"a.swf\"></object>", "<object data>"),
        ("<video poster=\"//x.example/a\"></video>", "<video poster>"),
        ("<video><track src=\"a.vtt\"></video>", "<track src>"),
        ("<base href=\"/\">", "<base href>"),
        ("<svg><image href=\"https://x.example/a\"/></svg>", "<image href>"),
        ("<svg><use xlink:href=\"https://x.example/a#b\"/></svg>", "<use xlink:href>"),
        ("<form action=\"/x\"></form>", "<form action>"),
        ("<table background=\"//x.example/a\"></table>", "<table background>"),
        ("<img src=\"\\\\x.example/a\">", "another host"),
        ("<img src=\"/\n/x.example/a\">", "another host"),
        ("<img src=\"data:image/gif;base64,AA\"><script src=\"data:,x\"></script>", "<script src>"),
        ("<script src=\"\">x()</script>", "a script of its own"),
        ("<script src=\"{{ root }}{{ assets['site.js'] }}\">x()</script>", "text of its own"),
        ("<img src=\"{{ root }}assets/none.png\">", "no asset"),
        ("<a href=\"{{ root }}assets/none.png\">", "no asset"),
        ("<img src=\"favicon.svg\">", "assets[\"favicon.svg\"]"),
        ("<link rel=\"stylesheet\" href=\"{{ root }}style.css\">", "assets[\"style.css\"]"),
        ("<a href=\"/packages/\">", "from the root of the host"),
        ("<p title={{ project.summary }}>", "is its attribute quoted"),
        ("<p title=\"{{ project.summary | safe }}\">", "part of the tag"),
        ("<p title='{{ project.summary | safe }}'>", "part of the tag"),
    ] {
        let found = shown(body);
        assert!(!found.is_empty() && found.iter().all(|it| it.contains("project.html")), "{body}");
        assert!(found.iter().any(|text| text.contains(part)), "{body}: {found:?}");
    }
    for body in [
        "<a href=\"https://x.example/\" rel=\"noopener\">x</a><a href=\"{{ root }}packages/\">x\
         </a>",
        "<form><input><button>x</button></form>",
        "<svg><use href=\"#a\"/><linearGradient href=\"#b\"/></svg>",
        "<link rel=\"canonical\" href=\"https://x.example/\">",
        "<img src=\"data:image/gif;base64,AA\" alt=\"\">",
        "<video poster=\"{{ root }}{{ assets['icon.png'] }}\"></video>",
    ] {
        assert_eq!(shown(body), [""; 0], "{body}");
    }
    let not_found = |link: &str| {
        shown_by("404.html", &format!("{{% block content %}}<a href=\"{link}\">{{% endblock %}}"))
    };
    assert_eq!(not_found("{{ root }}packages/"), [""; 0]);
    for (link, part) in [("packages/", "any depth"), ("{{ root }}style.css", "no asset")] {
        let found = not_found(link);
        assert!(found.len() == 1 && found[0].contains(part), "{found:?}");
    }
}

#[test]
fn every_foreign_text_is_an_attack() {
    for body in [
        "{{ project.name | safe }}",
        "{{ project.summary | safe }}",
        "{{ project.license | safe }}",
        "{{ project.author | safe }}",
        "{{ project.requires_python | safe }}",
        "{{ project.status_reason | safe }}",
        "{% for link in project.links %}{{ link.label | safe }}{% endfor %}",
        "{% for link in project.links %}{{ link.url | safe }}{% endfor %}",
        "{% for it in project.requires_dist %}{{ it | safe }}{% endfor %}",
        "{% for it in project.provides_extra %}{{ it | safe }}{% endfor %}",
        "{% for it in project.releases %}{{ it.yanked | safe }}{% endfor %}",
        "{% for it in project.releases %}{% for f in it.files %}{{ f.yanked | safe }}{% endfor %}\
         {% endfor %}",
        "{% for it in project.releases %}{% for f in it.files %}{{ f.url | safe }}{% endfor %}\
         {% endfor %}",
        "{% for it in project.releases %}{% for f in it.files %}{{ f.requires_python | safe }}\
         {% endfor %}{% endfor %}",
        "{% for it in project.releases %}{% for f in it.files %}{% for g in f.findings %}\
         {{ g.message | safe }}{% endfor %}{% endfor %}{% endfor %}",
        "{{ site.title | safe }}",
        "{{ site.description | safe }}",
    ] {
        let found = shown(body);
        assert!(found.iter().any(|text| text.contains("a text becomes part")), "{body}: {found:?}");
    }
    for (page, body) in [
        ("rejected.html", "{% for it in rejected %}{{ it.filename | safe }}{% endfor %}"),
        (
            "rejected.html",
            "{% for it in rejected %}{% for f in it.findings %}{% if f.hint %}{{ f.hint | safe }}\
             {% endif %}{% endfor %}{% endfor %}",
        ),
        ("index.html", "{% for p in projects %}{{ p.summary | safe }}{% endfor %}"),
        (
            "projects.html",
            "{% for g in groups %}{% for p in g.projects %}{{ p.name | safe }}{% endfor %}{% \
             endfor %}",
        ),
    ] {
        let found = shown_by(page, &format!("{{% block content %}}{body}{{% endblock %}}"));
        assert!(found.iter().any(|text| text.contains("a text becomes part")), "{body}: {found:?}");
    }
}

#[test]
fn the_policy_stands_in_the_head_before_all_that_loads() {
    const META: &str = "<meta http-equiv=\"Content-Security-Policy\" content=\"{{ csp }}\">";
    let page = |head: &str, body: &str| {
        let base = format!(
            "<!doctype html><html lang=\"en\"><head>{{% block meta %}}{{% endblock %}}{head}\
             <meta name=\"viewport\" content=\"x\"><title>{{% block title %}}{{% endblock %}}\
             </title>\
             {{% block scripts %}}{{% endblock %}}</head><body class=\"{{% block page %}}\
             {{% endblock %}}\">{body}{{% block content %}}{{% endblock %}}</body></html>"
        );
        let found = problems(&[("base.html", &base)]);
        found.into_iter().map(|problem| problem.message).collect::<BTreeSet<String>>()
    };
    let link = "<link rel=\"icon\" href=\"{{ root }}{{ assets['icon.png'] }}\">";
    assert_eq!(page(&format!("{META}{link}"), ""), BTreeSet::new());
    for (head, body) in [
        ("", META),
        (&format!("<template>{META}</template>")[..], ""),
        (&format!("<noscript>{META}</noscript>"), ""),
        (&format!("{link}{META}"), ""),
        (&format!("text{META}"), ""),
        (&format!("<p>{META}"), ""),
    ] {
        let found = page(head, body);
        assert!(found.iter().any(|text| text.contains("not in force")), "{head}: {found:?}");
    }
}

#[test]
fn style_sheets_load_nothing_but_files_of_the_theme() {
    for (sheet, expected) in [
        ("a { b: URL( https://x.example/a ) }", "extra.css:1:8: the style sheet loads something"),
        ("a { b: image-set(\"https://x.example/a\" 1x) }", "extra.css:1:8: the style sheet loads"),
        ("a { b: u\\72l(//x.example) }", "another host"),
        ("@IMPORT 'x.css';", "extra.css:1:1: `@import`"),
        ("a { b: url(missing.png) }", "`missing.png`, which is no asset"),
        ("a { b: url(/favicon.svg) }", "from the root of the host"),
        ("a { b: url(style.css) }", "`style.css`, which is no asset"),
    ] {
        let found = problems(&[("extra.css", sheet)]);
        let shown: Vec<String> =
            found.iter().map(|it| format!("{}: {}", it.place, it.message)).collect();
        assert!(shown.len() == 1 && shown[0].contains(expected), "{sheet}: {shown:?}");
    }
    let sheet = "/* url(https://x.example) */ a { b: url( favicon.svg ), url('favicon.svg#x'), \
        url(#y), url(data:image/gif;base64,AA); content: 'url(https://x.example)' }";
    assert_eq!(problems(&[("extra.css", sheet)]), []);
}

#[test]
fn what_keeps_templates_from_being_used_is_told_once_with_its_place() {
    for (files, expected) in [
        (
            &[("index.html", "\n{% if %}"), ("404.html", "{{ x")][..],
            &["404.html:1:", "index.html:2:"][..],
        ),
        (
            &[("index.html", "{% extends \"default/index.html\" %}\n{% block x %}{% endblock %}")],
            &["index.html:2:"],
        ),
        (
            &[(
                "404.html",
                "{% extends \"default/404.html\" %}{% block title %}\n{{ 1 | nofilter }}{{ 1 | \
                 other }}{% endblock %}",
            )],
            &["404.html:2:", "404.html:2:"],
        ),
        (&[("404.html", "a\n{% extends \"none.html\" %}")], &["404.html:"]),
        (&[("404.html", "{% extends \"404.html\" %}")], &["404.html:1:1"]),
        (&[("404.html", "{% include \"404.html\" %}")], &["404.html:1:1"]),
        (&[("404.html", "\n {% include \"none.html\" %}")], &["404.html:2:"]),
        (
            &[
                ("a.html", "{% component x() %}{% endcomponent %}"),
                ("b.html", "\n{% component x() %}{% endcomponent %}"),
            ],
            &["a.html:1:1"],
        ),
    ] {
        let found = problems(files);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (problem, place) in found.iter().zip(expected) {
            assert!(problem.place.starts_with(place), "{found:?}");
            assert!(!problem.message.contains('\n'), "{found:?}");
        }
    }
}
