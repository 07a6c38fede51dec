//! The masters of a cluster in the order in which they are scanned.

use crate::endpoint::Endpoint;
use crate::slot::hash_slot;

/// The masters that serve slots, ordered by the least slot that each serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Masters(Vec<Master>);

/// A master, as a cursor names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Master {
    /// In ascending order.
    slots: Vec<u16>,
    fingerprint: u16,
}

impl Masters {
    /// A standalone server, which has all keys.
    pub(crate) fn standalone() -> Self {
        Self(vec![Master {
            slots: vec![0],
            fingerprint: 0,
        }])
    }

    pub(super) fn new<'n>(masters: impl Iterator<Item = (&'n Endpoint, Vec<u16>)>) -> Self {
        let master = |(node, slots): (&Endpoint, Vec<u16>)| Master {
            slots,
            fingerprint: hash_slot(node.to_string().as_bytes()),
        };
        let serves = |master: &Master| !master.slots.is_empty();
        let mut masters: Vec<Master> = masters.map(master).filter(serves).collect();
        masters.sort_by_key(Master::least_slot);
        Self(masters)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn first(&self) -> Option<&Master> {
        self.0.first()
    }

    /// The one whose least slot this is, if it is still the same node.
    pub(crate) fn find(&self, least_slot: u16, fingerprint: u16) -> Option<&Master> {
        let is_it = |it: &&Master| it.least_slot() == least_slot && it.fingerprint == fingerprint;
        self.0.iter().find(is_it)
    }

    /// The one that comes after this.
    pub(crate) fn after(&self, master: &Master) -> Option<&Master> {
        self.0
            .iter()
            .find(|it| it.least_slot() > master.least_slot())
    }
}

impl Master {
    pub(crate) fn least_slot(&self) -> u16 {
        self.slots.first().copied().unwrap_or_default()
    }

    /// Tells whether a slot is served by the same node as before.
    pub(crate) fn fingerprint(&self) -> u16 {
        self.fingerprint
    }

    /// Slots that lead to it, at most so many, spread over all that it serves.
    pub(crate) fn slots_to_try(&self, most: usize) -> impl Iterator<Item = u16> + '_ {
        let step = (self.slots.len() / most).max(1);
        self.slots.iter().copied().rev().step_by(step).take(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_comes_once_in_order_and_is_known_again() {
        let nodes = ["a", "b", "c"].map(|host| Endpoint::tcp(host, 7001));
        let slots = [vec![9000, 9001], vec![0, 16_000], vec![]];
        let masters = Masters::new(nodes.iter().zip(slots));
        let first = masters.first().unwrap();
        assert_eq!(first.least_slot(), 0);
        let second = masters.after(first).unwrap();
        assert_eq!(second.least_slot(), 9000);
        assert_eq!(masters.after(second), None);
        assert_eq!(masters.find(9000, second.fingerprint()), Some(second));
        assert_eq!(masters.find(9000, first.fingerprint()), None);
        assert_eq!(masters.find(9001, second.fingerprint()), None);
    }

    #[test]
    fn several_slots_lead_to_a_master() {
        let node = Endpoint::tcp("a", 7001);
        let masters = Masters::new([(&node, (0..5461).collect())].into_iter());
        let slots_to_try: Vec<u16> = masters.first().unwrap().slots_to_try(4).collect();
        assert_eq!(slots_to_try, [5460, 4095, 2730, 1365]);
        let one = Masters::standalone();
        assert_eq!(
            one.first().unwrap().slots_to_try(4).collect::<Vec<_>>(),
            [0]
        );
    }
}
