//! Replies that are cut off at each byte: what an error says of its effect is true.

use session_conformance::Runner;
use session_core::{Delta, Effect, Result, SessionBackend as _, SessionId};
use session_sqlx::PostgresBackend;
use session_sqlx_test::{Mode, Proxy, shared};

use crate::kit::{PATIENT, count, create, name, principal, unlimited, until_well};

pub(crate) fn add(runner: Runner) -> Runner {
    runner.test("lost_replies::are_unknown_only_where_they_must_be", cut)
}

/// What is one statement is applied or not once it was sent; of a transaction only its commit.
async fn cut() {
    let schema = shared().await.schema().await;
    let proxy = Proxy::start(schema.addr()).await;
    let backend = |url: &str| {
        let builder = PostgresBackend::builder(url).unwrap().policy(unlimited());
        builder.deadline(PATIENT).max_connections(1).build()
    };
    let store = backend(&schema.url_at(proxy.addr()));
    let direct = backend(&schema.url());
    let counting = Delta::new().increment(name("views"), 1);
    let expecting = counting.clone().expect_value(name("views"), "0");
    let binding = counting.clone().bind(principal("ann"));
    for what in ["count", "expect", "rotate", "log in"] {
        let run = async |mode| {
            // A connection that knows no statement yet, so that replies are equally long.
            proxy.cut_all().await;
            until_well("the backend connects", || store.ping()).await;
            let id = create(&direct).await.id;
            proxy.reset();
            proxy.set(mode);
            let result = match what {
                "count" => count(&store, &id).await.map(drop),
                "expect" => store.update_session(&id, expecting.clone()).await.map(drop),
                "rotate" => store.rotate_session(&id, counting.clone()).await.map(drop),
                _ => store.rotate_session(&id, binding.clone()).await.map(drop),
            };
            proxy.set(Mode::Pass);
            let result = result.map_err(|error| error.effect());
            (result, is_changed(&direct, &id).await.unwrap())
        };
        assert_eq!(run(Mode::Pass).await, (Ok(()), true), "{what}");
        let whole = usize::try_from(proxy.reply_bytes()).unwrap();
        let cuts = (0..20).map(|n| whole * n / 20);
        let mut found = [0; 4];
        for cut in cuts.chain((whole - 40..whole).step_by(4)) {
            found[match run(Mode::CutAfter(cut)).await {
                (Ok(()), true) => 0,
                (Err(Effect::NotApplied), false) => 1,
                (Err(Effect::Unknown), false) => 2,
                (Err(Effect::Unknown), true) => 3,
                other => panic!("{what}, cut at {cut} of {whole}: {other:?}"),
            }] += 1;
        }
        let [done, not, unknown, applied] = found;
        println!("{what}: {done} done, {not} not applied, {unknown} + {applied} unknown");
        assert!(applied > 0, "{what}: a reply is lost");
        match what {
            "count" => assert_eq!(not, 0, "it is one statement"),
            _ => assert!(not >= 15, "{what}: nothing is applied before its commit"),
        }
    }
}

/// Whether the session was counted in, or has another id.
async fn is_changed(backend: &PostgresBackend, id: &SessionId) -> Result<bool> {
    let found = backend.peek_session(id).await?;
    Ok(found.is_none_or(|it| it.fields().get_str("views") != Some("0")))
}
