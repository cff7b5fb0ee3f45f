//! Whether the requirements of all wheels of an index can be satisfied from it.
//!
//! Each channel is looked at by itself: whoever points an installer at it has nothing else,
//! but for the upstream indexes that are named. Of those nothing but their lists of files is known,
//! so that what their files require is theirs.

mod environment;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use pep440_rs::{Operator, Version, VersionSpecifiers};
use pep508_rs::{ExtraName, Requirement, VersionOrUrl};
use url::Url;

use super::{Channel, Index, IndexFile, Platform, Project, Python, View};
use crate::facts::{Artifact, Facts};
use crate::wheel::{DistFilename, ProjectName};
use environment::{Environment, Environments};

/// What upstream indexes have of the projects that they were asked for.
pub type Upstream = BTreeMap<ProjectName, Vec<Arc<Artifact>>>;

/// What was found out.
#[derive(Debug, Default)]
pub struct Closure<'a> {
    /// What nothing satisfies, by channel, then in the order of the index.
    pub missing: Vec<Missing<'a>>,
    /// Requirements that name a URL, which were passed over.
    pub passed_over: Vec<(&'a str, &'a str)>,
}

/// A requirement that nothing satisfies.
#[derive(Debug)]
pub struct Missing<'a> {
    /// The wheel that has it.
    pub file: &'a IndexFile,
    /// In which channel; none where there are none.
    pub channel: Option<&'a Channel>,
    /// As METADATA has it.
    pub requirement: &'a str,
    /// The project that it names.
    pub name: ProjectName,
    /// On which machines, the first of them.
    pub environment: String,
    /// On how many more.
    pub more: usize,
    /// What is there instead.
    pub found: Found,
}

/// What is there of a project of which nothing fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// Other versions: the newest of them.
    Versions(Vec<String>),
    /// A version that fits, of which no file runs there.
    NoFile(String),
    /// A version that fits and is yanked.
    Yanked(String),
}

impl fmt::Display for Missing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, requirement, name, environment, .. } = self;
        write!(f, "`{}` requires `{}` ", file.dist(), crate::wheel::escaped(requirement))?;
        write!(f, "for {environment}")?;
        match self.more {
            0 => {}
            1 => f.write_str(" and one more")?,
            more => write!(f, " and {more} more")?,
        }
        match &self.found {
            Found::Nothing => write!(f, ", found no version of `{name}`")?,
            Found::Versions(versions) => {
                write!(f, ", found of `{name}` only {}", versions.join(", "))?;
            }
            Found::NoFile(version) => write!(f, ", found no file of `{name}` {version} for it")?,
            Found::Yanked(version) => write!(f, ", found of `{name}` only {version}, yanked")?,
        }
        match self.channel {
            Some(channel) => write!(f, " in the channel `{channel}`"),
            None => f.write_str(" in the index"),
        }
    }
}

/// Finds what nothing satisfies: neither the channel nor upstream.
pub fn closure<'a>(index: &'a Index, upstream: &'a Upstream) -> Closure<'a> {
    let known = Known::of(index, upstream);
    let channels = &index.channels.all;
    let views: Vec<View<'a>> = if channels.is_empty() {
        vec![View::Default]
    } else {
        channels.iter().map(View::Channel).collect()
    };
    let missing = views.into_iter().flat_map(|view| known.missing(view)).collect();
    Closure { missing, passed_over: known.passed_over }
}

/// All that does not differ between channels.
struct Known<'a> {
    nodes: Vec<Node<'a>>,
    /// Where the files of each project are among the nodes.
    projects: Vec<(&'a Project, std::ops::Range<usize>)>,
    requirements: Vec<Required<'a>>,
    environments: Environments,
    upstream: HashMap<&'a ProjectName, Vec<Candidate<'a>>>,
    passed_over: Vec<(&'a str, &'a str)>,
}

/// A file of the index.
struct Node<'a> {
    file: &'a IndexFile,
    candidate: Candidate<'a>,
    /// Positions of its requirements; none of a file that is yanked or was not read.
    requirements: Vec<usize>,
    /// Positions of the environments that it may be installed in.
    environments: Vec<usize>,
}

/// A file that may satisfy a requirement.
struct Candidate<'a> {
    dist: &'a DistFilename,
    pythons: Vec<Python>,
    platforms: Vec<Platform>,
    requires_python: Option<VersionSpecifiers>,
    yanked: bool,
}

/// A requirement, parsed once for all wheels that have it.
struct Required<'a> {
    text: &'a str,
    name: ProjectName,
    requirement: Requirement<Url>,
    /// Whether its marker may ask for an extra.
    has_extra: bool,
}

