//! What each static host needs and cannot do.

use serde::{Deserialize, Serialize};

/// Where the site will be served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Host {
    /// A server that can be told which content type a file has.
    #[default]
    Plain,
    /// GitHub Pages, which types files by their extension and lets nobody change that.
    GithubPages,
}

impl Host {
    /// Whether PEP 691 JSON can reach installers: they refuse it under any type but its own.
    pub fn serves_json(self) -> bool {
        match self {
            Self::Plain => true,
            Self::GithubPages => false,
        }
    }
}
