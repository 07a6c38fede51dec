//! Readers of a session that others change.

use std::time::Duration;

use session_core::{Delta, SessionRecord, Touch};

use super::Summary;
use super::crew::{Crew, Member};
use crate::harness::Harness;
use crate::kit::name;

/// The tasks that write, and those that read.
const EACH: usize = 8;
/// The writes of each writer, and the reads of each reader.
const TURNS: usize = 6;

/// Reads a session in one of the ways that there are.
async fn read(member: &Member, id: &session_core::SessionId, turn: usize) -> SessionRecord {
    let backend = &member.backend;
    let record = match turn % 4 {
        0 => member.did(backend.get_session(id).await),
        1 => member.did(backend.peek_session(id).await),
        2 => {
            let touch = Touch::IfOlderThan(Duration::ZERO);
            member.did(backend.get_session_with(id, touch).await)
        }
        _ => {
            let delta = Delta::new().returning_record();
            let written = member.did(backend.update_session(id, delta).await);
            written.and_then(|written| written.record)
        }
    };
    record.expect("the session lives")
}

/// Eight tasks write two fields at once, always with the same value, and eight read them: nobody
/// ever sees two values, or a session that lacks what nobody removes.
pub async fn reads_against_updates(h: &dyn Harness, rounds: usize) -> Summary {
    let crew = Crew::new(h).await;
    for round in 0..rounds {
        let id = crew.session().await;
        crew.all(2 * EACH, |n, member| {
            let id = id.clone();
            async move {
                for turn in 0..TURNS {
                    if n < EACH {
                        let value = format!("{n}.{turn}");
                        let delta = Delta::new()
                            .set(name("first"), &*value)
                            .increment(name("n"), 1)
                            .set(name("second"), value);
                        let written = member.did(member.backend.update_session(&id, delta).await);
                        assert!(written.is_some(), "the session lives");
                    } else {
                        let record = read(&member, &id, n + turn).await;
                        let fields = record.fields();
                        let (first, second) = (fields.get_str("first"), fields.get_str("second"));
                        assert_eq!(first, second, "round {round}: half a delta");
                        let username = fields.get_str("username");
                        assert_eq!(username, Some("andrew"), "round {round}");
                    }
                    tokio::task::yield_now().await;
                }
            }
        })
        .await;
        let record = crew.peek(&id).await.expect("the session lives");
        let total = (EACH * TURNS).to_string();
        assert_eq!(record.fields().get_str("n"), Some(&*total), "round {round}");
    }
    crew.summary("reads against updates", rounds)
}
