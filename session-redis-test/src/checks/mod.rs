//! What every backend on Redis must do beyond the contract: how often it asks, what a fault does to it,
//! what the server may refuse.

mod answers;
pub mod cluster;

mod expiry;
mod faults;
mod fixation;
mod formats;
mod full;
mod index;
mod leaks;
mod pages;
mod rights;
mod trips;
mod version;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use session_core::{
    CreatedSession, FieldName, Fields, NewSession, Principal, PublicId, Result, SessionBackend,
    SessionId,
};

pub use self::answers::{
    a_lost_answer_is_unknown_and_nothing_is_sent_twice, an_unknown_script_is_run_exactly_once,
};
pub use self::expiry::expiry_is_exact_to_the_millisecond;
pub use self::faults::{
    a_server_that_comes_back_is_used_again, every_operation_ends_within_its_deadline,
    starts_without_a_server,
};
pub use self::fixation::no_chosen_id_is_adopted;
pub use self::formats::{
    a_store_in_use_changes_its_key_format, two_key_formats_cost_one_round_trip_more,
};
pub use self::full::a_full_server_refuses_growth_only;
pub use self::index::{
    dead_sessions_are_never_listed_and_cost_little, only_a_principal_has_an_index,
};
pub use self::leaks::ids_hashed_at_rest_leave_nothing_usable;
pub use self::pages::{
    a_large_store_is_looked_through_without_blocking, looking_through_takes_a_right_of_its_own,
};
pub use self::rights::{the_documented_rights_suffice, wrong_credentials_are_denied};
pub use self::trips::every_operation_is_one_round_trip;
pub use self::version::a_server_that_is_too_old_is_named;

use crate::harness::Connect;
use crate::{Target, unique_prefix};

/// The deadline of a backend that was not told another.
pub(crate) const DEADLINE: Duration = Duration::from_millis(500);

pub(crate) fn name(text: &'static str) -> FieldName {
    FieldName::new(text).expect("not a reserved name")
}

/// The server's clock, in milliseconds.
pub(crate) async fn now(admin: &mut redis::aio::MultiplexedConnection) -> u64 {
    let (seconds, micros): (u64, u64) = redis::cmd("TIME").query_async(admin).await.expect("TIME");
    seconds * 1000 + micros / 1000
}

pub(crate) fn ann() -> Principal {
    Principal::new("ann").expect("a principal")
}

pub(crate) fn fields() -> Fields {
    Fields::new()
        .with(name("username"), "andrew")
        .with(name("page_views"), 1)
}

pub(crate) async fn create(backend: &dyn SessionBackend) -> CreatedSession {
    backend
        .create_session(NewSession::new(fields()))
        .await
        .expect("a session is created")
}

/// The public id of a bound session.
pub(crate) async fn public_id(backend: &dyn SessionBackend, id: &SessionId) -> PublicId {
    let record = backend.peek_session(id).await.expect("a reply");
    let record = record.expect("a session");
    record.public_id().expect("a bound session has one")
}

/// A backend on this URL, below a prefix of its own.
pub(crate) fn backend(connect: Connect, url: String) -> Arc<dyn SessionBackend> {
    let prefix = unique_prefix()
        .parse()
        .expect("a unique prefix is a key prefix");
    let target = Target {
        deadline: DEADLINE,
        ..Target::patient(url, prefix)
    };
    connect(target).backend
}

/// Asks again until the operation succeeds: a fault has passed, and the backend heals by itself.
pub(crate) async fn until_well<T, F>(what: &str, mut operation: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T>>,
{
    const PATIENCE: Duration = Duration::from_secs(10);
    let asking = async {
        loop {
            match operation().await {
                Ok(answer) => return answer,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .unwrap_or_else(|_| panic!("{what}: not well again within {PATIENCE:?}"))
}
