//! What no text may show.

use std::error::Error as _;

use session_core::{Error, SessionId};

/// What must not be shown.
pub(crate) const SECRET: &str = "hunter2-correct-horse";

/// Asserts that neither that nor a part of an id is in a text.
#[track_caller]
pub(crate) fn assert_silent(shown: &str, id: &SessionId, what: &str) {
    assert!(!shown.contains(SECRET), "{what} shows a value: {shown}");
    // A part that is long enough to be no coincidence.
    let text = id.expose();
    for part in [&text[..12], &text[16..28], &text[31..]] {
        assert!(!shown.contains(part), "{what} shows an id: {shown}");
    }
}

/// All that an error says, its sources included.
pub(crate) fn shown(error: &Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(" {error} {error:?}");
        source = error.source();
    }
    text
}