impl<'a> Candidate<'a> {
    fn new(dist: &'a DistFilename, requires_python: Option<&str>, yanked: bool) -> Self {
        let wheel = dist.wheel();
        Self {
            dist,
            pythons: wheel.map(Python::of_wheel).unwrap_or_default(),
            platforms: wheel.map(Platform::of_wheel).unwrap_or_default(),
            // What does not parse hinders no installer that is lenient.
            requires_python: requires_python.and_then(|text| text.parse().ok()),
            yanked,
        }
    }

    fn of_artifact(artifact: &'a Artifact) -> Option<Self> {
        let offered = &artifact.offered;
        let dist = artifact.dist.as_ref().ok()?;
        Some(Self::new(dist, offered.requires_python.as_deref(), offered.yanked.is_some()))
    }

    /// Whether it can be installed there; a source distribution can be anywhere.
    fn runs_in(&self, environment: &Environment) -> bool {
        let python = environment.python();
        let fits = self.dist.wheel().is_none()
            || self.pythons.iter().any(|it| it.covers(&python))
                && self.platforms.iter().any(|it| it.covers(&environment.platform));
        fits && environment.is_allowed(self.requires_python.as_ref())
    }
}

impl Required<'_> {
    fn specifiers(&self) -> Option<&VersionSpecifiers> {
        match &self.requirement.version_or_url {
            Some(VersionOrUrl::VersionSpecifier(specifiers)) => Some(specifiers),
            Some(VersionOrUrl::Url(_)) | None => None,
        }
    }

    /// Whether it takes a version. A prerelease is taken where nothing else fits (PEP 440), and so
    /// it is enough that one is there.
    fn takes(&self, version: &Version) -> bool {
        self.specifiers().is_none_or(|specifiers| specifiers.contains(version))
    }

    /// Whether it pins, so that installers take what is yanked as well (PEP 592).
    fn pins(&self) -> bool {
        let pins = |operator: &Operator| matches!(operator, Operator::Equal | Operator::ExactEqual);
        self.specifiers().is_some_and(|all| all.iter().any(|one| pins(one.operator())))
    }

    fn applies(&self, environment: &Environment, extras: &BTreeSet<ExtraName>) -> bool {
        let extras: Vec<ExtraName> =
            if self.has_extra { extras.iter().cloned().collect() } else { Vec::new() };
        let marker = &self.requirement.marker;
        marker.is_true() || environment.markers().any(|it| marker.evaluate(it, &extras))
    }
}

impl<'a> Known<'a> {
    fn of(index: &'a Index, upstream: &'a Upstream) -> Self {
        let mut known = Self {
            nodes: Vec::new(),
            projects: Vec::new(),
            requirements: Vec::new(),
            environments: Environments::of(index),
            upstream: HashMap::new(),
            passed_over: Vec::new(),
        };
        let mut positions = HashMap::new();
        for project in &index.projects {
            let start = known.nodes.len();
            for file in project.offered() {
                let node = known.node(file, &mut positions);
                known.nodes.push(node);
            }
            known.projects.push((project, start..known.nodes.len()));
        }
        known.upstream = upstream
            .iter()
            .map(|(name, files)| {
                (name, files.iter().filter_map(|file| Candidate::of_artifact(file)).collect())
            })
            .collect();
        known
    }

    fn node(
        &mut self,
        file: &'a IndexFile,
        positions: &mut HashMap<&'a str, Option<usize>>,
    ) -> Node<'a> {
        let requires_python = file.requires_python();
        let candidate = Candidate::new(file.dist(), requires_python, file.yanked.is_some());
        let mut requirements = Vec::new();
        let mut environments = Vec::new();
        let metadata = file.facts.as_deref().and_then(Facts::metadata);
        if let Some(metadata) = metadata.filter(|_| file.yanked.is_none()) {
            for text in &metadata.fields.requires_dist {
                let position = positions.entry(text).or_insert_with(|| {
                    self.requirements.push(required(text)?);
                    Some(self.requirements.len() - 1)
                });
                let Some(position) = *position else { continue };
                let named = &self.requirements[position].requirement.version_or_url;
                if matches!(named, Some(VersionOrUrl::Url(_))) {
                    self.passed_over.push((file.dist().as_str(), text));
                } else {
                    requirements.push(position);
                }
            }
            let Candidate { pythons, platforms, requires_python, .. } = &candidate;
            environments = self.environments.of_wheel(pythons, platforms, requires_python.as_ref());
        }
        Node { file, candidate, requirements, environments }
    }

    fn missing(&self, view: View<'a>) -> Vec<Missing<'a>> {
        let offers = Offers::new(self, view);
        let extras = offers.extras();
        let nothing = BTreeSet::new();
        let mut satisfied: HashMap<(usize, usize), bool> = HashMap::new();
        let mut missing = Vec::new();
        for &position in &offers.nodes {
            let node = &self.nodes[position];
            let extras = extras.get(&position).unwrap_or(&nothing);
            for &requirement in &node.requirements {
                let required = &self.requirements[requirement];
                let fails = |environment: &&usize| {
                    let at = &self.environments.all[**environment];
                    required.applies(at, extras)
                        && !*satisfied
                            .entry((requirement, **environment))
                            .or_insert_with(|| offers.satisfies(required, at))
                };
                let failing: Vec<usize> = node.environments.iter().filter(fails).copied().collect();
                let Some(first) = failing.first() else { continue };
                let environment = &self.environments.all[*first];
                missing.push(Missing {
                    file: node.file,
                    channel: match view {
                        View::Channel(channel) => Some(channel),
                        View::Default | View::All => None,
                    },
                    requirement: required.text,
                    name: required.name.clone(),
                    environment: environment.to_string(),
                    more: failing.len() - 1,
                    found: offers.instead(required, environment),
                });
            }
        }
        missing
    }
}

