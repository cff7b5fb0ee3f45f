//! Images: what is here, and what is pulled.

use std::time::Duration;

use serde::Deserialize;

use super::cancel::Cancel;
use super::failure;
use super::process::{End, stream};
use super::{Engine, Program, Tail, argv};
use crate::engine::text::clean;
use crate::error::{Error, Result};
use crate::row::Platform;

/// An image that is on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// By what it is run: never a tag, which can be moved to another image.
    pub reference: String,
    /// The digest by which its registry has it; none for one that was made on this machine.
    pub digest: Option<String>,
    /// The digest of its configuration, by which engines know it.
    pub id: String,
}

/// How an image is pulled.
#[derive(Debug, Clone, Copy)]
pub struct Pull {
    /// How often it is tried again when it fails for a passing reason.
    pub retries: u32,
    /// How long to wait before the second try; each further wait is twice as long.
    pub pause: Duration,
}

/// What engines say of an image, as far as it is used.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    #[serde(default)]
    repo_digests: Option<Vec<String>>,
    #[serde(default)]
    architecture: String,
}

/// A name with its registry, as podman needs it where nobody configured which ones to search, and
/// as docker means it.
pub fn normal_name(name: &str) -> String {
    /// Where docker looks for names without a registry.
    const DEFAULT_REGISTRY: &str = "docker.io";
    match name.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => name.to_owned(),
        Some(_) => format!("{DEFAULT_REGISTRY}/{name}"),
        None => format!("{DEFAULT_REGISTRY}/library/{name}"),
    }
}

