//! What `build`, `smoke` and `run` take alike: the engine, folders, limits and indexes.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::build::{Network, Options};
use crate::engine::text::clean;
use crate::engine::{Engine, Program};
use crate::error::{Error, Result};
use crate::size::ByteSize;

/// The engine and the network.
#[derive(Debug, Args)]
pub(super) struct EngineArgs {
    /// Container engine [default: docker where its daemon answers, else podman]
    #[arg(long, value_name = "ENGINE", env = "WHEELSITE_BUILDER_ENGINE")]
    pub(super) engine: Option<Program>,
    /// Argument of every `run` of the engine, as in `--engine-arg=--gpus=all`; may be repeated
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub(super) engine_arg: Vec<String>,
    /// Folder of caches and of what goes on in the next run
    #[arg(long, value_name = "DIR", default_value = ".wheelsite-builder")]
    pub(super) work: PathBuf,
    /// The most memory of a container, as in `16GiB`
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    pub(super) memory: Option<u64>,
    /// How many processors a container has
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) cpus: Option<u32>,
    /// The longest that a row may compile, where packages.yml says more, as in `90m`
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(super) timeout: Option<Duration>,
    /// Index that pip uses in containers [default: the one of this machine's `PIP_INDEX_URL`]
    #[arg(long, value_name = "URL")]
    pub(super) index_url: Option<String>,
    /// Further index; may be repeated
    #[arg(long, value_name = "URL")]
    pub(super) extra_index_url: Vec<String>,
    /// Host whose certificate pip does not check; may be repeated
    #[arg(long, value_name = "HOST")]
    pub(super) trusted_host: Vec<String>,
}

impl EngineArgs {
    /// Finds the engine.
    pub(super) async fn find(&self) -> Result<Engine> {
        Engine::find(self.engine, self.engine_arg.clone()).await
    }

    /// How rows are built into a folder.
    pub(super) fn options(&self, output: PathBuf) -> Result<Options> {
        let network = Network::of_environment(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }));
        let network =
            network.with(self.index_url.as_deref(), &self.extra_index_url, &self.trusted_host);
        let mut options = Options::new(output, self.work.clone());
        options.memory = self.memory;
        options.cpus = self.cpus;
        options.timeout = self.timeout;
        options.network = network;
        options.source_date_epoch = source_date_epoch()?;
        Ok(options)
    }
}

/// The caller's date of the build, if it has one: it is a number of seconds.
fn source_date_epoch() -> Result<Option<String>> {
    let epoch = std::env::var("SOURCE_DATE_EPOCH").ok().filter(|epoch| !epoch.is_empty());
    match epoch {
        Some(epoch) if !epoch.bytes().all(|it| it.is_ascii_digit()) => Err(Error::config(
            format!("`SOURCE_DATE_EPOCH` is `{}`, expected seconds since 1970", clean(&epoch)),
            "unset it, or set it as in `SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)`",
        )),
        epoch => Ok(epoch),
    }
}

fn memory(text: &str) -> Result<u64, String> {
    let size = ByteSize::of_memory(text).map(|size| size.0);
    size.ok_or_else(|| "expected a size such as `16GiB`".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
    let read = || {
        let end = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let (_, factor) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim()))?;
        number.parse::<u64>().ok()?.checked_mul(*factor).filter(|seconds| *seconds > 0)
    };
    read()
        .map(Duration::from_secs)
        .ok_or_else(|| "expected a time such as `90m` or `6h`".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_and_times_have_units() {
        assert_eq!(memory("16GiB"), Ok(16 << 30));
        assert_eq!(memory("512 mb"), Ok(512_000_000));
        assert_eq!(duration("90m"), Ok(Duration::from_secs(5_400)));
        for text in ["", "16", "GiB", "0s", "-1h", "99999999999999999999d", "1.5h"] {
            assert!(memory(text).is_err() && duration(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[0-9]{0,25}\\PC{0,4}") {
            let _ = (memory(&text), duration(&text));
        }
    }
}
