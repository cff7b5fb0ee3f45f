//! Where a site is published, as the user writes it.

use serde::Deserialize;

use crate::host::Host;

/// What is written of publishing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct PublishConfig {
    /// Where, as `--to` takes it.
    pub to: Option<String>,
    /// For which host.
    pub host: Option<Host>,
    /// How long files that no page refers to any more stay: `0s`, `90m`, `12h`, `7d`.
    pub grace: Option<String>,
    /// Of a bucket: the server, where it is not the provider's own.
    pub endpoint: Option<String>,
    /// Of a bucket: its region.
    pub region: Option<String>,
    /// Of a bucket: whether its name stands in the path of URLs, not in the host.
    pub path_style: Option<bool>,
    /// Of a bucket: the profile of `~/.aws` with the credentials.
    pub profile: Option<String>,
}
