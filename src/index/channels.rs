//! Which files belong to which channel, and what each part of the site offers.
//!
//! Installers take the highest local version, whatever the machine: on a page with
//! `2.8.3+cu126` and `2.8.3+cu130` everybody gets the latter. So each channel is an index of
//! its own, and `simple/` offers of each release the files of one channel only.

use std::collections::BTreeSet;

use super::{Answers, Channel, Index, IndexFile, Project};
use crate::config::ChannelSettings;
use crate::cuda::{LocalTag, ToolkitSource};
use crate::facts::Facts;

/// The channels of an index.
#[derive(Debug, Default)]
pub struct Channels {
    /// Those that have files, from old to new.
    pub all: Vec<Channel>,
    /// The one whose files `simple/` offers where a release has several.
    pub default: Option<Channel>,
    /// Whether some release has files in several channels, so that `simple/` cannot offer all.
    pub ambiguous: bool,
}

/// Those of an index that has none.
pub(crate) static NO_CHANNELS: Channels =
    Channels { all: Vec::new(), default: None, ambiguous: false };

/// A part of the site that is an index.
#[derive(Debug, Clone, Copy)]
pub enum View<'a> {
    /// `simple/`: what installers are to find when they ask for nothing in particular.
    Default,
    /// `all/simple/`: everything, for those who pin.
    All,
    /// `<channel>/simple/`.
    Channel(&'a Channel),
}

impl View<'_> {
    /// The folder that it lies in; empty, or ends in `/`.
    pub fn prefix(self) -> String {
        match self {
            Self::Default => String::new(),
            Self::All => "all/".to_owned(),
            Self::Channel(channel) => format!("{channel}/"),
        }
    }

    /// From a page of a project in it to the root of the site.
    pub fn root(self) -> &'static str {
        match self {
            Self::Default => "../../",
            Self::All | Self::Channel(_) => "../../../",
        }
    }

    /// Whether it offers a file of a project that is not quarantined.
    pub fn takes(self, file: &IndexFile) -> bool {
        match (self, &file.channel) {
            // What is in no channel fits all of them.
            (Self::All, _) | (Self::Channel(_), None) => true,
            (Self::Default, _) => file.in_default,
            (Self::Channel(wanted), Some(channel)) => wanted == channel,
        }
    }

    /// Whether a project is in it.
    pub fn has(self, project: &Project) -> bool {
        match self {
            Self::Default | Self::All => true,
            Self::Channel(_) => project.files.iter().any(|file| self.takes(file)),
        }
    }

    /// The files of a project that it offers.
    pub fn files(self, project: &Project) -> Vec<&IndexFile> {
        project.offered().iter().filter(|file| self.takes(file)).collect()
    }
}

impl Channels {
    /// The parts of the site that are indexes.
    pub fn views(&self) -> impl Iterator<Item = View<'_>> {
        let all = self.ambiguous.then_some(View::All);
        let channels = self.all.iter().map(View::Channel);
        std::iter::once(View::Default).chain(all).chain(channels)
    }

    /// Gives each file its channel, and says what `simple/` offers.
    pub(super) fn assign(projects: &mut [Project], settings: &ChannelSettings) -> Self {
        if !settings.enabled {
            return Self::default();
        }
        for project in &mut *projects {
            project.answers = Answers::default();
            for file in &mut project.files {
                // Rules, places and device code are for whoever has them.
                if !file.is_restored {
                    file.channel = settings.channel_of(file);
                }
                file.in_default = true;
            }
            // Only beside files that name theirs does it matter what others were made for.
            if project.files.iter().any(|file| file.channel.is_some()) {
                for file in &mut project.files {
                    if file.channel.is_none() && !file.is_restored && !settings.is_settled(file) {
                        file.channel = file.facts.as_deref().and_then(of_facts);
                    }
                }
            }
        }
        let files = projects.iter().flat_map(|project| &project.files);
        let all: BTreeSet<&Channel> = files.filter_map(|file| file.channel.as_ref()).collect();
        let all: Vec<Channel> = all.into_iter().cloned().collect();
        let configured = settings.default.as_ref().filter(|default| all.contains(default));
        let default = configured.or(all.last()).cloned();
        let mut ambiguous = false;
        for project in projects {
            ambiguous |= choose(&mut project.files, default.as_ref());
        }
        Self { all, default, ambiguous }
    }
}

