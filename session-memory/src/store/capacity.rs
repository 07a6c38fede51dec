//! How much the store may hold, and how much it holds.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use session_core::StoredSession;

use super::key::Content;

/// What is done with a new session, or a change that may make one grow, while the store is full.
///
/// ```
/// use session_memory::{MemoryBackend, WhenFull};
///
/// let backend = MemoryBackend::builder()
///     .max_bytes(64 * 1024 * 1024)
///     .when_full(WhenFull::EvictNearestExpiry)
///     .build();
/// assert_eq!(backend.bytes(), 0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum WhenFull {
    /// It fails with [`ErrorKind::StoreFull`](session_core::ErrorKind::StoreFull), and nothing is
    /// changed. The default: nobody loses a session.
    #[default]
    Refuse,
    /// Sessions that are about the nearest to their expiry end, until there is room: of a few
    /// tables the one whose end is nearest, as Redis's `volatile-ttl` does it. Where all sessions
    /// have the same TTL those are the least recently used ones; with different ones a session of a
    /// short TTL ends before one that nobody has used for longer. Tombstones go likewise; a session
    /// that another client left without expiry stays. Room is made before anything else is looked
    /// at, so a step that is refused may have ended a session all the same.
    EvictNearestExpiry,
}

/// What a key takes beside its fields: its place in a table and in the queue, the id, the times.
const KEY: usize = 230;
/// What a field takes beside the bytes of its name and its value.
const FIELD: usize = 64;
/// What a log-in takes beside the principal's name: the reserved fields, the entry in the index.
const LOG_IN: usize = 400;

/// About how many bytes a key takes, all that belongs to it included (64-bit, with an allocator's
/// own overhead).
pub(super) fn weight(content: &Content) -> u32 {
    let bytes = match content {
        Content::Session(state) => weight_of(&state.session),
        Content::Tombstone { hash, .. } | Content::InvalidHash { hash, .. } => {
            let fields = hash.iter();
            fields.fold(KEY, |sum, (name, value)| {
                sum + FIELD + name.len() + value.len()
            })
        }
        Content::OtherType { .. } => KEY,
    };
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// About how many bytes a session takes.
pub(super) fn weight_of(session: &StoredSession) -> usize {
    let principal = session.principal();
    let log_in = principal.map_or(0, |principal| LOG_IN + 2 * principal.as_str().len());
    KEY + FIELD * session.field_count() + session.field_bytes() + log_in
}

/// How much a store may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) sessions: usize,
    pub(crate) bytes: usize,
    pub(crate) when_full: WhenFull,
}

/// What a store holds, within its limits. Written by what adds, ends or resizes a session, and by
/// nothing else.
// On cache lines of its own: what only reads sessions does not wait for those who write here.
#[repr(align(128))]
#[derive(Debug)]
pub(super) struct Capacity {
    limits: Limits,
    keys: AtomicUsize,
    bytes: AtomicUsize,
    has_evicted: AtomicBool,
}

/// Room for one more key, until it is used or dropped.
#[must_use]
pub(super) struct Reserved<'a> {
    capacity: &'a Capacity,
    weight: u32,
}

impl Capacity {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            keys: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            has_evicted: AtomicBool::new(false),
        }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn keys(&self) -> usize {
        self.keys.load(Ordering::Relaxed)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether a write that may grow a session has to wait for room.
    pub(super) fn is_full(&self) -> bool {
        self.limits.bytes < usize::MAX && self.bytes() >= self.limits.bytes
    }

    /// Whether a key of this size fits into an empty store.
    pub(super) fn may_fit(&self, weight: u32) -> bool {
        self.limits.sessions > 0 && size(weight) <= self.limits.bytes
    }

    /// Room for one more key, if there is.
    pub(super) fn reserve(&self, weight: u32) -> Option<Reserved<'_>> {
        let grow = |counter: &AtomicUsize, by: usize, most: usize| {
            let grown = |held: usize| held.checked_add(by).filter(|held| *held <= most);
            let done = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown);
            done.is_ok()
        };
        if !grow(&self.keys, 1, self.limits.sessions) {
            return None;
        }
        if !grow(&self.bytes, size(weight), self.limits.bytes) {
            self.keys.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Reserved {
            capacity: self,
            weight,
        })
    }

    /// A key was added whatever the limits.
    pub(super) fn added(&self, weight: u32) {
        self.keys.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(size(weight), Ordering::Relaxed);
    }

    /// A key was taken out.
    pub(super) fn removed(&self, weight: u32) {
        self.keys.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(size(weight), Ordering::Relaxed);
    }

    /// A key has another size.
    pub(super) fn resized(&self, from: u32, to: u32) {
        if to > from {
            self.bytes.fetch_add(size(to - from), Ordering::Relaxed);
        } else if to < from {
            self.bytes.fetch_sub(size(from - to), Ordering::Relaxed);
        }
    }

    /// Something was evicted. The first time it is logged: sessions end before their time.
    pub(super) fn evicted(&self) {
        if !self.has_evicted.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                max_sessions = self.limits.sessions,
                max_bytes = self.limits.bytes,
                "the store is full: sessions end before their time, from now on without a word"
            );
        }
    }
}

impl Reserved<'_> {
    /// A key of this size is stored: the room is its own now.
    pub(super) fn used(self, weight: u32) {
        self.capacity.resized(self.weight, weight);
        std::mem::forget(self);
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.capacity.removed(self.weight);
    }
}

fn size(weight: u32) -> usize {
    usize::try_from(weight).unwrap_or(usize::MAX)
}
