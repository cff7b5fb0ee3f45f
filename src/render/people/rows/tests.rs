use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::config::{Settings, ThemeChoice};
use crate::render::listed::Listed;
use crate::render::people::People;
use crate::render::samples;
use crate::render::theme::Theme;
use crate::wheel::DistFilename;

/// The default theme with rows that are templates.
const TEMPLATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/themes/rows");

fn themes() -> [Theme; 2] {
    [ThemeChoice::Default, ThemeChoice::Folder(TEMPLATES.into())]
        .map(|choice| Theme::load(&choice, &BTreeMap::new()).expect("loads"))
}

fn settings() -> Settings {
    samples::settings("title: x\nfiles_url: https://x.example/a&b\n")
}

/// The page of a project by each theme, where each number decides what there is to tell of a file.
fn pages(settings: &Settings, themes: &[Theme; 2], numbers: &[u32]) -> [String; 2] {
    let (project, needs) = samples::project(settings, numbers);
    themes.each_ref().map(|theme| {
        let people = People::new(settings, theme);
        let listed = Listed::of(&project, settings.files_url.as_ref());
        let page = people.project(&project, &needs, &listed, None).expect("renders");
        String::from_utf8(page).expect("is UTF-8")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    #[test]
    fn rows_are_what_a_template_would_write(numbers in prop::collection::vec(any::<u32>(), 10)) {
        let [native, template] = pages(&settings(), &themes(), &numbers);
        for (native, template) in native.lines().zip(template.lines()) {
            prop_assert_eq!(native, template);
        }
        prop_assert_eq!(native, template);
    }
}

proptest! {
    #[test]
    fn filenames_hold_nothing_that_is_escaped(
        mut name in "[a-z]{1,3}-[0-9]\\.[0-9](\\+[a-z.]{1,3})?(-py3-none-[a-z]{1,3}\\.whl|\\.zip)",
        special in "[<>&'\"\\\\\u{7}é]?",
        place in any::<prop::sample::Index>(),
    ) {
        name.insert_str(place.index(name.len() + 1), &special);
        if name.parse::<DistFilename>().is_ok() {
            let escaped = ['<', '>', '&', '\'', '"', '\\', '\u{7}'];
            prop_assert!(!name.contains(escaped));
        }
    }
}

#[test]
fn there_is_a_row_for_everything() {
    // Numbers that begin with each combination of what is decided first, and are spread over all.
    let numbers = (0..400u32).map(|number| number.wrapping_mul(0x9e37_79b1));
    let (settings, themes) = (settings(), themes());
    let mut all = String::new();
    for numbers in numbers.collect::<Vec<_>>().chunks(10) {
        let [native, template] = pages(&settings, &themes, numbers);
        assert_eq!(native, template);
        all.push_str(&native);
    }
    // Every file is yanked.
    all.push_str(&pages(&settings, &themes, &[1, 2])[0]);
    for text in [
        "<tr id=\"many-1.0.0+cu126-1build-cp312-cp312-linux_x86_64.whl\" class=\"yanked\">",
        "<a href=\"https://x.example/a&amp;b/many-1.0.0%2Bcu126-",
        "<a href=\"../../files/many/",
        "<li class=\"channel\"><a href=\"../../cu128/\">cu128</a></li>",
        "<li>source</li>",
        "<ul class=\"chips\"><li>py3</li><li>any</li>",
        "<li>cp312</li><li>manylinux_2_17_x86_64</li>\
         <li>manylinux2014_x86_64</li>",
        "<li>cp39</li><li>abi3</li><li>win_amd64</li>",
        "<b>Python</b> a&lt;b href=&quot;x&quot;&gt;&#39;&amp;amp;&#39;",
        "<b>CUDA</b> 12.8</li>",
        "<b>driver</b> 525.60.13 or newer</li>",
        "<b>GPU code</b> sm_80 compute_90</li>",
        "<li class=\"unknown\"><b>GPU code</b> not read</li>",
        "<b>torch</b> 2.9</li>",
        "<b>torch</b> a&lt;b",
        "<b>torch</b> any</li>",
        "<b>glibc</b> 2.28 or newer</li>",
        "This release was yanked.",
        "<p class=\"yank-note\"><span class=\"badge yank\">yanked</span></p>",
        "<p class=\"yank-note\"><span class=\"badge yank\">yanked</span> a&lt;b",
        "warning</span> <code>record-hash</code> a&lt;b",
        "<span class=\"size\">1.2 MB</span> <time>2026-09-21</time>",
        "<td></td>",
        "<code class=\"hash\">2d711642",
        ".whl.metadata\" aria-label=\"metadata of many-",
    ] {
        assert!(all.contains(text), "{text}");
    }
}

#[test]
fn a_theme_gets_the_form_that_it_asks_for() {
    let [with_html, with_values] = themes().map(|theme| theme.file_forms());
    assert!(with_html.html && !with_html.list && !with_html.values);
    assert!(with_values.list && with_values.values);
}
