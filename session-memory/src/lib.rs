//! The in-memory session backend: sessions in the memory of one process.
//!
//! It is two things: the backend to unit-test an application with (a [clock](ManualClock) that the
//! test moves, [faults](Faults) that the test plans), and the one to use as long as there is one
//! process and its sessions may end with it ([in production](crate#in-production), too). It keeps
//! the same contract as the Redis backends, checked by the same conformance suite; an application
//! that holds an `Arc<dyn SessionBackend>` does not see the difference. In the facade
//! `session-store` it is `backends::memory`, and the URL `memory:`.
//!
//! | you want to | read |
//! |---|---|
//! | store sessions | [`MemoryBackend`], [`MemoryBackendBuilder`] |
//! | bound their number and size | [`MemoryBackendBuilder::max_bytes`], [`WhenFull`] |
//! | test expiry without sleeping | [`ManualClock`] |
//! | test what happens when the store fails, or when two requests meet | [`Faults`] |
//! | list all sessions | [`MemoryAdmin`] |
//! | test against what another client has stored | [`testing::RawKeys`] |
//!
//! # Unit-test an application
//! Give the application a backend whose time is yours, and keep a clone.
//!
//! ```
//! use session_core::{ErrorKind, FieldName, NewSession, SessionBackend};
//! use session_memory::{ManualClock, MemoryBackend, Step};
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> session_core::Result<()> {
//! let clock = Arc::new(ManualClock::new());
//! let backend = MemoryBackend::with_clock(clock.clone());
//! let sessions: Arc<dyn SessionBackend> = Arc::new(backend.clone()); // for the application
//! let views = FieldName::new("page_views")?;
//!
//! // Behaviour.
//! let id = sessions.create_session(NewSession::default()).await?.id;
//! assert_eq!(sessions.increment_field(&id, views.clone(), 1).await?, Some(1));
//!
//! // The reply is lost: the view is counted, and the caller cannot know.
//! backend.faults().on(Step::Write).next_call().lose_reply();
//! let error = sessions.increment_field(&id, views.clone(), 1).await.unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Timeout);
//! assert_eq!(sessions.increment_field(&id, views, 1).await?, Some(3));
//!
//! // The store is down, and comes back.
//! backend.faults().store_down();
//! assert!(sessions.get_session(&id).await.is_err());
//! backend.faults().clear();
//!
//! // Half an hour and a millisecond without use.
//! clock.advance(Duration::from_millis(1_800_001));
//! assert_eq!(sessions.get_session(&id).await?, None);
//! # Ok(())
//! # }
//! ```
//!
//! `tests/example_app.rs` in this crate's source is a whole example.
//!
//! # This backend or the mock?
//! This backend is for behaviour: what the application does with sessions that really are stored,
//! expire, and get lost. `session_core::MockSessionBackend` (feature `mock` of `session-core`) is
//! for expectations: that exactly this step is called, with these arguments, and that such an
//! outcome is dealt with. If a test would have to script more than one outcome, use this backend.
//!
//! # In production
//! Where one process serves all requests, and its sessions may end with it, this backend is all
//! that is needed: no step waits for a network, and steps on different sessions do not wait for
//! each other. A second process does not see the sessions. For several processes, or sessions that
//! survive a deployment, use a Redis backend.
//!
//! Say how much it may hold, by number ([`max_sessions`](MemoryBackendBuilder::max_sessions)) or by
//! size ([`max_bytes`](MemoryBackendBuilder::max_bytes)), and what happens then
//! ([`when_full`](MemoryBackendBuilder::when_full)): strangers can have sessions created, if the
//! application creates some for visitors.
//!
//! ```
//! use session_memory::{MemoryBackend, WhenFull};
//!
//! let backend = MemoryBackend::builder()
//!     .max_sessions(200_000)
//!     .max_bytes(256 * 1024 * 1024)
//!     .when_full(WhenFull::EvictNearestExpiry)
//!     .build();
//! assert!(backend.is_empty());
//! ```
//!
//! # Costs
//! A session of two short fields beside its own three takes about 360 bytes, one that is bound to a
//! principal 780 (64-bit Linux, with the allocator's own overhead); a value of more than 23 bytes
//! takes its length and 16 bytes more, a field's name that is no static text 32. A read copies no
//! field and allocates nothing but the futures of the trait. On two cores of 2026 and with 100,000
//! sessions, 4.4 million reads a second, or 3.0 million updates of one field.
//!
//! What has expired is freed without further ado: each operation, whatever it is, looks at up to
//! eight keys whose time may be over, in the tables that it is about and in eight others. So N
//! expired sessions are freed after about N / 8 operations, or twice as many if each was used since
//! it was created, and no operation takes longer for it, however many expire at once. If the
//! backend is not called, nothing is freed, and nothing is added. (The memory goes back to the
//! allocator, which may keep it.)
//!
//! The sessions are spread over 256 tables with a lock each, and the index of principals over 64
//! parts. What one operation does under its locks is bounded: a look-up in a hash table, the eight
//! keys, each O(log n), and beyond that only
//!
//! * whatever names a session by its public id: the entries of that principal in the index;
//! * binding at the limit of sessions: all sessions of that principal;
//! * a page of a list or of a revocation: as many as were asked for;
//! * a page of [`MemoryAdmin`]: a 256th of all sessions, or as many more as were asked for;
//! * creating and deleting now and then: growing or shrinking one of the tables, that is, moving a
//!   256th of the entries (half a millisecond at a million sessions);
//! * creating in a full store: a look for one that has expired, at 4,096 keys at most that were
//!   used since they were queued (a millisecond); or, where it evicts, at eight keys of each of
//!   five tables for each session that is to go.

mod admin;
mod backend;
mod builder;
mod clock;
mod faults;
mod padded;
mod store;
pub mod testing;

pub use self::admin::MemoryAdmin;
pub use self::backend::MemoryBackend;
pub use self::builder::MemoryBackendBuilder;
pub use self::clock::ManualClock;
pub use self::faults::{FaultAlways, FaultOnce, FaultPlan, Faults, Step};
pub use self::store::WhenFull;
