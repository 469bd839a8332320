//! Files: uploading, downloading, who may read them (content 5).

mod access;
mod download;
mod upload;

use crate::check::Check;

const SECTION: &str = "content 5";

pub(super) fn checks() -> Vec<Check> {
    [upload::checks(), download::checks(), access::checks()]
        .into_iter()
        .flatten()
        .collect()
}
