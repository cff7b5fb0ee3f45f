//! A shard as it is written: the same text as of a [`Shard`](super::Shard), made without a copy of
//! what a project knows.

use std::collections::BTreeMap;

use serde::Serialize;

use super::About;
use crate::facts::{Content, Depth, Facts, Sidecar};
use crate::index::{Channel, FileUrl, IndexFile, Project};
use crate::markup::{push_digest, push_json, push_number};
use crate::wheel::Sha256;

/// As [`StoredFacts`](super::StoredFacts).
#[derive(Serialize)]
struct Stored<'a> {
    facts_version: u32,
    depth: Depth,
    content: &'a Content,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    reported: bool,
}

/// What `state/<name>.json` says of a project whose pages have these digests: the text of a
/// [`Shard`](super::Shard), of about `room` bytes.
///
/// Errors if facts have no JSON form.
pub fn shard_text(
    project: &Project,
    pages: &BTreeMap<String, Sha256>,
    room: usize,
) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(room);
    out.extend_from_slice(b"{\"name\":");
    push_json(&mut out, project.name.as_str());
    let common = Common::of(project);
    common.push(&mut out);
    out.extend_from_slice(b",\"files\":[");
    for (position, file) in project.files.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        push_file(&mut out, file, &common)?;
    }
    out.extend_from_slice(b"],\"pages\":{");
    for (position, (path, sha256)) in pages.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        push_json(&mut out, path);
        out.push(b':');
        push_digest(&mut out, sha256);
    }
    out.push(b'}');
    let about = About::of(&project.settings);
    if !about.is_nothing() {
        out.extend_from_slice(b",\"about\":");
        serde_json::to_writer(&mut out, &about)?;
    }
    out.extend_from_slice(b"}\n");
    Ok(out)
}

/// What is so of all files, as [`Stored`](super::shard) has it.
#[derive(Default)]
struct Common<'a> {
    quarantined: bool,
    carried: bool,
    url: Option<&'a FileUrl>,
    offered_time: bool,
    requires_python: Option<&'a str>,
}

impl<'a> Common<'a> {
    fn of(project: &'a Project) -> Self {
        let files = &project.files;
        let Some(first) = files.first() else { return Self::default() };
        let quarantined = project.offered().is_empty();
        let same_url = files.iter().all(|file| file.url == first.url);
        let python = untold_python(first);
        Self {
            quarantined,
            carried: !quarantined && same_url && first.url == FileUrl::Carried,
            url: (same_url && first.url != FileUrl::Carried).then_some(&first.url),
            offered_time: files.iter().all(|file| file.offered_time.is_some()),
            requires_python: python.filter(|_| files.iter().all(|it| untold_python(it) == python)),
        }
    }

    fn push(&self, out: &mut Vec<u8>) {
        let mut keys = Vec::new();
        push_shared(&mut keys, self.carried, self.url, self.offered_time);
        push_python(&mut keys, self.requires_python);
        if let Some((b',', keys)) = keys.split_first() {
            out.extend_from_slice(b",\"common\":{");
            out.extend_from_slice(keys);
            out.push(b'}');
        }
    }
}

/// `Requires-Python`, where the facts do not tell it.
fn untold_python(file: &IndexFile) -> Option<&str> {
    let metadata = file.facts.as_deref().and_then(Facts::metadata);
    let told = metadata.and_then(|metadata| metadata.fields.requires_python.as_deref());
    file.requires_python().filter(|it| Some(*it) != told)
}

fn push_shared(out: &mut Vec<u8>, carried: bool, url: Option<&FileUrl>, offered_time: bool) {
    if carried {
        out.extend_from_slice(b",\"carried\":true");
    }
    match url {
        None | Some(FileUrl::Carried) => {}
        Some(FileUrl::FilesUrl) => out.extend_from_slice(b",\"url\":\"files-url\""),
        Some(FileUrl::Own(url)) => {
            out.extend_from_slice(b",\"url\":{\"own\":");
            push_json(out, url);
            out.push(b'}');
        }
    }
    if offered_time {
        out.extend_from_slice(b",\"offered_time\":true");
    }
}

fn push_python(out: &mut Vec<u8>, requires_python: Option<&str>) {
    if let Some(requires_python) = requires_python {
        out.extend_from_slice(b",\"requires_python\":");
        push_json(out, requires_python);
    }
}

