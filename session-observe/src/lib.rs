//! Sessions seen from outside: spans, metrics and life-cycle events of any
//! [`SessionBackend`](session_core::SessionBackend).
//!
//! [`Observe`] wraps a backend; [`ConnectionMetrics`] is given to the builder of one that has
//! connections. Applications that use the facade `session-store` say `Connect::observed` instead,
//! which does both.
//!
//! # Spans
//! One per step of the backend, by [`tracing`], level `INFO`, target `session`, with
//! OpenTelemetry's names for clients of databases: `otel.kind` (`client`), `otel.name`,
//! `db.system.name`, `db.operation.name`, `server.address`, `server.port`; at its end
//! `session.outcome`, and after an error `error.type`, `otel.status_code` (`ERROR`) and
//! `session.effect` (`not_applied`, `unknown`). There is no `db.query.text`.
//!
//! # Metrics
//! By the facade [`metrics`], so that an application exports them as it does its own.
//!
//! | metric | kind | labels |
//! |---|---|---|
//! | [`session_operations_total`](OPERATIONS) | counter | `operation`, `outcome`, `backend` |
//! | [`session_operation_duration_seconds`](OPERATION_DURATION) | histogram | the same |
//! | [`session_connection_state`](CONNECTION_STATE) | gauge: 1 for the present state | `state`, `server`, `backend` |
//! | [`session_connection_attempts_total`](CONNECTION_ATTEMPTS) | counter | `outcome`, `server`, `backend` |
//! | [`session_connection_attempt_duration_seconds`](CONNECTION_ATTEMPT_DURATION) | histogram | the same |
//! | [`session_connection_down_duration_seconds`](CONNECTION_DOWN) | histogram: once per time down, at its end | `server`, `backend` |
//! | [`session_near_cache_reads_total`](NEAR_CACHE_READS) | counter | `outcome`: `hit`, `miss`; `backend` |
//! | [`session_near_cache_age_milliseconds_total`](NEAR_CACHE_AGE) | counter: by the hits, how old the sessions were | `backend` |
//! | [`session_near_cache_drops_total`](NEAR_CACHE_DROPS) | counter | `reason`: `changed`, `memory`; `backend` |
//! | [`session_near_cache_sessions`](NEAR_CACHE_SESSIONS), [`session_near_cache_bytes`](NEAR_CACHE_BYTES) | gauge | `backend` |
//! | [`session_server_info`](SERVER_INFO) | gauge: 1 | `product`, `version`, `eviction_policy`, `may_evict`, `server`, `backend` |
//!
//! `operation` is a step: `insert`, `read`, `write`, `rename`, `remove`, `list`, `revoke`, `ping`.
//! `outcome` is one of a closed set:
//!
//! - `done`; `not_found`, `rotated`, `id_taken`: the store replied, and nothing is wrong;
//! - `conflict`, `not_an_integer`, `overflow`, `limit_exceeded`, `too_many_sessions`: refused,
//!   nothing was changed;
//! - `store_full`, `unavailable`, `timeout`, `denied`, `config`, `corrupt_reply`, `invalid_cursor`,
//!   `unsupported`, `rejected`, `other`: an error, as its
//!   [`kind`](session_core::Error::kind) says;
//! - `dropped`: the caller dropped the operation before its end, and whether it was applied is
//!   unknown.
//!
//! The outcome of an attempt to connect is `connected`, `not_needed`, or an error as above.
//!
//! # Life-cycle events
//! A [`SessionObserver`] is called when a session is created, bound, rotated or ended.
//!
//! # What is in none of it
//! No id, value, principal, field name, key prefix or password. Life-cycle events alone bring the
//! principal, as a value whose `Debug` is silent.
//!
//! # Cost
//! Where neither a subscriber nor a recorder is installed, a step costs about 600 instructions
//! more: two readings of the clock, and an allocation. A read takes 2,000 in memory, and some
//! 40,000 in this process where it goes to Redis. A recorder for Prometheus adds about 400.

mod connection;
mod event;
mod lives;
mod names;
mod observe;
mod observed;
mod outcome;
mod step;

pub use self::connection::ConnectionMetrics;
pub use self::event::{EventSession, RefusalReason, SessionChange, SessionEvent, SessionObserver};
pub use self::names::{
    CONNECTION_ATTEMPT_DURATION, CONNECTION_ATTEMPTS, CONNECTION_DOWN, CONNECTION_STATE,
    DOWN_BUCKETS, DURATION_BUCKETS, NEAR_CACHE_AGE, NEAR_CACHE_BYTES, NEAR_CACHE_DROPS,
    NEAR_CACHE_READS, NEAR_CACHE_SESSIONS, OPERATION_DURATION, OPERATIONS, SERVER_INFO, describe,
};
pub use self::observe::Observe;
pub use self::observed::Observed;
