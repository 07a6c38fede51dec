//! Free ports on the loopback interface.

use std::net::{Ipv4Addr, TcpListener};

/// Below the ports systems hand out to outgoing connections. Were a server's port among those,
/// a client that reconnects while the server is down could be given it as its own, and keep the
/// server from coming back, or even connect to itself.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// A port of the loopback interface that was free a moment ago.
///
/// Somebody else may take it before its user does: who uses it has to be ready to ask again.
pub(crate) fn free_port() -> u16 {
    (0..1000)
        .map(|_| rand::random_range(RANGE))
        .find(|&port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
        .expect("no free port on 127.0.0.1 between 20000 and 32000")
}
