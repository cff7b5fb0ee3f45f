//! A public bucket of Cloudflare R2: an object is served under its key and nowhere else, so that
//! `simple/demo/` is an object beside `simple/demo/index.html`.

use super::{Profile, plain};

pub(super) const PROFILE: Profile = Profile {
    slash_keys: true,
    notes: &[
        "R2 has one page under one address: installers get HTML; the JSON of each page is at its \
            own address, `index.v1_json`",
        "R2 redirects nobody to the address with a slash at its end, has no page for the root of \
            a bucket, and none for what is not there",
    ],
    ..plain::PROFILE
};
