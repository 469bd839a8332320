//! Sync and the WebSocket stream (client-core 9 and 10).

mod closing;
mod stream;
mod sync;

use crate::check::Check;

pub(super) fn checks() -> Vec<Check> {
    [sync::checks(), stream::checks(), closing::checks()]
        .into_iter()
        .flatten()
        .collect()
}
