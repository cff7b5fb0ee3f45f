//! The variables that the clouds' own programs read.

use std::collections::BTreeMap;
use std::str::FromStr;

/// What the environment says. What is empty is not set: CI sets secrets that are not there so.
pub(super) struct Variables(BTreeMap<String, String>);

impl Variables {
    pub(super) fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(text).filter(|(_, value)| !value.is_empty()).collect())
    }

    #[cfg(test)]
    pub(super) fn of(variables: &[(&str, &str)]) -> Self {
        let set = variables.iter().filter(|(_, value)| !value.is_empty());
        Self(set.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// As `object_store` reads it.
    pub(super) fn says_yes(&self, name: &str) -> bool {
        let yes = ["1", "true", "on", "yes", "y"];
        self.get(name).is_some_and(|value| yes.iter().any(|yes| value.eq_ignore_ascii_case(yes)))
    }

    /// Those that begin so and whose name is that of a setting, as `object_store` reads them.
    pub(super) fn known<K: FromStr>(&self, prefix: &str, strip: bool) -> Vec<(K, &str)> {
        let mut known = Vec::new();
        for (name, value) in &self.0 {
            let Some(rest) = name.strip_prefix(prefix) else { continue };
            let name = if strip { rest } else { name };
            if let Ok(key) = name.to_ascii_lowercase().parse() {
                known.push((key, value.as_str()));
            }
        }
        known
    }
}
