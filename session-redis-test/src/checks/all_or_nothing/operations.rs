//! The operations, and what they run on.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use session_core::{
    Delta, Lifetime, LogIn, NewSession, PageSize, Principal, PublicId, Result, SessionAdmin,
    SessionBackend, SessionId, SessionTtl, Touch,
};

use crate::checks::{ann, fields, login, name};

/// What an operation returned: how many it found, or `None` where there was nothing to do it on.
pub(super) type Found = Option<usize>;

/// What operations run on.
pub(super) struct Stage {
    /// Without a limit of sessions; with one that evicts, and one that refuses.
    pub(super) open: Arc<dyn SessionBackend>,
    pub(super) evicting: Arc<dyn SessionBackend>,
    pub(super) refusing: Arc<dyn SessionBackend>,
    pub(super) admin: Arc<dyn SessionAdmin>,
    /// A session of nobody, two of ann's, one of bob's.
    pub(super) nobody: SessionId,
    pub(super) ann: SessionId,
    pub(super) other: SessionId,
    pub(super) bob: SessionId,
    /// The ids that nobody's session and ann's had before a rotation.
    pub(super) former: SessionId,
    pub(super) former_ann: SessionId,
    /// Of ann's session.
    pub(super) public_id: PublicId,
}

impl Stage {
    /// How many sessions of ann's are on pages of one.
    async fn listed_by_pages(&self) -> Result<usize> {
        let (ann, size) = (ann(), PageSize::new(1)?);
        let (mut listed, mut cursor) = (0, None);
        loop {
            let fields = vec![name("note")];
            let page = self
                .open
                .list_sessions_page(&ann, fields, cursor.as_ref(), size);
            let page = page.await?;
            listed += page.sessions.len();
            cursor = page.next;
            if cursor.is_none() {
                return Ok(listed);
            }
        }
    }
}

/// What is called on a stage.
pub(super) type Operation = for<'s> fn(&'s Stage) -> BoxFuture<'s, Result<Found>>;

/// Operations by name: what they call, and what is found in what that returns.
macro_rules! operations {
    ($stage:ident; $($name:ident: $call:expr, $found:expr;)*) => {
        [$({
            fn $name($stage: &Stage) -> BoxFuture<'_, Result<Found>> {
                Box::pin(async move { $call.await.map($found) })
            }
            (stringify!($name), $name as Operation)
        }),*]
    };
}

pub(super) fn bob() -> Principal {
    Principal::new("bob").expect("a principal")
}

fn some<T>(_: T) -> Found {
    Some(1)
}

fn one<T>(found: Option<T>) -> Found {
    found.map(|_| 1)
}

fn is_done(is_done: bool) -> Found {
    is_done.then_some(1)
}

fn count(ended: u64) -> Found {
    usize::try_from(ended).ok()
}

/// A delta of all kinds of changes.
fn delta() -> Delta {
    let delta = Delta::new()
        .set(name("theme"), "dark")
        .remove(name("username"));
    let delta = delta
        .increment(name("page_views"), 1)
        .increment(name("clicks"), 2);
    delta
        .ttl(SessionTtl::from_secs(2_000).expect("a TTL"))
        .returning_record()
}

/// The binding of a log-in that leaves nothing of another user's.
fn bind(principal: Principal) -> Delta {
    delta().keep_only_if_principal_changes([]).bind(principal)
}

/// A log-in that is persistent, and how long its session may live.
pub(super) fn remembered(principal: Principal, seconds: u64) -> LogIn {
    let log_in = LogIn::new(principal).persistent(true);
    log_in.lifetime(lifetime(seconds))
}

pub(super) fn lifetime(seconds: u64) -> Lifetime {
    Lifetime::from_secs(seconds).expect("a lifetime")
}

/// A change that is no use of the session.
fn silent() -> Delta {
    Delta::new().set(name("theme"), "dark").touch(Touch::Never)
}

