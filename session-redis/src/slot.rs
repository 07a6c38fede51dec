//! Rotation within a hash slot of a Redis Cluster.
//!
//! A script can rename a key only within one slot. So the id that a rotation moves to is drawn
//! until its key falls into the old key's slot; the key's format stays the guide's.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crc::{CRC_16_XMODEM, Crc, Table};
use rand::TryRng as _;
use session_core::{Effect, Error, ErrorKind, SessionId};

use crate::key_format::KeyFormat;
use crate::keys::{KeySpace, TAG};

/// CRC-16/XMODEM, as the Redis Cluster specification has it.
static CRC: Crc<u16, Table<1>> = Crc::<u16, Table<1>>::new(&CRC_16_XMODEM);

/// How many hash slots a cluster has.
pub(crate) const SLOTS: usize = 16_384;

/// The characters of an id that the search varies: the last three, which carry 16 bits.
const SUFFIX: usize = 3;
const SUFFIXES: u32 = 1 << 16;

/// The hash slot of a key.
pub fn hash_slot(key: &[u8]) -> u16 {
    let tag = key.iter().position(|b| *b == b'{').and_then(|open| {
        let rest = key.get(open + 1..)?;
        let close = rest.iter().position(|b| *b == b'}')?;
        rest.get(..close).filter(|tag| !tag.is_empty())
    });
    CRC.checksum(tag.unwrap_or(key)) % 16_384
}

/// Draws the id that a rotation moves to: fresh random bits, the key in the old key's slot.
///
/// Plain keys: 240 bits are drawn; of the 2^16 endings, those that lead into the slot are looked up
/// (four on average, none to nine), and one is drawn. A start is kept with a probability in
/// proportion to its number of endings, so that the ids of a slot are uniform: 256 bits less the 14
/// of the slot. It takes 2 µs (`cargo bench -p session-redis`), and some milliseconds once in the
/// life of the process. Hashed keys: the three characters in braces stay, 238 bits are drawn. Where
/// a session may be stored in either format, both are done: 224 bits.
///
/// # Errors
/// [`ErrorKind::Randomness`].
pub fn successor_id(keys: &KeySpace, old: &SessionId) -> Result<SessionId, Error> {
    let formats = keys.formats();
    let tag = formats
        .contains(&KeyFormat::Hashed)
        .then(|| old.expose().get(..TAG))
        .flatten();
    if formats.contains(&KeyFormat::Plain) {
        let slot = hash_slot(&keys.session_in(KeyFormat::Plain, old));
        in_slot(keys, slot, tag)
    } else {
        SessionId::parse(drawn(tag)?).map_err(Error::from)
    }
}

/// The text of a random id, which begins with this tag.
fn drawn(tag: Option<&str>) -> Result<String, Error> {
    let mut text = SessionId::random()?.expose().to_owned();
    if let Some(tag) = tag {
        text.replace_range(..tag.len(), tag);
    }
    Ok(text)
}

fn in_slot(keys: &KeySpace, slot: u16, tag: Option<&str>) -> Result<SessionId, Error> {
    let endings = &*ENDINGS;
    loop {
        let mut text = drawn(tag)?;
        text.truncate(SessionId::LEN - SUFFIX);
        // CRC is linear: crc(start + ending) = crc(start + zeros) ^ crc(ending), both without
        // initial value.
        let mut digest = CRC.digest();
        digest.update(keys.prefix().as_str().as_bytes());
        digest.update(text.as_bytes());
        digest.update(&[0; SUFFIX]);
        let candidates = endings.leading_to((digest.finalize() ^ slot) % 16_384);
        // Reject in proportion: uniform over all pairs of a start and an ending that exists.
        let choice = random_below(endings.most)?;
        if let Some(ending) = candidates.get(choice) {
            text.push_str(&suffix(*ending));
            return SessionId::parse(text).map_err(Error::from);
        }
    }
}

/// A hash tag of this slot.
pub(crate) fn tag_of(slot: u16) -> String {
    let tag = TAGS.get(usize::from(slot)).copied().unwrap_or_default();
    tag.to_string()
}

/// For each slot the least number whose text is in it.
static TAGS: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let mut tags = vec![None; SLOTS];
    let mut missing = SLOTS;
    for number in 0_u32.. {
        let slot = usize::from(CRC.checksum(number.to_string().as_bytes()) % 16_384);
        if let Some(tag @ None) = tags.get_mut(slot) {
            *tag = Some(number);
            missing -= 1;
        }
        if missing == 0 {
            break;
        }
    }
    tags.into_iter().flatten().collect()
});

fn random_below(bound: usize) -> Result<usize, Error> {
    let bits = bound.next_power_of_two() - 1;
    loop {
        let number = rand::rngs::SysRng.try_next_u32().map_err(|source| {
            Error::new(ErrorKind::Randomness, Effect::NotApplied).with_source(source)
        })?;
        let number = usize::try_from(number).unwrap_or(usize::MAX) & bits;
        if number < bound {
            return Ok(number);
        }
    }
}

/// The last three characters of the id whose last 16 bits are these.
fn suffix(bits: u16) -> String {
    // 16 bits fill two characters and four bits of a third: the canonical ending of an id.
    URL_SAFE_NO_PAD.encode(bits.to_be_bytes())
}

