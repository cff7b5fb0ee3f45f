//! What the maintainer thinks of each check.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::platform::{CUDA_AND_TORCH, matches};
use super::table::{CHECKS, Check, Severity};

/// What a finding of a check does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// The file is not listed.
    Deny,
    /// It is told; the file is listed.
    Warn,
    /// Nothing.
    Allow,
}

/// Levels of checks that differ from their defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    levels: BTreeMap<&'static str, Level>,
    /// Names of libraries that may stay outside of a wheel, with `*` for any text.
    pub external_libraries: Vec<String>,
}

/// An id that no check has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown check `{id}`")]
pub struct UnknownCheck {
    /// What was written.
    pub id: String,
    /// The check that is named most alike.
    pub nearest: &'static str,
}

impl Policy {
    /// Sets the level of a check.
    pub fn set(&mut self, id: &str, level: Level) -> Result<(), UnknownCheck> {
        let Some(check) = CHECKS.iter().find(|check| check.id == id) else {
            let distance = |check: &&&Check| strsim::damerau_levenshtein(check.id, id);
            let nearest = CHECKS.iter().min_by_key(distance).map_or("", |check| check.id);
            return Err(UnknownCheck { id: id.to_owned(), nearest });
        };
        self.levels.insert(check.id, level);
        Ok(())
    }

    /// Sets the level of a check that nobody has set.
    pub fn default_to(&mut self, id: &'static str, level: Level) {
        self.levels.entry(id).or_insert(level);
    }

    /// Whether a library may stay outside of a wheel: CUDA's and torch's come with the packages
    /// that a wheel depends on, others as configured.
    pub(super) fn is_external(&self, soname: &str) -> bool {
        let configured = self.external_libraries.iter().map(String::as_str);
        CUDA_AND_TORCH.iter().copied().chain(configured).any(|pattern| matches(pattern, soname))
    }

    /// How much a finding of a check weighs; none where it is allowed.
    pub(super) fn severity(&self, check: &Check) -> Option<Severity> {
        match self.levels.get(check.id) {
            None => Some(check.severity),
            Some(Level::Deny) => Some(Severity::Error),
            Some(Level::Warn) => Some(Severity::Warning),
            Some(Level::Allow) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_override_severities_and_unknown_ids_are_named() {
        let check = |id: &str| *CHECKS.iter().find(|check| check.id == id).expect("is there");
        let mut policy = Policy::default();
        assert_eq!(policy.severity(check("zip-comment")), Some(Severity::Warning));
        policy.set("zip-comment", Level::Deny).expect("is known");
        policy.set("zip-crc", Level::Allow).expect("is known");
        assert_eq!(policy.severity(check("zip-comment")), Some(Severity::Error));
        assert_eq!(policy.severity(check("zip-crc")), None);
        let error = policy.set("zip-crcs", Level::Warn).expect_err("is unknown");
        assert_eq!(error.nearest, "zip-crc");
    }

    #[test]
    fn ids_are_kebab_case_and_there_once() {
        let mut ids: Vec<&str> = CHECKS.iter().map(|check| check.id).collect();
        assert!(ids.iter().all(|id| {
            id.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        }));
        ids.sort_unstable();
        let count = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}
