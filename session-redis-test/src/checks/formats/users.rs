//! Users who go on with what they do, whatever happens to the store.

use futures_util::future::join_all;
use session_core::{Delta, NewSession, Principal, PublicId, SessionBackend, SessionId};

use crate::Connected;
use crate::checks::{fields, name, public_id};

const USERS: usize = 40;
/// How much each of them does at each step of the way: all there is to do, twice.
const ACTS: usize = 2 * ACTS_THERE_ARE;
const ACTS_THERE_ARE: usize = 9;

/// Everybody.
pub(super) struct Users(Vec<User>);

/// Somebody with two browsers.
struct User {
    principal: Principal,
    session: SessionId,
    /// The counter of the session as the user knows it.
    views: i64,
    other_session: SessionId,
    /// Sessions that are over.
    former: Vec<SessionId>,
    acts: usize,
}

impl Users {
    pub(super) async fn log_in(process: &Connected) -> Self {
        let log_in = |n: usize| async move {
            let principal = Principal::new(format!("user {n}")).expect("a principal");
            User {
                session: log_in(&*process.backend, &principal).await,
                views: 1,
                other_session: log_in(&*process.backend, &principal).await,
                principal,
                former: Vec::new(),
                // Not all do the same at once.
                acts: n,
            }
        };
        Self(join_all((0..USERS).map(log_in)).await)
    }

    /// All users at once, each request served by one of these processes or another.
    pub(super) async fn live_on(&mut self, processes: &[&Connected]) {
        let live_on = self.0.iter_mut().map(async |user| {
            let processes = processes.iter().cycle().skip(user.acts).step_by(USERS + 1);
            for process in processes.take(ACTS) {
                user.act(&*process.backend).await;
            }
        });
        join_all(live_on).await;
    }

    /// Every user logs out, and in again.
    pub(super) async fn log_in_again(&mut self, process: &Connected) {
        let log_in_again = self.0.iter_mut().map(async |user| {
            user.log_out_and_in(&*process.backend).await;
            user.end_the_other(&*process.backend).await;
        });
        join_all(log_in_again).await;
    }

    /// Every session of theirs lives with its counts and is listed, and none that is over; how many live.
    pub(super) async fn assert_all_are_well(&self, process: &Connected) -> usize {
        for user in &self.0 {
            assert_eq!(user.views_at(&*process.backend).await, Some(user.views));
            user.assert_listed(&*process.backend).await;
            for id in &user.former {
                assert!(
                    process
                        .backend
                        .peek_session(id)
                        .await
                        .expect("an answer")
                        .is_none()
                );
            }
        }
        2 * self.0.len()
    }
}

async fn log_in(backend: &dyn SessionBackend, principal: &Principal) -> SessionId {
    let new = NewSession::new(fields()).bind(principal.clone());
    backend.create_session(new).await.expect("a session").id
}

impl User {
    async fn act(&mut self, process: &dyn SessionBackend) {
        self.acts += 1;
        let views = name("page_views");
        match self.acts % ACTS_THERE_ARE {
            0 => {
                let counted = process.increment_field(&self.session, views, 1).await;
                self.views += 1;
                assert_eq!(counted.expect("an answer"), Some(self.views));
            }
            1 => assert_eq!(self.views_at(process).await, Some(self.views)),
            2 => {
                let note = Delta::new().set(name("note"), self.acts.to_string());
                let written = process.update_session(&self.session, note).await;
                assert!(written.expect("an answer").is_some(), "logged out");
            }
            3 | 4 => {
                let delta = Delta::new()
                    .increment(views, 1)
                    .bind(self.principal.clone());
                let rotated = process.rotate_session(&self.session, delta).await;
                let rotated = rotated.expect("an answer").expect("logged out");
                self.views += 1;
                assert_eq!(rotated.written.counter("page_views"), Some(self.views));
                self.former
                    .push(std::mem::replace(&mut self.session, rotated.id));
            }
            5 => self.assert_listed(process).await,
            6 => self.log_out_and_in(process).await,
            7 => self.end_the_other(process).await,
            _ => {
                let keep = Some(&self.session);
                let ended = process.revoke_sessions(&self.principal, keep).await;
                assert_eq!(ended.expect("an answer"), 1, "the other session");
                self.the_other_is_over(process).await;
            }
        }
        let dead = self.former.last();
        if let Some(dead) = dead {
            let counted = process.increment_field(dead, name("page_views"), 1).await;
            assert_eq!(counted.expect("an answer"), None, "somebody came back");
        }
    }

    /// What the session's counter holds, by a use of the session.
    async fn views_at(&self, process: &dyn SessionBackend) -> Option<i64> {
        let session = process
            .get_session(&self.session)
            .await
            .expect("an answer")?;
        session.fields().get_str("page_views")?.parse().ok()
    }

    async fn assert_listed(&self, process: &dyn SessionBackend) {
        let list = process
            .list_sessions(&self.principal)
            .await
            .expect("a list");
        let mut listed: Vec<PublicId> = list.into_iter().map(|it| it.public_id).collect();
        let mut expected = Vec::new();
        for id in [&self.session, &self.other_session] {
            expected.push(public_id(process, id).await);
        }
        listed.sort();
        expected.sort();
        assert_eq!(listed, expected, "the sessions of a user");
    }

    async fn log_out_and_in(&mut self, process: &dyn SessionBackend) {
        for is_live in [true, false] {
            let was_live = process.delete_session(&self.session).await;
            assert_eq!(was_live.expect("an answer"), is_live);
        }
        let session = log_in(process, &self.principal).await;
        self.former
            .push(std::mem::replace(&mut self.session, session));
        self.views = 1;
    }

    async fn end_the_other(&mut self, process: &dyn SessionBackend) {
        let other = public_id(process, &self.other_session).await;
        let is_ended = process.revoke_session(&self.principal, &other).await;
        assert!(is_ended.expect("an answer"), "the other session lives");
        self.the_other_is_over(process).await;
    }

    async fn the_other_is_over(&mut self, process: &dyn SessionBackend) {
        let session = log_in(process, &self.principal).await;
        self.former
            .push(std::mem::replace(&mut self.other_session, session));
    }
}