/// All endings of an id by what they contribute to the slot.
struct Endings {
    by_contribution: Vec<Vec<u16>>,
    most: usize,
}

impl Endings {
    fn leading_to(&self, contribution: u16) -> &[u16] {
        self.by_contribution
            .get(usize::from(contribution))
            .map_or(&[], Vec::as_slice)
    }
}

static ENDINGS: LazyLock<Endings> = LazyLock::new(|| {
    let mut by_contribution = vec![Vec::new(); SLOTS];
    for bits in (0..SUFFIXES).filter_map(|bits| u16::try_from(bits).ok()) {
        let contribution = CRC.checksum(suffix(bits).as_bytes()) % 16_384;
        if let Some(endings) = by_contribution.get_mut(usize::from(contribution)) {
            endings.push(bits);
        }
    }
    let most = by_contribution
        .iter()
        .map(Vec::len)
        .max()
        .unwrap_or_default();
    Endings {
        by_contribution,
        most,
    }
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_format::IdStorage;
    use crate::keys::KeyPrefix;

    fn keys(storage: IdStorage) -> KeySpace {
        KeySpace::new(KeyPrefix::default(), storage)
    }

    #[test]
    fn slots_are_those_of_the_cluster_specification() {
        assert_eq!(hash_slot(b"123456789"), 0x31c3);
        assert_eq!(hash_slot(b"{user1000}.following"), hash_slot(b"user1000"));
        let whole = CRC.checksum(b"foo{}{bar}") % 16_384;
        assert_eq!(hash_slot(b"foo{}{bar}"), whole);
        assert_eq!(hash_slot(b"foo{{bar}}zap"), hash_slot(b"{bar"));
    }

    #[test]
    fn every_successor_is_fresh_and_stays_in_the_slot() {
        use IdStorage::{Hashed, HashedAfterPlain, Plain, PlainBeforeHashed};
        for storage in [Plain, PlainBeforeHashed, HashedAfterPlain, Hashed] {
            let keys = keys(storage);
            let slots = |id: &SessionId| -> Vec<u16> {
                let suffixes = keys.suffixes(id).into_iter();
                suffixes
                    .map(|suffix| hash_slot(&keys.with_suffix(&suffix)))
                    .collect()
            };
            let mut id = SessionId::random().unwrap();
            for _ in 0..1_000 {
                let next = successor_id(&keys, &id).unwrap();
                assert_ne!(next, id);
                assert_eq!(slots(&next), slots(&id), "{storage:?}");
                id = next;
            }
        }
    }

    #[test]
    fn every_slot_has_a_tag() {
        for slot in 0..16_384 {
            let key = format!("p:{{{}}}", tag_of(slot));
            assert_eq!(hash_slot(key.as_bytes()), slot);
        }
    }

    #[test]
    fn successors_are_uniform_over_bits_that_the_slot_does_not_fix() {
        let keys = keys(IdStorage::Plain);
        let old = SessionId::random().unwrap();
        let mut ones = [0_u32; 256];
        let draws = 20_000;
        for _ in 0..draws {
            let next = successor_id(&keys, &old).unwrap();
            let bytes = URL_SAFE_NO_PAD.decode(next.expose()).unwrap();
            for (bit, count) in ones.iter_mut().enumerate() {
                *count += u32::from(bytes[bit / 8] >> (7 - bit % 8) & 1);
            }
        }
        // Six standard deviations: sqrt(20000) / 2 = 70.7.
        for (bit, count) in ones.iter().enumerate() {
            assert!(count.abs_diff(draws / 2) < 425, "bit {bit}: {count}");
        }
    }

    /// How many endings lead into the slot depends on the start. Uniform over the pairs, a start
    /// with twice as many comes up twice as often.
    #[test]
    fn successors_are_uniform_over_starts_with_few_endings_and_with_many() {
        let keys = keys(IdStorage::Plain);
        let old = SessionId::random().unwrap();
        let slot = hash_slot(&keys.session(&old));
        let mut drawn = [0_u32; 16];
        let draws = 20_000;
        for _ in 0..draws {
            let next = successor_id(&keys, &old).unwrap();
            let start = &next.expose()[..SessionId::LEN - SUFFIX];
            let zeros = [b"session:", start.as_bytes(), &[0; SUFFIX]].concat();
            let contribution = (CRC.checksum(&zeros) ^ slot) % 16_384;
            drawn[ENDINGS.leading_to(contribution).len()] += 1;
        }
        let endings = &ENDINGS.by_contribution;
        for (count, drawn) in drawn.into_iter().enumerate() {
            let starts = endings.iter().filter(|of_start| of_start.len() == count);
            let share = (starts.count() * count) as f64 / f64::from(SUFFIXES);
            let expected = share * f64::from(draws);
            let deviation = (f64::from(draws) * share * (1.0 - share)).sqrt();
            assert!(
                (f64::from(drawn) - expected).abs() <= 6.0 * deviation,
                "{count} endings: {drawn} of {draws}, expected {expected}"
            );
        }
    }
}
