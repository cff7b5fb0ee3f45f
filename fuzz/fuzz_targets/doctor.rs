//! Pages that `doctor` looks at, in both forms: whatever they say, what is told of it is short and
//! shows no control character.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wheelsite::doctor::examine_page;

fuzz_target!(|bytes: &[u8]| {
    let url = "https://host.example/simple/demo/".parse().expect("is a URL");
    let project = "demo".parse().expect("is a name");
    for content_type in ["text/html", "application/vnd.pypi.simple.v1+json", "text/plain"] {
        let symptoms = examine_page(content_type, bytes, &url, &project);
        assert!(symptoms.len() < 400);
        for symptom in symptoms {
            assert!(symptom.finding.message.len() < 4000, "{}", symptom.finding.message);
            assert!(!symptom.finding.message.contains(char::is_control));
        }
    }
});
