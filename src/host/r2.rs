//! A public bucket of Cloudflare R2: an object is served under its key and nowhere else, so that
//! `simple/demo/` is an object beside `simple/demo/index.html`.

use super::{Profile, plain};

pub(super) const PROFILE: Profile =
    Profile { serves_json: true, slash_keys: true, headers: plain::headers };
