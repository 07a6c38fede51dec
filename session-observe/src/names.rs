//! The names of the metrics, and what is said of them.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Steps of the backend. Labels: `operation`, `outcome`, `backend`.
pub const OPERATIONS: &str = "session_operations_total";
/// How long a step took. Labels as of [`OPERATIONS`].
pub const OPERATION_DURATION: &str = "session_operation_duration_seconds";
/// 1 for the state that a connection is in, 0 for the others. Labels: `state`, `server`, `backend`.
pub const CONNECTION_STATE: &str = "session_connection_state";
/// Attempts to connect. Labels: `outcome`, `server`, `backend`.
pub const CONNECTION_ATTEMPTS: &str = "session_connection_attempts_total";
/// How long an attempt to connect took. Labels as of [`CONNECTION_ATTEMPTS`].
pub const CONNECTION_ATTEMPT_DURATION: &str = "session_connection_attempt_duration_seconds";
/// How long a connection was down, recorded when it is down no longer. Labels: `server`, `backend`.
pub const CONNECTION_DOWN: &str = "session_connection_down_duration_seconds";
/// 1 for what a server says of itself. Labels: `product`, `version`, `eviction_policy`, `may_evict`
/// (`true`, `false`), `server`, `backend`.
pub const SERVER_INFO: &str = "session_server_info";

/// Reads that a near cache could serve. Labels: `outcome` (`hit`, `miss`), `backend`.
pub const NEAR_CACHE_READS: &str = "session_near_cache_reads_total";
/// How old what a near cache has served was, all hits together, in milliseconds. Labels: `backend`.
pub const NEAR_CACHE_AGE: &str = "session_near_cache_age_milliseconds_total";
/// Sessions that a near cache has dropped. Labels: `reason` (`changed`, `memory`), `backend`.
pub const NEAR_CACHE_DROPS: &str = "session_near_cache_drops_total";
/// Sessions that a near cache keeps. Labels: `backend`.
pub const NEAR_CACHE_SESSIONS: &str = "session_near_cache_sessions";
/// The bytes that they take, about. Labels: `backend`.
pub const NEAR_CACHE_BYTES: &str = "session_near_cache_bytes";

/// Bounds for a histogram of durations, in seconds: from a tenth of a millisecond to two and a
/// half seconds. For exporters that want some.
pub const DURATION_BUCKETS: [f64; 14] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
];

/// The same for times that a connection is down ([`CONNECTION_DOWN`]): from a tenth of a second to
/// an hour.
pub const DOWN_BUCKETS: [f64; 9] = [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0];

/// Gives the recorder the units and descriptions of all metrics of this crate. Each
/// [`Observed`](crate::Observed) and [`ConnectionMetrics`](crate::ConnectionMetrics) does so when
/// it is made: for a recorder that is installed later.
pub fn describe() {
    describe_counter!(OPERATIONS, Unit::Count, "Steps of the session store.");
    describe_histogram!(
        OPERATION_DURATION,
        Unit::Seconds,
        "How long steps of the session store took."
    );
    describe_gauge!(
        CONNECTION_STATE,
        Unit::Count,
        "1 for the state that the connection to the session store is in."
    );
    describe_counter!(
        CONNECTION_ATTEMPTS,
        Unit::Count,
        "Attempts to connect to the session store."
    );
    describe_histogram!(
        CONNECTION_ATTEMPT_DURATION,
        Unit::Seconds,
        "How long attempts to connect to the session store took."
    );
    describe_histogram!(
        CONNECTION_DOWN,
        Unit::Seconds,
        "How long the session store could not be reached, once it can."
    );
    describe_counter!(
        NEAR_CACHE_READS,
        Unit::Count,
        "Reads of sessions that the process could serve itself."
    );
    describe_counter!(
        NEAR_CACHE_AGE,
        Unit::Milliseconds,
        "How old the sessions were that the process served itself, all together."
    );
    describe_counter!(
        NEAR_CACHE_DROPS,
        Unit::Count,
        "Sessions that the process kept no longer."
    );
    describe_gauge!(
        NEAR_CACHE_SESSIONS,
        Unit::Count,
        "Sessions that the process keeps."
    );
    describe_gauge!(
        NEAR_CACHE_BYTES,
        Unit::Bytes,
        "Bytes of the sessions that the process keeps, about."
    );
    describe_gauge!(
        SERVER_INFO,
        Unit::Count,
        "1 for what the session store's server says of itself."
    );
}
