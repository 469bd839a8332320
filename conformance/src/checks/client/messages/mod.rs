//! Messages: sending, history, editing, redacting, reactions, read markers (client-core 8).

mod content;
mod edit;
mod history;
mod pins;
mod reactions;
mod read_marker;
mod redact;
mod send;

use crate::check::Check;

pub(super) fn checks() -> Vec<Check> {
    [
        send::checks(),
        content::checks(),
        history::checks(),
        edit::checks(),
        redact::checks(),
        reactions::checks(),
        pins::checks(),
        read_marker::checks(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
