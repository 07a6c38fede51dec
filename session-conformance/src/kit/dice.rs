//! Random choices that can be made again.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// The seed that the environment variable `SESSION_SEED` says, or a random one.
pub(crate) fn seed() -> u64 {
    std::env::var("SESSION_SEED").map_or_else(
        |_| RandomState::new().build_hasher().finish(),
        |text| text.parse().expect("SESSION_SEED is a number"),
    )
}

/// The same seed gives the same throws. (SplitMix64.)
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Dice of their own, for a task.
    pub(crate) const fn fork(&mut self) -> Self {
        Self(self.next())
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