/// A name without its tag and digest.
pub(crate) fn repository(name: &str) -> &str {
    let name = name.split_once('@').map_or(name, |(name, _)| name);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

impl Engine {
    /// The image of this name for this platform, if it is on this machine.
    pub async fn image(&self, name: &str, platform: Platform) -> Result<Option<Image>> {
        let mut answer = self.ask(&argv::image_inspect(name)).await?;
        let normal = normal_name(name);
        if !answer.success && self.program == Program::Podman && normal != name {
            answer = self.ask(&argv::image_inspect(&normal)).await?;
        }
        if !answer.success {
            return Ok(None);
        }
        let found: Vec<Inspected> = serde_json::from_str(&answer.stdout).map_err(|error| {
            Error::unreachable(
                format!("`{} image inspect` said something else: {error}", self.name()),
                "check that the engine works",
            )
        })?;
        let wanted = argv::platform_name(platform).trim_start_matches("linux/");
        let found = found.into_iter().find(|it| [wanted, ""].contains(&&*it.architecture));
        Ok(found.map(|found| image(name, found)))
    }

    /// Pulls an image. What passes is tried again; what does not is told at once.
    pub async fn pull(
        &self,
        name: &str,
        platform: Platform,
        how: Pull,
        cancel: &Cancel,
        hear: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Image> {
        let name = match self.program {
            Program::Podman => normal_name(name),
            Program::Docker => name.to_owned(),
        };
        if normal_name(&name).starts_with("localhost/") {
            return Err(Error::unreachable(
                format!("there is no image `{}` on this machine", clean(&name)),
                "build or import it, or name one that a registry has",
            ));
        }
        let mut pause = how.pause;
        let mut tries = 0;
        loop {
            cancel.check()?;
            let mut tail = Tail::default();
            let argv = argv::pull(&name, platform);
            let hear_line = &mut |line: &str| {
                tail.hear(line);
                hear(line);
            };
            let end = stream(self.name(), &argv, [], None, cancel, hear_line, async || ()).await?;
            match end {
                End::Exit(Some(0)) => break,
                End::Cancelled => return Err(Error::Interrupted),
                _ => {}
            }
            let failure = failure::of_pull(&name, &tail);
            if !failure.is_passing || tries == how.retries {
                return Err(failure.into_error());
            }
            tries += 1;
            hear(&format!(
                "{}; try {} of {} follows",
                failure.message,
                tries + 1,
                u64::from(how.retries) + 1
            ));
            wait(pause, cancel).await?;
            pause = (pause * 2).min(Duration::from_secs(60));
        }
        self.image(&name, platform).await?.ok_or_else(|| {
            Error::unreachable(
                format!(
                    "`{}` was pulled, and is not there for `{}`",
                    clean(&name),
                    argv::platform_name(platform)
                ),
                "choose an image that exists for this platform",
            )
        })
    }
}

/// Waits, unless it is cancelled.
pub(crate) async fn wait(pause: Duration, cancel: &Cancel) -> Result<()> {
    tokio::select! {
        () = tokio::time::sleep(pause) => Ok(()),
        () = cancel.cancelled() => Err(Error::Interrupted),
    }
}

fn image(name: &str, found: Inspected) -> Image {
    let wanted = normal_name(repository(name));
    let digests = found.repo_digests.unwrap_or_default();
    let by_digest = digests.iter().filter_map(|it| it.split_once('@'));
    let asked = name.split_once('@').map(|(_, digest)| digest);
    let asked_for = by_digest.clone().filter(|(_, digest)| Some(*digest) == asked);
    // Images of `localhost` were made here: nobody else can pull them.
    let of_registry = by_digest
        .filter(|(repository, _)| {
            normal_name(repository) == wanted && !repository.starts_with("localhost/")
        })
        // What has the digest that was asked for is that image, whatever its name is here.
        .chain(asked_for)
        // An index of several platforms has another digest than the image of one of them.
        .max_by_key(|(_, digest)| Some(*digest) == asked);
    let id = found.id.strip_prefix("sha256:").unwrap_or(&found.id).to_owned();
    match of_registry {
        Some((repository, digest)) => Image {
            reference: format!("{repository}@{digest}"),
            digest: Some(digest.to_owned()),
            id: format!("sha256:{id}"),
        },
        None => Image { reference: id.clone(), digest: None, id: format!("sha256:{id}") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_get_the_registry_that_docker_means() {
        for (name, normal) in [
            ("nvidia/cuda:12.9.1-devel", "docker.io/nvidia/cuda:12.9.1-devel"),
            ("debian:12", "docker.io/library/debian:12"),
            ("localhost/a:1", "localhost/a:1"),
            ("localhost:5000/a", "localhost:5000/a"),
            ("quay.io/pypa/manylinux_2_28_x86_64", "quay.io/pypa/manylinux_2_28_x86_64"),
        ] {
            assert_eq!(normal_name(name), normal);
        }
        assert_eq!(repository("localhost:5000/a"), "localhost:5000/a");
        assert_eq!(repository("localhost:5000/a:1@sha256:11"), "localhost:5000/a");
    }

    fn found(digests: &[&str]) -> Inspected {
        Inspected {
            id: "sha256:1d".into(),
            repo_digests: Some(digests.iter().map(ToString::to_string).collect()),
            architecture: "amd64".into(),
        }
    }

    #[test]
    fn an_image_is_run_by_its_digest_or_its_id() {
        let pulled = image(
            "nvidia/cuda:12.9.1-devel",
            found(&["other/cuda@sha256:00", "nvidia/cuda@sha256:11"]),
        );
        assert_eq!(pulled.reference, "nvidia/cuda@sha256:11");
        assert_eq!(pulled.digest.as_deref(), Some("sha256:11"));
        let podman = image("nvidia/cuda:1", found(&["docker.io/nvidia/cuda@sha256:11"]));
        assert_eq!(podman.reference, "docker.io/nvidia/cuda@sha256:11");
        let asked = found(&["docker.io/a/b@sha256:22", "docker.io/a/b@sha256:11"]);
        assert_eq!(image("a/b@sha256:22", asked).digest.as_deref(), Some("sha256:22"));
        let local = image("mine:1", found(&["localhost/mine@sha256:11"]));
        assert_eq!((&*local.reference, local.digest), ("1d", None));
    }
}