/// The keys are those of [`FileState`](super::FileState), in their order; none without a value.
fn push_file(out: &mut Vec<u8>, file: &IndexFile, common: &Common<'_>) -> serde_json::Result<()> {
    let carried = file.url == FileUrl::Carried;
    // It holds nothing that JSON escapes.
    out.extend_from_slice(b"{\"filename\":\"");
    out.extend_from_slice(file.dist().as_str().as_bytes());
    out.push(b'"');
    if let Some(sha256) = &file.sha256() {
        out.extend_from_slice(b",\"sha256\":");
        push_digest(out, sha256);
    }
    if let Some(size) = file.size() {
        out.extend_from_slice(b",\"size\":");
        push_number(out, size);
    }
    if let Some(upload_time) = file.upload_time {
        out.extend_from_slice(b",\"upload_time\":\"");
        upload_time.push(out);
        out.push(b'"');
    }
    let text = |out: &mut Vec<u8>, key: &[u8], text: Option<&str>| {
        if let Some(text) = text {
            out.extend_from_slice(key);
            push_json(out, text);
        }
    };
    text(out, b",\"revision\":", file.revision.as_deref());
    push_shared(
        out,
        carried && !common.quarantined && !common.carried,
        Some(&file.url).filter(|_| common.url.is_none()),
        file.offered_time.is_some() && !common.offered_time,
    );
    if common.requires_python.is_none() {
        push_python(out, untold_python(file));
    }
    match file.core_metadata().filter(|_| !carried) {
        None => {}
        Some(Sidecar::Unhashed) => out.extend_from_slice(b",\"core_metadata\":\"unhashed\""),
        Some(Sidecar::Sha256(sha256)) => {
            out.extend_from_slice(b",\"core_metadata\":{\"sha256\":");
            push_digest(out, &sha256);
            out.push(b'}');
        }
    }
    text(out, b",\"yanked\":", file.yanked.as_deref());
    text(out, b",\"channel\":", file.channel.as_ref().map(Channel::as_str));
    if let Some(facts) = file.facts.as_deref() {
        out.extend_from_slice(b",\"facts\":");
        let Facts { facts_version, depth, ref content, reported, .. } = *facts;
        serde_json::to_writer(&mut *out, &Stored { facts_version, depth, content, reported })?;
    }
    out.push(b'}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Options, Settings, SiteConfig};
    use crate::facts::{Artifact, FACTS_VERSION, Location, Offered, UploadTime};
    use crate::index::{Admitted, Index};
    use crate::state::Shard;

    fn settings() -> Settings {
        Settings::resolve(SiteConfig::default(), Options::default(), Environment::default())
            .expect("resolves")
    }

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
        let settings = settings();
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
        let text = shard_text(&project, &pages, 0).expect("is JSON");
        let text = String::from_utf8(text).expect("is UTF-8");
        let shard: Shard = serde_json::from_str(&text).expect("is a shard");
        assert_eq!(serde_json::to_string(&shard).expect("is JSON") + "\n", text);
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

    #[test]
    fn what_all_files_have_in_common_is_said_once() {
        let pages = BTreeMap::new();
        let read = |project: &Project| {
            let text = shard_text(project, &pages, 0).expect("is JSON");
            let text = String::from_utf8(text).expect("is UTF-8");
            let shard: Shard = serde_json::from_str(&text).expect("is a shard");
            assert_eq!(serde_json::to_string(&shard).expect("is JSON") + "\n", text);
            (shard, text)
        };
        let (whole, _) = read(&project());
        // Each of them alone, in pairs, and none; what is said once is still said of each.
        for mask in 0..8_usize {
            let is_kept = |position: usize| mask >> position & 1 == 1;
            let mut part = project();
            let mut positions = 0..;
            part.retain(|_| positions.next().is_some_and(is_kept));
            let (shard, text) = read(&part);
            let wanted: Vec<_> = (0..whole.files.len())
                .filter(|position| is_kept(*position))
                .map(|position| whole.files[position].clone())
                .collect();
            assert_eq!(shard.files, wanted);
            assert_eq!(text.contains("\"common\":{"), wanted.len() == 1, "{text}");
            part.settings.status = crate::config::Status::Quarantined;
            let (shard, _) = read(&part);
            assert!(shard.files.iter().all(|file| !file.carried));
        }
        let shared = project().files.into_iter().next().expect("is there").artifact;
        let twice: Vec<_> = ["a-1-py3-none-any.whl", "a-2-py3-none-any.whl"]
            .into_iter()
            .map(|name| Admitted {
                artifact: Artifact {
                    offered: shared.offered.clone(),
                    ..Artifact::new(name, Location::File(name.into()))
                }
                .into(),
                facts: None,
                upload_time: shared.offered.upload_time,
                url: FileUrl::FilesUrl,
            })
            .collect();
        let index = Index::build(twice, &settings()).expect("builds");
        let (shard, text) = read(&index.projects[0]);
        let common =
            r#""common":{"url":"files-url","offered_time":true,"requires_python":">=3.8"}"#;
        assert!(text.contains(common) && text.matches("files-url").count() == 1, "{text}");
        assert!(shard.files.iter().all(|file| file.offered_time && file.url.is_some()));
        // Version 1 said it of each file.
        let old = text.replacen(&format!("{common},"), "", 1).replace(
            "\"upload_time\":\"1970-01-01T00:00:05Z\"",
            "\"upload_time\":\"1970-01-01T00:00:05Z\",\"url\":\"files-url\",\"offered_time\":true,\
             \"requires_python\":\">=3.8\"",
        );
        assert_eq!(serde_json::from_str::<Shard>(&old).expect("is a shard"), shard);
    }
}
