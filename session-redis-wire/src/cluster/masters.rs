//! The masters of a cluster in the order in which they are looked through.

/// For each master the least slot that it serves, in ascending order. A single server has slot 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masters(Vec<u16>);

impl Masters {
    /// One server, which has all keys.
    pub fn one_server() -> Self {
        Self(vec![0])
    }

    pub(super) fn new(mut least_slots: Vec<u16>) -> Self {
        least_slots.sort_unstable();
        Self(least_slots)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A slot of the first one.
    pub(crate) fn first(&self) -> u16 {
        self.0.first().copied().unwrap_or_default()
    }

    /// A slot of the one that comes after that of this slot.
    pub(crate) fn after(&self, slot: u16) -> Option<u16> {
        self.0.iter().copied().find(|least| *least > slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_comes_once_in_order() {
        let masters = Masters::new(vec![9000, 0, 5000]);
        assert_eq!(masters.first(), 0);
        assert_eq!(masters.after(0), Some(5000));
        assert_eq!(masters.after(5000), Some(9000));
        assert_eq!(masters.after(9000), None);
        assert_eq!(Masters::one_server().after(0), None);
    }
}
