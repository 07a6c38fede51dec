//! When all is over: what there is, against all that is known.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use session_core::{SessionBackend, StoredSession};

use super::ledger::{Ledger, locked};
use super::losses::Wrong;
use super::session::{COUNTER, OWNER, PAIRS};
use super::stage::Stage;
use crate::connect::send;

/// Looks at each session that is known, by each of its ids.
pub(super) async fn by_ids(backend: Arc<dyn SessionBackend>, ledger: Arc<Ledger>) -> usize {
    let (live, ended) = (ledger.live(), ledger.ended());
    let mut looks = 0;
    for session in live.iter().chain(&ended) {
        let ids = {
            let session = locked(session);
            let former = session.former.iter().map(|it| it.0.clone());
            session
                .ids
                .iter()
                .cloned()
                .chain(former)
                .collect::<Vec<_>>()
        };
        let mut found = 0;
        for id in &ids {
            let began = Instant::now();
            looks += 1;
            match backend.peek_session(id).await {
                Ok(Some(record)) => {
                    found += 1;
                    ledger.found(session, id, began, Some(&record));
                }
                Ok(None) => ledger.missed(session, id, began),
                Err(error) => ledger
                    .violations
                    .add(Wrong("not healed", format!("{error:?}"))),
            }
        }
        let state = locked(session);
        let may_be_nowhere = state.dooms > 0 || state.ended.is_some();
        if found == 0 && !may_be_nowhere && state.is_sure(&ledger.losses) {
            let what = format!("session {} under {} ids", state.number, ids.len());
            ledger.violations.add(Wrong("lost session", what));
        }
    }
    looks
}

/// Looks at each key of the servers: whole sessions, each once, none that has ended.
pub(super) async fn by_keys(stage: &Stage, prefix: &str, ledger: &Ledger) -> usize {
    let mut seen = HashMap::new();
    let partial = |what: String| ledger.violations.add(Wrong("partial session", what));
    for server in stage.primaries() {
        let mut connection = server.connection().await;
        let keys: Vec<Vec<u8>> = send(&mut connection, &format!("KEYS {prefix}*"))
            .await
            .expect("the keys");
        for key in keys {
            let mut kind = redis::cmd("TYPE");
            let kind: String = kind
                .arg(&key)
                .query_async(&mut connection)
                .await
                .expect("a type");
            if kind != "hash" {
                continue;
            }
            let mut read = redis::cmd("HGETALL");
            let hash: HashMap<String, String> = read
                .arg(&key)
                .query_async(&mut connection)
                .await
                .expect("a hash");
            // A tombstone that has just expired.
            if hash.is_empty() {
                continue;
            }
            if hash.contains_key("session_rotated") {
                if hash.len() > 1 {
                    partial(format!("a tombstone with {} fields", hash.len()));
                }
                continue;
            }
            let names = PAIRS.iter().flatten().chain(&[OWNER, COUNTER]);
            let missing: Vec<_> = names.filter(|it| !hash.contains_key(**it)).collect();
            let number = hash.get(OWNER).and_then(|it| it.parse::<u64>().ok());
            if let Err(invalid) = StoredSession::parse(hash.clone()) {
                partial(format!("{invalid:?}"));
            }
            let Some(number) = number.filter(|_| missing.is_empty()) else {
                partial(format!("without {missing:?}"));
                continue;
            };
            *seen.entry(number).or_insert(0) += 1;
            let end = ledger.end_of(number);
            if end.is_some_and(|at| ledger.losses.is_sure(at)) {
                let what = format!("session {number} in the store");
                ledger.violations.add(Wrong("resurrection", what));
            }
        }
    }
    for (number, keys) in &seen {
        if *keys > 1 {
            let what = format!("session {number} under {keys} keys");
            ledger.violations.add(Wrong("rotated id lives", what));
        }
    }
    seen.len()
}
