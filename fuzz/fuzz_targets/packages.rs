#![no_main]
//! A package list: read it, and plan what it says.

use libfuzzer_sys::fuzz_target;
use wheelsite_builder::compatibility::Compatibility;
use wheelsite_builder::packages::PackagesConfig;
use wheelsite_builder::plan::{Plan, Selection};

fuzz_target!(|text: &str| {
    match PackagesConfig::parse(text, "packages.yml") {
        Err(error) => assert!(!error.to_string().contains('\u{1b}')),
        Ok(config) => {
            // The product of long axes is meant: it is what somebody asked for.
            let axes = config.packages.values().map(|package| {
                package.python.as_ref().map_or(5, |list| list.0.len().max(5))
                    * package.cuda.as_ref().map_or(5, |list| list.0.len().max(5))
                    * package.torch.as_ref().map_or(1, |list| list.0.len().max(1))
                    * package.versions.0.len()
            });
            if axes.sum::<usize>() > 10_000 {
                return;
            }
            let Ok(data) = Compatibility::embedded() else { panic!("is embedded") };
            if let Ok(plan) = Plan::of(&config, &data, &Selection::default()) {
                for row in &plan.rows {
                    assert!(!row.recipe.image.starts_with('-'));
                    assert!(row.recipe.extra_deps.iter().all(|it| !it.starts_with('-')));
                    assert!(row.recipe.test_import.iter().all(|it| !it.starts_with('-')));
                }
            }
        }
    }
});