/// None of a text that is no requirement, which is a finding of its own.
fn required(text: &str) -> Option<Required<'_>> {
    let requirement = crate::wheel::read_requirement(text)?;
    Some(Required {
        text,
        name: requirement.name.to_string().parse().ok()?,
        has_extra: text.contains("extra"),
        requirement,
    })
}

/// What a channel has, and upstream beside it.
struct Offers<'k, 'a> {
    known: &'k Known<'a>,
    /// The files of the channel.
    nodes: Vec<usize>,
    by_name: HashMap<&'a ProjectName, Vec<usize>>,
}

impl<'k, 'a> Offers<'k, 'a> {
    fn new(known: &'k Known<'a>, view: View<'a>) -> Self {
        let mut nodes = Vec::new();
        let mut by_name: HashMap<&ProjectName, Vec<usize>> = HashMap::new();
        for (project, range) in &known.projects {
            let taken = range.clone().filter(|position| view.takes(known.nodes[*position].file));
            let taken: Vec<usize> = taken.collect();
            if !taken.is_empty() {
                nodes.extend(&taken);
                by_name.insert(&project.name, taken);
            }
        }
        Self { known, nodes, by_name }
    }

    fn candidates(&self, name: &ProjectName) -> impl Iterator<Item = &Candidate<'a>> {
        let here = self.by_name.get(name).into_iter().flatten();
        let upstream = self.known.upstream.get(name).into_iter().flatten();
        here.map(|position| &self.known.nodes[*position].candidate).chain(upstream)
    }

    fn satisfies(&self, required: &Required<'_>, environment: &Environment) -> bool {
        self.candidates(&required.name).any(|candidate| {
            required.takes(candidate.dist.version())
                && (!candidate.yanked || required.pins())
                && candidate.runs_in(environment)
        })
    }

    fn instead(&self, required: &Required<'_>, environment: &Environment) -> Found {
        const SHOWN: usize = 3;
        let versions = |of: &dyn Fn(&&Candidate<'_>) -> bool| {
            let candidates = self.candidates(&required.name).filter(of);
            candidates.map(|candidate| candidate.dist.version()).collect::<BTreeSet<&Version>>()
        };
        let takes = |candidate: &&Candidate<'_>| required.takes(candidate.dist.version());
        if let Some(version) = versions(&|it| takes(it) && it.runs_in(environment)).last() {
            return Found::Yanked(version.to_string());
        }
        if let Some(version) = versions(&takes).last() {
            return Found::NoFile(version.to_string());
        }
        let all = versions(&|_| true);
        if all.is_empty() {
            Found::Nothing
        } else {
            Found::Versions(all.iter().rev().take(SHOWN).map(ToString::to_string).collect())
        }
    }

    /// The extras that requirements of the channel ask of its files, theirs included.
    fn extras(&self) -> HashMap<usize, BTreeSet<ExtraName>> {
        let mut asked: HashMap<usize, BTreeSet<ExtraName>> = HashMap::new();
        let mut waiting = self.nodes.clone();
        while let Some(position) = waiting.pop() {
            let node = &self.known.nodes[position];
            let own = asked.get(&position).cloned().unwrap_or_default();
            for &requirement in &node.requirements {
                let required = &self.known.requirements[requirement];
                let wanted = &required.requirement.extras;
                let applies = |environment: &usize| {
                    required.applies(&self.known.environments.all[*environment], &own)
                };
                if wanted.is_empty() || !node.environments.iter().any(applies) {
                    continue;
                }
                for &other in self.by_name.get(&required.name).into_iter().flatten() {
                    if !required.takes(self.known.nodes[other].candidate.dist.version()) {
                        continue;
                    }
                    let extras = asked.entry(other).or_default();
                    let before = extras.len();
                    extras.extend(wanted.iter().cloned());
                    if extras.len() > before {
                        waiting.push(other);
                    }
                }
            }
        }
        asked
    }
}
