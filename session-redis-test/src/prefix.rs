//! Key prefixes that no two tests share.

use rand::distr::{Alphanumeric, SampleString as _};

/// A random prefix for all keys of one test, such as `t-4k0zQ81vw6yX:`.
///
/// Tests that keep to their prefix can share a server and run at the same time.
pub fn unique_prefix() -> String {
    format!("t-{}:", Alphanumeric.sample_string(&mut rand::rng(), 12))
}
