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
    /// For some files alone: the check, a pattern of filenames with `*` for any text, the level.
    /// What was set last counts.
    of_files: Vec<(&'static str, String, Level)>,
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
    /// Sets the level of a check: of all files, or as `CHECK:PATTERN` of those whose names match.
    pub fn set(&mut self, written: &str, level: Level) -> Result<(), UnknownCheck> {
        let (id, pattern) = match written.split_once(':') {
            Some((id, pattern)) => (id, Some(pattern)),
            None => (written, None),
        };
        let Some(check) = CHECKS.iter().find(|check| check.id == id) else {
            let distance = |check: &&&Check| strsim::damerau_levenshtein(check.id, id);
            let nearest = CHECKS.iter().min_by_key(distance).map_or("", |check| check.id);
            return Err(UnknownCheck { id: id.to_owned(), nearest });
        };
        match pattern {
            None => drop(self.levels.insert(check.id, level)),
            Some(pattern) => self.of_files.push((check.id, pattern.to_owned(), level)),
        }
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

    /// How much a finding of a check about a file weighs; none where it is allowed.
    pub(super) fn severity(&self, check: &Check, filename: &str) -> Option<Severity> {
        let of_file = self
            .of_files
            .iter()
            .rev()
            .find(|(id, pattern, _)| *id == check.id && matches(pattern, filename));
        let level = of_file.map(|(_, _, level)| level);
        match level.or_else(|| self.levels.get(check.id)) {
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
        assert_eq!(policy.severity(check("zip-comment"), "a.whl"), Some(Severity::Warning));
        policy.set("zip-comment", Level::Deny).expect("is known");
        policy.set("zip-crc", Level::Allow).expect("is known");
        assert_eq!(policy.severity(check("zip-comment"), "a.whl"), Some(Severity::Error));
        assert_eq!(policy.severity(check("zip-crc"), "a.whl"), None);
        let error = policy.set("zip-crcs", Level::Warn).expect_err("is unknown");
        assert_eq!(error.nearest, "zip-crc");
    }

    #[test]
    fn levels_of_some_files_win() {
        let check = CHECKS.iter().find(|check| check.id == "zip-crc").expect("is there");
        let mut policy = Policy::default();
        policy.set("zip-crc:a-*", Level::Allow).expect("is known");
        policy.set("zip-crc:a-2*", Level::Warn).expect("is known");
        assert_eq!(policy.severity(check, "a-1.whl"), None);
        assert_eq!(policy.severity(check, "a-2.whl"), Some(Severity::Warning));
        assert_eq!(policy.severity(check, "b-1.whl"), Some(Severity::Error));
        assert_eq!(
            policy.set("zip-crx:a", Level::Warn).expect_err("is unknown").nearest,
            "zip-crc"
        );
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
