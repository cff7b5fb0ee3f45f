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
    if !wheel.has_normal_version() || !wheel.has_normal_name() {
        let (name, version) = (wheel.name().as_str().replace('-', "_"), wheel.version());
        findings.add(
            &table::FILENAME_FORM,
            format!("expected a filename that begins with `{name}-{version}-`"),
            Some("build with a current build backend, or mend it with `wheelsite repair`"),
        );
    }
}

fn tags(wheel: &WheelFilename, findings: &mut Findings<'_>) {
    let is_uncompressed = wheel.is_uncompressed();
    let sets = [wheel.python(), wheel.abi(), wheel.platform()];
    for tags in sets.into_iter().filter(|_| !is_uncompressed) {
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
    let (platform, is_linux) = (wheel.platform(), |tag: &&str| tag.starts_with("linux_"));
    let linux = if is_uncompressed {
        Some(platform).filter(is_linux)
    } else {
        platform.split('.').find(is_linux)
    };
    if let Some(tag) = linux {
        findings.add(
            &table::LINUX_TAG,
            format!("has the platform tag `{tag}`"),
            Some("`auditwheel repair` finds the manylinux tag that is true"),
        );
    }
}
