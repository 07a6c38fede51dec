//! Ports for servers, reserved as long as a server may come back to its own.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Below the ports systems hand out to outgoing connections. Were a server's port among those,
/// a client that reconnects while the server is down could be given it as its own, and keep the
/// server from coming back, or even connect to itself.
const PORTS: Range<u16> = 20_000..32_000;
/// A process takes so many ports at once. It listens on the first, so that no other process takes
/// them, and hands out the rest.
const BLOCK: u16 = 50;

/// A port of the loopback interface that no other value of any process has, until it is dropped.
#[derive(Debug)]
pub struct Port(u16);

/// The ports of this process.
struct Pool {
    /// Never read: each keeps a block from other processes.
    blocks: Vec<TcpListener>,
    /// In the order in which they became free.
    free: VecDeque<u16>,
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    blocks: Vec::new(),
    free: VecDeque::new(),
});

impl Port {
    /// A port that was free a moment ago. Only a stranger may take it now, who has not asked here.
    pub fn reserve() -> Self {
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match pool.free.pop_front() {
                Some(port) if listen(port).is_some() => return Self(port),
                // A stranger's: left alone from now on.
                Some(_) => {}
                None => pool.take_block(),
            }
        }
    }

    /// The number.
    pub fn number(&self) -> u16 {
        self.0
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        pool.free.push_back(self.0);
    }
}

impl Pool {
    fn take_block(&mut self) {
        let count = (PORTS.end - PORTS.start) / BLOCK;
        let begin = rand::random_range(0..count);
        let (first, listener) = (0..count)
            .map(|n| PORTS.start + (begin + n) % count * BLOCK)
            .find_map(|first| Some((first, listen(first)?)))
            .expect("no free ports on 127.0.0.1 between 20000 and 32000");
        self.blocks.push(listener);
        self.free.extend(first + 1..first + BLOCK);
    }
}

fn listen(port: u16) -> Option<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_port_is_reserved_until_it_is_dropped() {
        let ports: Vec<_> = (0..2 * BLOCK).map(|_| Port::reserve()).collect();
        let numbers: HashSet<_> = ports.iter().map(Port::number).collect();
        assert_eq!(numbers.len(), ports.len());
        for number in &numbers {
            let block = number - number % BLOCK;
            assert!(*number != block && listen(block).is_none(), "{number}");
        }
        drop(ports);
        let again = (0..3 * BLOCK)
            .map(|_| Port::reserve())
            .map(|port| port.number());
        assert!(again.collect::<HashSet<_>>().is_superset(&numbers));
    }
}
