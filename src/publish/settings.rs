//! What is to be known for publishing, resolved and validated once.

use std::str::FromStr;
use std::time::Duration;

use super::target::Target;
use crate::config::{BucketSettings, PublishConfig, parse_url};
use crate::error::{Error, Result};
use crate::host::Host;

/// How long files that no page refers to any more stay, where nobody says it.
const GRACE: Duration = Duration::from_secs(24 * 60 * 60);
/// Requests at once, where nobody says it: they wait more than they work.
const JOBS: usize = 16;

/// What flags say of publishing.
#[derive(Debug, Clone, Default)]
pub struct PublishOptions {
    /// `--to`, or `--publish` of a build.
    pub to: Option<String>,
    /// `--host`
    pub host: Option<Host>,
    /// `--merge`
    pub merge: bool,
    /// `--sidecars-only`
    pub sidecars_only: bool,
    /// `--grace`
    pub grace: Option<Grace>,
    /// `--jobs`
    pub jobs: Option<usize>,
    /// `--dry-run`
    pub dry_run: bool,
}

/// All that is to be known for publishing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishSettings {
    /// Where.
    pub target: Target,
    /// For which host; none for the one that the site was built for.
    pub host: Option<Host>,
    /// Leave alone what others have published there.
    pub merge: bool,
    /// To a release: sidecars alone.
    pub sidecars_only: bool,
    /// How long files that no page refers to any more stay.
    pub grace: Duration,
    /// Requests at once.
    pub jobs: usize,
    /// Only say what would be done.
    pub dry_run: bool,
    /// How a bucket is reached.
    pub bucket: BucketSettings,
}

impl PublishSettings {
    /// Resolves what was written; flags win over the configuration.
    pub fn resolve(config: &PublishConfig, options: PublishOptions) -> Result<Self> {
        let (what, to) = match (options.to, &config.to) {
            (Some(to), _) => ("--to", to),
            (None, Some(to)) => ("publish.to", to.clone()),
            (None, None) => {
                return Err(Error::config_hint(
                    "it is not said where to publish",
                    "name the place: `--to TARGET`, or `publish: {to: ...}` in the configuration",
                ));
            }
        };
        let target: Target =
            to.parse().map_err(|error| Error::config(format!("`{what}`: {error}")))?;
        let written = config.grace.as_deref().map(str::parse::<Grace>).transpose();
        let written =
            written.map_err(|error| Error::config(format!("`publish.grace`: {error}")))?;
        let settings = Self {
            host: options.host.or(config.host),
            merge: options.merge,
            sidecars_only: options.sidecars_only,
            grace: options.grace.or(written).map_or(GRACE, |Grace(time)| time),
            jobs: options.jobs.unwrap_or(JOBS),
            dry_run: options.dry_run,
            bucket: BucketSettings {
                public_url: None,
                endpoint: config
                    .endpoint
                    .as_deref()
                    .map(|url| parse_url("publish.endpoint", url))
                    .transpose()?,
                region: config.region.clone(),
                path_style: config.path_style,
                profile: config.profile.clone(),
                anonymous: false,
            },
            target,
        };
        settings.check(options.grace.is_some())?;
        Ok(settings)
    }

    /// What does nothing is refused: whoever wrote it expects that it does something.
    fn check(&self, says_grace: bool) -> Result<()> {
        let target = &self.target;
        let refuse = |flag: &str, hint: &str| {
            Err(Error::config_hint(format!("`{target}` has no use for `{flag}`"), hint))
        };
        match target {
            Target::Release(_) if self.merge => {
                refuse("--merge", "a release keeps what it has anyway")
            }
            Target::Release(_) if says_grace => {
                refuse("--grace", "nothing is ever deleted from a release")
            }
            Target::Release(_) => Ok(()),
            _ if self.sidecars_only => refuse("--sidecars-only", "it is for `gh-release:TAG`"),
            Target::Git(_) if says_grace => {
                refuse("--grace", "a branch has one commit, which holds the site and nothing else")
            }
            _ => Ok(()),
        }
    }
}

/// A time as `--grace` takes it: `0s`, `90m`, `12h`, `7d`, `2w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace(pub Duration);

impl FromStr for Grace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("expected a time such as `90m`, `12h` or `7d`, found `{text}`");
        let end = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
        let number: u64 = text[..end].parse().map_err(|_| wrong())?;
        let seconds = match &text[end..] {
            "s" => 1,
            "m" => 60,
            "h" => 60 * 60,
            "d" => 24 * 60 * 60,
            "w" => 7 * 24 * 60 * 60,
            "" if number == 0 => 1,
            _ => return Err(wrong()),
        };
        number.checked_mul(seconds).map(Duration::from_secs).map(Self).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for (text, seconds) in
            [("0", 0), ("0s", 0), ("90m", 5_400), ("12h", 43_200), ("7d", 604_800)]
        {
            assert_eq!(text.parse(), Ok(Grace(Duration::from_secs(seconds))), "{text}");
        }
        for text in
            ["", "7", "d", "-1d", "1y", "1d 2h", "99999999999999999999s", "9999999999999999w"]
        {
            assert!(text.parse::<Grace>().is_err(), "{text}");
        }
    }

    #[test]
    fn flags_win_and_what_does_nothing_is_refused() {
        let config = PublishConfig {
            to: Some("s3://b/p".to_owned()),
            grace: Some("1h".to_owned()),
            ..PublishConfig::default()
        };
        let resolve = |options| PublishSettings::resolve(&config, options);
        let plain = resolve(PublishOptions::default()).expect("resolves");
        assert_eq!(plain.target.to_string(), "s3://b/p");
        assert_eq!(plain.grace, Duration::from_secs(3_600));
        let grace = Some(Grace(Duration::ZERO));
        let flags = resolve(PublishOptions { grace, ..PublishOptions::default() });
        assert_eq!(flags.expect("resolves").grace, Duration::ZERO);
        let to = |to: &str| PublishOptions { to: Some(to.to_owned()), ..PublishOptions::default() };
        for (options, flag) in [
            (PublishOptions { sidecars_only: true, ..to("s3://b") }, "--sidecars-only"),
            (PublishOptions { merge: true, ..to("gh-release:o/r@v1") }, "--merge"),
            (PublishOptions { grace, ..to("git+/x.git") }, "--grace"),
        ] {
            let error = resolve(options).expect_err(flag);
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(flag), "{error}");
        }
        assert!(
            PublishSettings::resolve(&PublishConfig::default(), PublishOptions::default()).is_err()
        );
    }

    proptest! {
        #[test]
        fn times_never_panic(text in ".*") {
            let _ = text.parse::<Grace>();
        }
    }
}
