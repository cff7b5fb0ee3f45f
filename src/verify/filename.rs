//! What a filename alone tells.

use super::{Findings, table};
use crate::facts::Artifact;
use crate::wheel::{DistFilename, WheelFilename, escaped};

pub(super) fn judge(artifact: &Artifact, findings: &mut Findings<'_>) {
    let dist = match &artifact.dist {
        Ok(dist) => dist,
        Err(error) => {
            findings.add(
                &table::FILENAME_INVALID,
                format!("`{}`: {error}", escaped(&artifact.filename)),
                Some("give the file the name that its build gave it"),
            );
            return;
        }
    };
    if dist.version().is_local() {
        findings.add(
            &table::LOCAL_VERSION,
            format!("has the local version `{}`", dist.version()),
            None,
        );
    }
    if let DistFilename::Wheel(wheel) = dist {
        normal_form(wheel, findings);
        tags(wheel, findings);
    }
}

fn normal_form(wheel: &WheelFilename, findings: &mut Findings<'_>) {
    let (name, version) = (wheel.name().as_str().replace('-', "_"), wheel.version().to_string());
    let mut parts = wheel.as_str().splitn(3, '-');
    if parts.next() != Some(&*name) || parts.next() != Some(&*version) {
        findings.add(
            &table::FILENAME_FORM,
            format!("expected a filename that begins with `{name}-{version}-`"),
            Some("build with a current build backend, or mend it with `wheelsite repair`"),
        );
    }
}

fn tags(wheel: &WheelFilename, findings: &mut Findings<'_>) {
    for tags in [wheel.python(), wheel.abi(), wheel.platform()] {
        if !tags.split('.').is_sorted() {
            let mut sorted: Vec<&str> = tags.split('.').collect();
            sorted.sort_unstable();
            let expected = sorted.join(".");
            findings.add(
                &table::TAGS_UNSORTED,
                format!("expected the tags `{expected}`, found `{tags}`"),
                None,
            );
        }
    }
    if let Some(tag) = wheel.platform().split('.').find(|tag| tag.starts_with("linux_")) {
        findings.add(
            &table::LINUX_TAG,
            format!("has the platform tag `{tag}`"),
            Some("`auditwheel repair` finds the manylinux tag that is true"),
        );
    }
}
