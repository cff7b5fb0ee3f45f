//! GitHub Pages: types go by the extension, and `index.v1_json` has none that it knows.

use super::{Profile, plain};

pub(super) const PROFILE: Profile =
    Profile { serves_json: false, slash_keys: false, headers: plain::headers };
