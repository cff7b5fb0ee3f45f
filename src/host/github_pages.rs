//! GitHub Pages: types go by the extension, and `index.v1_json` has none that it knows.

use super::limits::Limits;
use super::{Profile, plain};

pub(super) const PROFILE: Profile = Profile {
    serves_json: false,
    // Without it GitHub shows a page of its own, which is fine; with it people find back.
    shows_not_found: true,
    limits: Limits {
        file_in_branch: Some(100 << 20),
        total: Some(1_000_000_000),
        source: "docs.github.com, GitHub Pages limits and About large files, 2026-11-24",
        hint: "leave the wheels in a release, where 2 GiB a file and any number of bytes are \
            allowed: `--source gh-release:TAG`, or `--files-url URL`",
        ..plain::NO_LIMITS
    },
    notes: &[
        "GitHub Pages lets nobody set a content type: installers get HTML, which tells pip and \
            Poetry no upload times",
    ],
    ..plain::PROFILE
};
