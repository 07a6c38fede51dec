//! Which sessions were shown already.

use std::collections::{HashSet, VecDeque};

use session_store::PublicId;

/// How many public ids are remembered: a few megabytes.
const MOST: usize = 65_536;

/// The public ids that were seen last. A scan may come by a session twice, mostly soon after;
/// remembering all of a store's millions would take the memory that scanning page by page saves.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    public_ids: HashSet<PublicId>,
    order: VecDeque<PublicId>,
}

impl Seen {
    /// Whether this public id is not among those that are remembered; it is now.
    pub(crate) fn is_new(&mut self, public_id: PublicId) -> bool {
        if !self.public_ids.insert(public_id) {
            return false;
        }
        self.order.push_back(public_id);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.public_ids.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public_id(number: usize) -> PublicId {
        PublicId::parse(format!("{number:016}")).unwrap()
    }

    #[test]
    fn the_latest_are_remembered_and_no_more() {
        let mut seen = Seen::default();
        assert!((0..=MOST).all(|number| seen.is_new(public_id(number))));
        assert!((1..=MOST).all(|number| !seen.is_new(public_id(number))));
        assert!(seen.is_new(public_id(0)), "the oldest was forgotten");
        assert_eq!((seen.public_ids.len(), seen.order.len()), (MOST, MOST));
    }
}