/// Each with its name.
pub(super) fn operations() -> Vec<(&'static str, Operation)> {
    operations![s;
        create: s.open.create_session(NewSession::new(fields())), some;
        create_with_lifetime: s.open.create_session(NewSession::new(fields()).max_lifetime(lifetime(9_000))), some;
        create_bound: s.open.create_session(login()), some;
        create_evicting: s.evicting.create_session(login()), some;
        create_refused: s.refusing.create_session(login()), some;
        get: s.open.get_session(&s.nobody), one;
        get_bound: s.open.get_session(&s.ann), one;
        get_if_older: s.open.get_session_with(&s.ann, Touch::IfOlderThan(Duration::from_secs(10))), one;
        get_by_public_id: s.open.get_session_of(&ann(), &s.public_id), one;
        peek: s.open.peek_session(&s.nobody), one;
        touch: s.open.update_session(&s.nobody, Delta::new()), one;
        set: s.open.update_session(&s.nobody, Delta::new().set(name("theme"), "dark")), one;
        set_silently: s.open.update_session(&s.nobody, silent()), one;
        remove_fields: s.open.remove_fields(&s.nobody, vec![name("username")]), is_done;
        increment: s.open.increment_field(&s.nobody, name("page_views"), 1), one;
        increment_no_number: s.open.increment_field(&s.nobody, name("username"), 1), one;
        set_ttl: s.open.set_session_ttl(&s.ann, SessionTtl::MAX), is_done;
        update: s.open.update_session(&s.ann, delta()), one;
        update_by_public_id: s.open.update_session_of(&ann(), &s.public_id, delta()), one;
        keep_only: s.open.update_session(&s.nobody, delta().keep_only([name("page_views")])), one;
        bind: s.open.update_session(&s.nobody, delta().bind(ann())), one;
        bind_for: s.open.update_session(&s.bob, bind(ann()).bind_for(ann(), lifetime(9_000))), one;
        bind_silently: s.open.update_session(&s.nobody, silent().bind(remembered(ann(), 400))), one;
        bind_forgetting: s.open.update_session(&s.ann, silent().bind(ann())), one;
        bind_evicting: s.evicting.update_session(&s.nobody, bind(ann())), one;
        bind_refused: s.refusing.update_session(&s.nobody, bind(ann())), one;
        unbind: s.open.update_session(&s.ann, delta().unbind()), one;
        rotate: s.open.rotate_session(&s.nobody, Delta::new()), one;
        rotate_bound: s.open.rotate_session(&s.ann, delta()), one;
        rotate_unbinding: s.open.rotate_session(&s.ann, bind(ann()).unbind()), one;
        log_in: s.open.rotate_session(&s.nobody, bind(ann())), one;
        log_in_again: s.open.rotate_session(&s.ann, bind(ann())), one;
        log_in_freshly: s.open.rotate_session(&s.nobody, delta().bind(LogIn::new(ann()).fresh())), one;
        log_in_over_another: s.open.rotate_session(&s.bob, bind(ann())), one;
        log_in_evicting: s.evicting.rotate_session(&s.bob, bind(ann())), one;
        log_in_refused: s.refusing.rotate_session(&s.nobody, bind(ann())), one;
        delete: s.open.delete_session(&s.nobody), is_done;
        delete_bound: s.open.delete_session(&s.ann), is_done;
        delete_rotated: s.open.delete_session(&s.former), is_done;
        delete_rotated_bound: s.open.delete_session(&s.former_ann), is_done;
        get_rotated: s.open.get_session(&s.former), one;
        rotate_rotated: s.open.rotate_session(&s.former, bind(ann())), one;
        list: async { s.open.list_sessions(&ann()).await.map(|it| it.len()) }, Some;
        list_by_pages: s.listed_by_pages(), Some;
        revoke_one: s.open.revoke_session(&ann(), &s.public_id), is_done;
        revoke_all: s.open.revoke_sessions(&ann(), None), count;
        revoke_others: s.open.revoke_sessions(&ann(), Some(&s.other)), count;
        admin_count: s.admin.count_sessions(), count;
        admin_revoke: s.admin.revoke_session(&s.public_id), is_done;
    ]
    .into()
}