/// Leaves in `simple/` one channel of each release; says whether any had several.
fn choose(files: &mut [IndexFile], default: Option<&Channel>) -> bool {
    let mut ambiguous = false;
    if files.iter().all(|file| file.channel.is_none()) {
        return ambiguous;
    }
    // Local versions stand together: they are the last thing that versions are sorted by.
    let same_release = |one: &IndexFile, other: &IndexFile| {
        one.dist().version().clone().without_local()
            == other.dist().version().clone().without_local()
    };
    for release in files.chunk_by_mut(same_release) {
        let channels: BTreeSet<&Channel> =
            release.iter().filter_map(|file| file.channel.as_ref()).collect();
        if channels.len() < 2 {
            continue;
        }
        ambiguous = true;
        let chosen = default.filter(|default| channels.contains(default));
        let chosen = chosen.or(channels.last().copied()).cloned();
        for file in release {
            file.in_default = file.channel.is_none() || file.channel == chosen;
        }
    }
    ambiguous
}

/// The channel that a wheel's device code, or the libraries that it needs, tell.
fn of_facts(facts: &Facts) -> Option<Channel> {
    let cuda = facts.wheel()?.cuda(&LocalTag::default())?;
    let made: BTreeSet<u16> =
        cuda.files.iter().flat_map(|file| &file.toolkits).map(|version| version.major).collect();
    let is_told =
        matches!(cuda.toolkit_from?, ToolkitSource::DeviceCode | ToolkitSource::Libraries);
    // One that brings code of several toolkits chooses at run time, and fits all.
    let toolkit = cuda.toolkit.filter(|_| is_told && made.len() < 2)?;
    Channel::of_toolkit(toolkit)
}

impl Index {
    /// The default channel was not chosen by anybody, and it matters.
    pub fn default_is_a_guess(&self, settings: &ChannelSettings) -> bool {
        self.channels.ambiguous && settings.default != self.channels.default
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::{Environment, Options, Settings, SiteConfig};
    use crate::facts::{Artifact, Content, Depth, FACTS_VERSION, Location};
    use crate::index::{Admitted, FileUrl};
    use crate::wheel::Sha256;

    /// A wheel whose one library holds code that these toolkits made.
    fn admitted(filename: &str, toolkits: &[&str]) -> Admitted {
        let wheel = serde_json::json!({
            "members": 1, "unpacked_size": 1, "dist_info": [],
            "metadata": "missing", "wheel": "missing", "record": "missing",
            "elf": [{
                "path": "a.so", "machine": 62, "bits": 64, "little_endian": true, "kind": "shared",
                "flags": 0, "device": {"architectures": ["sm_90"], "toolkits": toolkits},
            }],
        });
        let content = Content::Wheel(serde_json::from_value(wheel).expect("is a wheel"));
        let facts = Facts {
            facts_version: FACTS_VERSION,
            depth: Depth::Full,
            sha256: Sha256::of(filename.as_bytes()),
            size: 1,
            content,
            reported: false,
        };
        let location = Location::File(filename.into());
        let artifact = Artifact { size: Some(1), ..Artifact::new(filename, location) };
        Admitted {
            artifact: artifact.into(),
            facts: Some(Arc::new(facts)),
            upload_time: None,
            url: FileUrl::Carried,
        }
    }

    fn channels(files: &[(&str, &[&str])]) -> Vec<Option<String>> {
        let settings =
            Settings::resolve(SiteConfig::default(), Options::default(), Environment::default());
        let settings = settings.expect("resolves");
        let files = files.iter().map(|(name, toolkits)| admitted(name, toolkits)).collect();
        let mut index = Index::build(files, &settings).expect("builds");
        index.assign_channels(&settings.channels);
        let files = index.projects[0].files.iter();
        files.map(|file| file.channel.as_ref().map(ToString::to_string)).collect()
    }

    #[test]
    fn device_code_tells_a_channel_beside_files_that_name_theirs() {
        let labelled = ("a-1.0+cu128-py3-none-any.whl", &["12.8"][..]);
        let [plain, several] = ["a-1.1-py3-none-any.whl", "a-1.2-py3-none-any.whl"];
        assert_eq!(
            channels(&[labelled, (plain, &["12.6"]), (several, &["11.8", "12.8"])]),
            [Some("cu128".to_owned()), Some("cu126".to_owned()), None]
        );
        // Alone it is a wheel like any other: there is nothing to be told apart.
        assert_eq!(channels(&[(plain, &["12.6"])]), [None]);
    }
}
