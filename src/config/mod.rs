//! What the user wrote ([`SiteConfig`], [`Options`]) becomes what the program needs ([`Settings`]).

mod channels;
mod environment;
mod publishing;
mod settings;
mod site_config;
mod sources;

pub use channels::{ChannelRule, ChannelSettings, ChannelsConfig, ChannelsEntry, ChannelsMode};
pub use environment::{Environment, GithubEnvironment, Secret};
pub use publishing::PublishConfig;
pub use settings::{FilesMode, Options, Previous, ProjectSettings, Settings, Status, ThemeChoice};
pub(crate) use settings::{parse_policy, parse_url};
pub use site_config::{
    OnConflict, OnReject, PagesMode, ProjectConfig, Scalar, SiteConfig, nearest_of, parse_yaml,
};
pub use sources::{BucketSettings, SourceConfig, SourceEntry, SourceSettings};

/// The configuration file that is read when none is named.
pub const DEFAULT_PATH: &str = "config/site.yml";
