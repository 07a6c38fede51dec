//! Which sessions were shown already.

use std::collections::{HashSet, VecDeque};

use session_store::SessionHandle;

/// How many handles are remembered: a few megabytes.
const MOST: usize = 65_536;

/// The handles that were seen last. A walk may come by a session twice, mostly soon after;
/// remembering all of a store's millions would take the memory that walking page by page saves.
#[derive(Debug, Default)]
pub(super) struct Seen {
    handles: HashSet<SessionHandle>,
    order: VecDeque<SessionHandle>,
}

impl Seen {
    /// Whether this handle is not among those that are remembered; it is now.
    pub(super) fn is_new(&mut self, handle: &SessionHandle) -> bool {
        if !self.handles.insert(handle.clone()) {
            return false;
        }
        self.order.push_back(handle.clone());
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.handles.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handle(number: usize) -> SessionHandle {
        SessionHandle::parse(&format!("{number:022}")).unwrap()
    }

    #[test]
    fn the_latest_are_remembered_and_no_more() {
        let mut seen = Seen::default();
        assert!((0..=MOST).all(|number| seen.is_new(&handle(number))));
        assert!((1..=MOST).all(|number| !seen.is_new(&handle(number))));
        assert!(seen.is_new(&handle(0)), "the oldest was forgotten");
        assert_eq!((seen.handles.len(), seen.order.len()), (MOST, MOST));
    }
}
