//! The in-memory session backend: sessions in the memory of one process.
//!
//! It is two things: the backend to unit-test an application with (a [clock](ManualClock) that the
//! test moves, [faults](Faults) that the test plans), and the one to start with, as long as there
//! is one process and its sessions may end with it. It keeps the same contract as the Redis
//! backends, checked by the same conformance suite; an application that holds an `Arc<dyn
//! SessionBackend>` does not see the difference.
//!
//! | you want to | read |
//! |---|---|
//! | store sessions | [`MemoryBackend`], [`MemoryBackendBuilder`] |
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
//! # What it is not
//! The sessions live in this process: a second process does not see them, and they end with it. For
//! several processes, or sessions that survive a deployment, use a Redis backend.
//!
//! # Costs
//! A session with three short fields takes about 1 KB, one that is bound to a principal 1.2 KB
//! (64-bit Linux, with the allocator's own overhead). A read copies no field.
//!
//! What has expired is freed without further ado: each operation, whatever it is, looks at up to
//! eight keys whose time may be over. So N expired sessions are freed after N / 8 operations, or
//! twice as many if each was used since it was created. If the backend is not called, nothing is
//! freed, and nothing is added. (The memory goes back to the allocator, which may keep it.)
//!
//! There is one lock. What one operation does under it is bounded: a look-up in a hash table, the
//! eight keys, each O(log n), and beyond that only
//!
//! * whatever names a session by its public id, and binding with a limit of sessions: all sessions
//!   of that principal;
//! * a page of a list or of a revocation: as many as were asked for, and those of that principal
//!   that have expired;
//! * a page of [`MemoryAdmin`]: a 64th of all sessions, or as many more as were asked for;
//! * creating and deleting now and then: growing or shrinking one of 64 tables, that is, moving a
//!   64th of the entries (1 ms at a million sessions);
//! * creating in a store that holds as many keys as it may: the search for one that has expired,
//!   past all that were used since they were queued.

mod admin;
mod backend;
mod builder;
mod clock;
mod faults;
mod store;
pub mod testing;

pub use self::admin::MemoryAdmin;
pub use self::backend::MemoryBackend;
pub use self::builder::MemoryBackendBuilder;
pub use self::clock::ManualClock;
pub use self::faults::{FaultAlways, FaultOnce, FaultPlan, Faults, Step};
pub use self::store::WhenFull;
