//! What the user wrote ([`SiteConfig`], [`Options`]) becomes what the program needs ([`Settings`]).

mod settings;
mod site_config;

pub(crate) use settings::parse_policy;
pub use settings::{
    Environment, FilesMode, Options, Previous, ProjectSettings, Settings, Status, ThemeChoice,
};
pub use site_config::{OnConflict, OnReject, PagesMode, ProjectConfig, SiteConfig};

/// The configuration file that is read when none is named.
pub const DEFAULT_PATH: &str = "config/site.yml";
