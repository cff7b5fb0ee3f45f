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
    if findings.tell(&table::LOCAL_VERSION) && dist.version().is_local() {
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
    let normal = wheel.name().as_str().bytes().map(|byte| if byte == b'-' { b'_' } else { byte });
    if !wheel.has_normal_version() || !wheel.name_text().bytes().eq(normal) {
        let (name, version) = (wheel.name().as_str().replace('-', "_"), wheel.version());
        findings.add(
            &table::FILENAME_FORM,
            format!("expected a filename that begins with `{name}-{version}-`"),
            Some("build with a current build backend, or mend it with `wheelsite repair`"),
        );
    }
}

fn tags(wheel: &WheelFilename, findings: &mut Findings<'_>) {
    for tags in [wheel.python(), wheel.abi(), wheel.platform()] {
        if tags.as_bytes().contains(&b'.') && !tags.split('.').is_sorted() {
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
