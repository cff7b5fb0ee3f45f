//! `wheelsite check --closure`: whether each channel has what its wheels require.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::{Judged, Named};
use crate::config::{Settings, SourceSettings};
use crate::error::Result;
use crate::facts::Artifact;
use crate::index::closure::{Upstream, closure};
use crate::index::{Admitted, FileUrl, Index};
use crate::net::shown;
use crate::pipeline::request_threads;
use crate::report::Reporter;
use crate::source::{Context, IndexSpec, SimpleIndex, SourceSpec};
use crate::verify::{self, Finding};
use crate::wheel::{ProjectName, escaped};

/// Adds to the verdicts what nothing satisfies. What was rejected already is in no index.
pub(super) fn judge(
    files: &[Named],
    judged: &mut [Judged],
    settings: &Settings,
    context: &Context<'_>,
    reporter: &dyn Reporter,
) -> Result<()> {
    let index = index(files, judged, settings)?;
    let unread = index
        .projects
        .iter()
        .flat_map(|project| &project.files)
        .filter(|file| file.dist().wheel().is_some() && file.facts.is_none())
        .count();
    if unread > 0 {
        reporter.warn(&format!(
            "{unread} wheels were not read: what they require is not known, and not checked"
        ));
    }
    let mut upstream = Upstream::new();
    let found = closure(&index, &upstream);
    let mut urls: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, requirement) in &found.passed_over {
        *urls.entry(requirement).or_default() += 1;
    }
    for (requirement, wheels) in urls {
        reporter.warn(&format!(
            "passed over a requirement that names a URL: `{}`, of {wheels} {}",
            escaped(requirement),
            if wheels == 1 { "wheel" } else { "wheels" }
        ));
    }
    let names: BTreeSet<ProjectName> =
        found.missing.iter().map(|missing| missing.name.clone()).collect();
    let asked = settings.upstreams.iter().map(|spec| format!("`{}`", shown(&spec.url)));
    let asked = asked.collect::<Vec<_>>().join(", ");
    let asked = if asked.is_empty() { "none".to_owned() } else { asked };
    if !names.is_empty() && !settings.upstreams.is_empty() {
        upstream = ask(&names, &settings.upstreams, context, reporter)?;
    }
    let mut findings: BTreeMap<usize, Vec<Finding>> = BTreeMap::new();
    for missing in closure(&index, &upstream).missing {
        let filename = missing.file.dist().as_str();
        let message = format!("{missing}; upstreams asked: {asked}");
        let finding = verify::judge_closure(filename, &message, &settings.policy);
        findings.entry(missing.file.artifact.source).or_default().extend(finding);
    }
    for (position, findings) in findings {
        judged[position].verdict.add(findings);
    }
    Ok(())
}

/// The index that a build would make of these files. As its source each has its place among them.
fn index(files: &[Named], judged: &[Judged], settings: &Settings) -> Result<Index> {
    let accepted = files.iter().zip(judged).enumerate().filter(|(_, (_, it))| it.verdict.accepted);
    let admitted = accepted.map(|(position, ((artifact, _), judged))| Admitted {
        artifact: Artifact { source: position, ..Artifact::clone(artifact) }.into(),
        facts: judged.facts.clone().map(Arc::new),
        upload_time: artifact.offered.upload_time,
        url: FileUrl::FilesUrl,
    });
    let mut index = Index::build(admitted.collect(), settings)?;
    index.assign_channels(&settings.channels);
    Ok(index)
}

/// Asks each upstream index once for each project.
fn ask(
    names: &BTreeSet<ProjectName>,
    upstreams: &[IndexSpec],
    context: &Context<'_>,
    reporter: &dyn Reporter,
) -> Result<Upstream> {
    let connect = |spec: &IndexSpec| {
        let settings = SourceSettings::plain(SourceSpec::SimpleIndex(spec.clone()));
        SimpleIndex::new(spec, &settings, context)
    };
    let indexes: Vec<SimpleIndex> = upstreams.iter().map(connect).collect::<Result<_>>()?;
    let questions: Vec<(&ProjectName, &SimpleIndex)> =
        names.iter().flat_map(|name| indexes.iter().map(move |index| (name, index))).collect();
    reporter.stage("upstream", Some(questions.len() as u64));
    let answers: Vec<(&ProjectName, Vec<Arc<Artifact>>)> =
        request_threads(None)?.install(|| {
            let questions = questions.par_iter().with_max_len(1);
            let answers = questions.map(|(name, index)| {
                let listing = index.find(name, 0)?;
                reporter.step();
                Ok((*name, listing.map(|listing| listing.artifacts).unwrap_or_default()))
            });
            answers.collect::<Result<_>>()
        })?;
    let mut upstream = Upstream::new();
    for (name, artifacts) in answers {
        upstream.entry(name.clone()).or_default().extend(artifacts);
    }
    Ok(upstream)
}
