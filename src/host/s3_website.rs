//! The website endpoint of a bucket: index documents, an error document, and the content types
//! that objects were stored with.

use super::{Profile, plain};

pub(super) const PROFILE: Profile = Profile {
    // The error document is set once for the bucket, and must be there.
    shows_not_found: true,
    notes: &[
        "a website endpoint has one page under one address: installers get HTML; the JSON of each \
            page is at its own address, `index.v1_json`",
        "on AWS it speaks http only: pip and uv want https, which takes a CDN in front",
    ],
    ..plain::PROFILE
};
