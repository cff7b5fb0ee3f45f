//! Which release takes which files: `TAG`, and where that is full, `TAG-2`, `TAG-3`, ...

use std::collections::{BTreeMap, BTreeSet};

use super::plan::MAX_ASSETS;
use crate::facts_file::FACTS_FILE;

/// The names of the assets that releases have, and are to have.
pub(super) struct Series {
    tag: String,
    names: BTreeMap<String, BTreeSet<String>>,
}

impl Series {
    /// The series that begins with a tag, among releases with these assets.
    pub(super) fn new(tag: &str, releases: BTreeMap<String, BTreeSet<String>>) -> Self {
        Self { tag: tag.to_owned(), names: releases }
    }

    /// Finds room for files that belong together: the tag of the first release that has it.
    pub(super) fn place(&mut self, files: &[String]) -> String {
        let mut number = 1;
        loop {
            let tag = self.numbered(number);
            if self.reserve(&tag, files) {
                return tag;
            }
            number += 1;
        }
    }

    /// Whether a release is one of the series.
    pub(super) fn has(&self, tag: &str) -> bool {
        let number = tag.strip_prefix(&*self.tag).and_then(|rest| rest.strip_prefix('-'));
        tag == self.tag || number.and_then(|it| it.parse().ok()).is_some_and(|it: u64| it > 1)
    }

    /// Takes room in a release, beside facts about it. Whether there is any.
    pub(super) fn reserve(&mut self, tag: &str, files: &[String]) -> bool {
        let names = self.names.get(tag);
        let has = |name: &str| names.is_some_and(|names| names.contains(name));
        let all = files.iter().map(String::as_str).chain([FACTS_FILE]);
        let new: BTreeSet<&str> = all.filter(|name| !has(name)).collect();
        if names.map_or(0, BTreeSet::len) + new.len() > MAX_ASSETS {
            return false;
        }
        let new: Vec<String> = new.into_iter().map(str::to_owned).collect();
        self.names.entry(tag.to_owned()).or_default().extend(new);
        true
    }

    fn numbered(&self, number: u64) -> String {
        if number == 1 { self.tag.clone() } else { format!("{}-{number}", self.tag) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unit(name: &str, count: usize) -> Vec<String> {
        (0..count).map(|number| format!("{name}.{number}")).collect()
    }

    #[test]
    fn what_does_not_fit_goes_to_the_next() {
        let full = |count: usize| (0..count).map(|number| format!("x{number}")).collect();
        let there = BTreeMap::from([("v1".to_owned(), full(998)), ("v1-2".to_owned(), full(995))]);
        let mut series = Series::new("v1", there);
        assert_eq!(series.place(&unit("a", 3)), "v1-2");
        // One place beside the facts is left in the first, two in the second.
        assert_eq!(series.place(&unit("b", 2)), "v1-3");
        assert_eq!(series.place(&unit("c", 1)), "v1");
        assert_eq!(series.place(&unit("d", 1)), "v1-2");
        assert!(!series.reserve("v1", &unit("e", 1)));
        // What is there takes no room again.
        assert!(series.reserve("v1", &unit("c", 1)));
    }

    #[test]
    fn a_series_is_known_by_its_numbers() {
        let series = Series::new("v2026-11-28", BTreeMap::new());
        for tag in ["v2026-11-28", "v2026-11-28-2", "v2026-11-28-17"] {
            assert!(series.has(tag), "{tag}");
        }
        for tag in ["v2026-11-2", "v2026-11-28-1", "v2026-11-28-x", "v2026-11-28-", "v2026-11-282"]
        {
            assert!(!series.has(tag), "{tag}");
        }
    }

    proptest! {
        #[test]
        fn no_release_has_more_than_github_takes(
            units in proptest::collection::vec(1_usize..6, 1..900),
            there in 0_usize..1001,
        ) {
            let names = (0..there).map(|number| format!("x{number}")).collect();
            let mut series = Series::new("v1", BTreeMap::from([("v1".to_owned(), names)]));
            let mut counts: BTreeMap<String, usize> = BTreeMap::from([("v1".to_owned(), there)]);
            for (number, count) in units.iter().enumerate() {
                let tag = series.place(&unit(&number.to_string(), *count));
                // The facts come along with the first.
                *counts.entry(tag).or_insert(1) += count;
            }
            let first_has_facts = series.names["v1"].contains(FACTS_FILE);
            for (tag, count) in counts {
                let count = count + usize::from(tag == "v1" && first_has_facts);
                prop_assert!(count <= MAX_ASSETS, "{tag}: {count}");
            }
        }
    }
}
