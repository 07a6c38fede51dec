//! Which node serves which slot.

use session_core::Error;

use super::masters::Masters;
use crate::endpoint::Endpoint;
use crate::reply::{self, Reply, corrupt};
use crate::slot::SLOTS;

/// The masters of a cluster and their slots, as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SlotMap {
    nodes: Vec<Endpoint>,
    /// For each slot the number of its node.
    owners: Vec<Option<u16>>,
}

impl Default for SlotMap {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            owners: vec![None; SLOTS],
        }
    }
}

impl SlotMap {
    /// Reads this node's reply to `CLUSTER SLOTS`: for each range of slots its first and last
    /// and then its nodes, the master first.
    pub(crate) fn parse(reply: Reply, from: &Endpoint) -> Result<Self, Error> {
        let mut map = Self::default();
        for range in reply::array(reply)? {
            let mut parts = reply::array(range)?.into_iter();
            let mut slot = || usize::try_from(reply::integer(parts.next())?).map_err(|_| corrupt());
            let (first, last) = (slot()?, slot()?);
            if first > last {
                return Err(corrupt());
            }
            let master = node(parts.next().ok_or_else(corrupt)?)?.seen_from(from);
            let number = map.number_of(master)?;
            let slots = map.owners.get_mut(first..=last).ok_or_else(corrupt)?;
            slots.fill(Some(number));
        }
        Ok(map)
    }

    /// The node that serves a slot.
    pub(crate) fn owner(&self, slot: u16) -> Option<&Endpoint> {
        let number = (*self.owners.get(usize::from(slot))?)?;
        self.nodes.get(usize::from(number))
    }

    /// Another node serves the slot.
    pub(super) fn set_owner(&mut self, slot: u16, node: Endpoint) {
        let number = self.number_of(node).ok();
        if let Some(owner) = self.owners.get_mut(usize::from(slot)) {
            *owner = number;
        }
    }

    /// The masters that serve slots.
    pub(crate) fn masters(&self) -> Masters {
        let mut slots = vec![Vec::new(); self.nodes.len()];
        for (slot, owner) in (0..).zip(&self.owners) {
            let of_owner = owner.and_then(|owner| slots.get_mut(usize::from(owner)));
            if let Some(of_owner) = of_owner {
                of_owner.push(slot);
            }
        }
        Masters::new(self.nodes.iter().zip(slots))
    }

    /// All nodes.
    pub(super) fn nodes(&self) -> &[Endpoint] {
        &self.nodes
    }

    fn number_of(&mut self, node: Endpoint) -> Result<u16, Error> {
        let known = self.nodes.iter().position(|known| *known == node);
        let number = known.unwrap_or_else(|| {
            self.nodes.push(node);
            self.nodes.len() - 1
        });
        u16::try_from(number).map_err(|_| corrupt())
    }
}

fn node(answer: Reply) -> Result<Endpoint, Error> {
    let mut parts = reply::array(answer)?.into_iter();
    let host = match parts.next() {
        // The node does not know its own address.
        Some(Reply::Nil) => String::new(),
        host => String::from_utf8_lossy(&reply::bytes(host)?).into_owned(),
    };
    let port = u16::try_from(reply::integer(parts.next())?).map_err(|_| corrupt())?;
    Ok(Endpoint::tcp(host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: i64, last: i64, host: Reply, port: i64) -> Reply {
        let node = |host, port| {
            let id = Reply::Bytes("id".into());
            Reply::Array(vec![host, Reply::Integer(port), id, Reply::Array(vec![])])
        };
        let replica = node(Reply::Bytes("replica".into()), 1);
        Reply::Array(vec![
            Reply::Integer(first),
            Reply::Integer(last),
            node(host, port),
            replica,
        ])
    }

    #[test]
    fn each_slot_has_its_master() {
        let from = Endpoint::tcp("seed", 7000);
        let host = |host: &'static str| Reply::Bytes(host.into());
        let answer = Reply::Array(vec![
            range(0, 99, host("a"), 7001),
            range(100, 16_382, Reply::Nil, 7002),
            range(16_383, 16_383, host("a"), 7001),
        ]);
        let mut map = SlotMap::parse(answer, &from).unwrap();
        assert_eq!(map.owner(0), Some(&Endpoint::tcp("a", 7001)));
        assert_eq!(map.owner(100), Some(&Endpoint::tcp("seed", 7002)));
        assert_eq!(map.owner(16_383), Some(&Endpoint::tcp("a", 7001)));
        assert_eq!(map.nodes().len(), 2);
        let masters = map.masters();
        let first = masters.first().unwrap();
        assert_eq!(first.least_slot(), 0);
        assert_eq!(masters.after(first).unwrap().least_slot(), 100);
        map.set_owner(5, Endpoint::tcp("b", 7003));
        assert_eq!(map.owner(5), Some(&Endpoint::tcp("b", 7003)));
        assert_eq!(map.owner(6), Some(&Endpoint::tcp("a", 7001)));
    }

    #[test]
    fn slots_that_nobody_serves_have_no_owner() {
        let map = SlotMap::parse(Reply::Array(vec![]), &Endpoint::tcp("a", 1)).unwrap();
        assert_eq!(map.owner(0), None);
        assert!(map.masters().is_empty());
    }

    #[test]
    fn replies_that_make_no_sense_are_corrupt() {
        let host = || Reply::Bytes("a".into());
        for answer in [
            Reply::Nil,
            Reply::Array(vec![Reply::Nil]),
            Reply::Array(vec![range(0, 16_384, host(), 1)]),
            Reply::Array(vec![range(5, 4, host(), 1)]),
            Reply::Array(vec![range(-1, 4, host(), 1)]),
            Reply::Array(vec![range(0, 4, host(), 70_000)]),
        ] {
            assert!(
                SlotMap::parse(answer.clone(), &Endpoint::tcp("a", 1)).is_err(),
                "{answer:?}"
            );
        }
    }
}
