//! Writers of one session.

use session_core::{Delta, FieldName};

use super::Summary;
use super::crew::{Crew, assert_distinct_and_gapless};
use crate::harness::Harness;
use crate::kit::name;

/// The writers of a session.
const WRITERS: usize = 16;
/// The writes of each.
const WRITES: usize = 4;

fn own(kind: &str, writer: usize) -> FieldName {
    name(format!("{kind} {writer}"))
}

/// Sixteen tasks write fields of their own into one session: set, count, remove. All of it is in
/// the session at the end.
pub async fn updates_of_different_fields(h: &dyn Harness, rounds: usize) -> Summary {
    let crew = Crew::new(h).await;
    for round in 0..rounds {
        let id = crew.session().await;
        crew.all(WRITERS, |writer, member| {
            let id = id.clone();
            async move {
                for write in 1..=WRITES {
                    let delta = Delta::new()
                        .set(own("set", writer), write.to_string())
                        .increment(own("counter", writer), 1)
                        .set(own("fleeting", writer), "x");
                    let written = member.did(member.backend.update_session(&id, delta).await);
                    assert!(written.is_some(), "the session lives");
                    let fleeting = vec![own("fleeting", writer)];
                    let removed = member.did(member.backend.remove_fields(&id, fleeting).await);
                    assert!(removed, "the session lives");
                }
            }
        })
        .await;
        let fields = crew.fields(&id).await;
        let expected = WRITES.to_string();
        for writer in 0..WRITERS {
            for kind in ["set", "counter"] {
                let value = fields.get_str(own(kind, writer).as_str());
                assert_eq!(value, Some(&*expected), "round {round}: {kind} {writer}");
            }
        }
        assert_eq!(fields.len(), 2 * WRITERS + 1, "round {round}: {fields:?}");
    }
    crew.summary("updates of different fields", rounds)
}

/// Sixteen tasks increment one field: each value is returned once, and the last one is stored.
pub async fn increments(h: &dyn Harness, rounds: usize) -> Summary {
    let crew = Crew::new(h).await;
    for round in 0..rounds {
        let id = crew.session().await;
        let values = crew
            .all(WRITERS, |_, member| {
                let id = id.clone();
                async move {
                    let mut values = Vec::new();
                    for _ in 0..WRITES {
                        let outcome = member.backend.increment_field(&id, name("n"), 1).await;
                        values.push(member.did(outcome).expect("the session lives"));
                    }
                    values
                }
            })
            .await;
        assert_distinct_and_gapless(values.into_iter().flatten().collect());
        let fields = crew.fields(&id).await;
        let total = (WRITERS * WRITES).to_string();
        assert_eq!(fields.get_str("n"), Some(&*total), "round {round}");
    }
    crew.summary("increments", rounds)
}
