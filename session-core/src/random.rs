//! Randomness from the operating system.

use rand::TryRng as _;

use crate::error::{Effect, Error, ErrorKind, Result};

/// So many random bytes. There is no weaker source to fall back to.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::rngs::SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(|source| {
            Error::new(ErrorKind::Randomness, Effect::NotApplied).with_source(source)
        })?;
    Ok(bytes)
}
