//! A shard as it is written: the same text as of a [`Shard`](super::Shard), made without a copy of
//! what a project knows.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::{About, SidecarState};
use crate::facts::{Content, Depth, Facts, Sidecar, UploadTime};
use crate::index::{Channel, FileUrl, IndexFile, Project};
use crate::wheel::{ProjectName, Sha256};

/// What `state/<name>.json` says of a project. The keys are those of [`Shard`](super::Shard).
#[derive(Serialize)]
pub struct ShardText<'a> {
    name: &'a ProjectName,
    files: Files<'a>,
    pages: &'a BTreeMap<String, Sha256>,
    #[serde(skip_serializing_if = "About::is_nothing")]
    about: About,
}

struct Files<'a> {
    files: &'a [IndexFile],
    quarantined: bool,
}

/// The keys are those of [`FileState`](super::FileState).
#[derive(Serialize)]
struct File<'a> {
    filename: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Sha256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_time: Option<UploadTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    carried: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<Link<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    offered_time: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    requires_python: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    core_metadata: Option<SidecarState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    yanked: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a Channel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<Stored<'a>>,
}

/// As [`LinkState`](super::LinkState).
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Link<'a> {
    FilesUrl,
    Own(&'a str),
}

/// As [`StoredFacts`](super::StoredFacts).
#[derive(Serialize)]
struct Stored<'a> {
    facts_version: u32,
    depth: Depth,
    content: &'a Content,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    reported: bool,
}

impl<'a> ShardText<'a> {
    /// The shard of a project whose pages have these digests.
    pub fn of(project: &'a Project, pages: &'a BTreeMap<String, Sha256>) -> Self {
        let files = Files { files: &project.files, quarantined: project.offered().is_empty() };
        Self { name: &project.name, files, pages, about: About::of(&project.settings) }
    }
}

impl Serialize for Files<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.files.iter().map(|file| File::of(file, self.quarantined)))
    }
}

impl<'a> File<'a> {
    fn of(file: &'a IndexFile, quarantined: bool) -> Self {
        let metadata = file.facts.as_deref().and_then(Facts::metadata);
        let told = metadata.and_then(|metadata| metadata.fields.requires_python.as_deref());
        let carried = file.url == FileUrl::Carried;
        Self {
            filename: file.dist.as_str(),
            sha256: file.sha256,
            size: file.size,
            upload_time: file.upload_time,
            revision: file.revision.as_deref(),
            carried: carried && !quarantined,
            url: match &file.url {
                FileUrl::Carried => None,
                FileUrl::FilesUrl => Some(Link::FilesUrl),
                FileUrl::Own(url) => Some(Link::Own(url)),
            },
            offered_time: file.offered_time.is_some(),
            requires_python: file.requires_python.as_deref().filter(|it| Some(*it) != told),
            core_metadata: file.core_metadata.filter(|_| !carried).map(|sidecar| match sidecar {
                Sidecar::Unhashed => SidecarState::Unhashed,
                Sidecar::Sha256(sha256) => SidecarState::Sha256(sha256),
            }),
            yanked: file.yanked.as_deref(),
            channel: file.channel.as_ref(),
            facts: file.facts.as_deref().map(|facts| Stored {
                facts_version: facts.facts_version,
                depth: facts.depth,
                content: &facts.content,
                reported: facts.reported,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Options, Settings, SiteConfig};
    use crate::facts::{Artifact, FACTS_VERSION, Location, Offered};
    use crate::index::{Admitted, Index};
    use crate::state::Shard;

    /// With each key of a shard in one file at least.
    fn project() -> Project {
        let artifact = |filename: &str, offered| Artifact {
            size: Some(7),
            offered,
            ..Artifact::new(filename, Location::File(filename.into()))
        };
        let sha256 = Some(Sha256::of(b"x"));
        let told = Offered {
            sha256,
            requires_python: Some(">=3.8".into()),
            core_metadata: Some(Sidecar::Sha256(Sha256::of(b"y"))),
            upload_time: UploadTime::from_seconds(5),
            yanked: Some("bad".into()),
            ..Offered::default()
        };
        let unhashed = Offered { core_metadata: Some(Sidecar::Unhashed), ..Offered::default() };
        let revised = Artifact { revision: Some("tag".into()), ..artifact("a-2.tar.gz", unhashed) };
        let facts = Facts {
            facts_version: FACTS_VERSION,
            depth: Depth::Full,
            sha256: Sha256::of(b"z"),
            size: 7,
            content: Content::Sdist,
            reported: true,
        };
        let admitted = |artifact: Artifact, facts: Option<Facts>, url| Admitted {
            upload_time: artifact.offered.upload_time,
            artifact: artifact.into(),
            facts: facts.map(Into::into),
            url,
        };
        let own = FileUrl::Own("https://x.example/a".into());
        let files = vec![
            admitted(artifact("a-1+cu128-py3-none-any.whl", told), None, FileUrl::FilesUrl),
            admitted(revised, None, own),
            admitted(artifact("a-3.tar.gz", Offered::default()), Some(facts), FileUrl::Carried),
        ];
        let settings =
            Settings::resolve(SiteConfig::default(), Options::default(), Environment::default());
        let settings = settings.expect("resolves");
        let mut index = Index::build(files, &settings).expect("builds");
        index.assign_channels(&settings.channels);
        let mut project = index.projects.remove(0);
        project.settings.description = Some("about".into());
        project
    }

    #[test]
    fn it_is_the_text_of_a_shard() {
        let project = project();
        let pages = BTreeMap::from([("simple/a/index.html".to_owned(), Sha256::of(b"p"))]);
        let text = serde_json::to_string(&ShardText::of(&project, &pages)).expect("is JSON");
        let shard: Shard = serde_json::from_str(&text).expect("is a shard");
        assert_eq!(serde_json::to_string(&shard).expect("is JSON"), text);
        for key in [
            "filename",
            "sha256",
            "size",
            "upload_time",
            "revision",
            "carried",
            "files-url",
            "own",
            "offered_time",
            "requires_python",
            "core_metadata",
            "unhashed",
            "yanked",
            "channel",
            "facts_version",
            "reported",
            "about",
        ] {
            assert!(text.contains(key), "{key}: {text}");
        }
    }
}
