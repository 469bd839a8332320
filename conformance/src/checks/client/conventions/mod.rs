//! What holds for every endpoint (client-core 1) and the operational endpoints beside the API.

mod envelope;
mod json;
mod lists;
mod openapi;
mod operations;
mod rates;
mod tenants;

use crate::check::Check;

pub(super) fn checks() -> Vec<Check> {
    [
        envelope::checks(),
        json::checks(),
        lists::checks(),
        rates::checks(),
        tenants::checks(),
        operations::checks(),
        openapi::checks(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
