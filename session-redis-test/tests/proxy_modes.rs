//! The proxy as a network that is slow, breaks off, or refuses.

mod support;

use std::time::{Duration, Instant};

use session_redis_test::Mode;
use support::rig::{PING, PONG, Rig};
use support::{SOON, Talk, request_arrives};
use tokio::time::timeout;

#[tokio::test]
async fn delayed_replies_arrive_later() {
    const DELAY: Duration = Duration::from_millis(500);
    let mut rig = Rig::start().await;
    rig.proxy.set(Mode::DelayReplies(DELAY));
    let began = Instant::now();
    rig.talk.send("INCR counter").await;
    // The server is not delayed.
    rig.until_counter_is(1).await;
    assert!(began.elapsed() < DELAY);
    rig.talk.expect(":1\r\n").await;
    assert!(began.elapsed() >= DELAY);

    // What comes a little later is only a little later.
    let began = Instant::now();
    rig.talk.send("INCR counter").await;
    tokio::time::sleep(DELAY / 4).await;
    rig.talk.send("INCR counter").await;
    rig.talk.expect(":2\r\n:3\r\n").await;
    assert!(began.elapsed() >= DELAY * 5 / 4);
    assert!(began.elapsed() < DELAY * 2, "{:?}", began.elapsed());
}

#[tokio::test]
async fn replies_keep_their_order_when_the_delay_ends() {
    let mut rig = Rig::start().await;
    rig.proxy
        .set(Mode::DelayReplies(Duration::from_millis(200)));
    rig.talk.send("INCR counter").await;
    rig.until_counter_is(1).await;
    rig.proxy.set(Mode::Pass);
    rig.talk.send("INCR counter").await;
    rig.talk.expect(":1\r\n:2\r\n").await;
}

#[tokio::test]
async fn cut_before_reply_executes_once_and_tells_nobody() {
    let mut rig = Rig::start().await;
    rig.proxy.set(Mode::CutBeforeReply);
    rig.talk.send("INCR counter").await;
    rig.talk.expect_end().await;
    rig.behind.ask("GET counter", "$1\r\n1\r\n").await;
    // It strikes once.
    assert_eq!(rig.proxy.mode(), Mode::Pass);
    rig.another().await.ask("INCR counter", ":2\r\n").await;
}

#[tokio::test]
async fn a_cut_strikes_one_of_many_connections() {
    let rig = Rig::start().await;
    let mut talks = vec![rig.talk];
    for _ in 0..4 {
        talks.push(Talk::to(rig.proxy.addr()).await);
    }
    rig.proxy.set(Mode::CutBeforeReply);
    let mut ended = 0;
    for talk in &mut talks {
        talk.send(PING).await;
    }
    for talk in &mut talks {
        ended += usize::from(!talk.answers(PONG).await);
    }
    assert_eq!(ended, 1);
}

#[tokio::test]
async fn a_cut_waits_for_a_request() {
    let mut rig = Rig::start().await;
    // A reply that is under way when the mode is set is not the next request's.
    rig.proxy.reset();
    rig.talk.send("BLPOP list 5").await;
    request_arrives(&rig.proxy).await;
    rig.proxy.set(Mode::CutBeforeReply);
    rig.behind.ask("RPUSH list x", ":1\r\n").await;
    rig.talk.expect("*2\r\n$4\r\nlist\r\n$1\r\nx\r\n").await;
    assert_eq!(rig.proxy.mode(), Mode::CutBeforeReply);
    rig.talk.send(PING).await;
    rig.talk.expect_end().await;
}

#[tokio::test]
async fn a_cut_called_off_does_not_strike() {
    let mut rig = Rig::start().await;
    rig.server.pause();
    rig.proxy.reset();
    rig.proxy.set(Mode::CutBeforeReply);
    rig.talk.send(PING).await;
    request_arrives(&rig.proxy).await;
    rig.proxy.set(Mode::Pass);
    rig.server.resume();
    rig.talk.expect(PONG).await;
}

#[tokio::test]
async fn cut_after_lets_so_many_bytes_pass() {
    let mut rig = Rig::start().await;
    rig.behind.ask("SET key 0123456789", "+OK\r\n").await;
    rig.proxy.set(Mode::CutAfter(9));
    rig.talk.send("GET key").await;
    rig.talk.expect("$10\r\n0123").await;
    rig.talk.expect_end().await;
    assert_eq!(rig.proxy.mode(), Mode::Pass);
    rig.another()
        .await
        .ask("GET key", "$10\r\n0123456789\r\n")
        .await;
}

#[tokio::test]
async fn cut_after_counts_over_replies() {
    let mut rig = Rig::start().await;
    rig.proxy.set(Mode::CutAfter(PONG.len() + 3));
    rig.talk.ask(PING, PONG).await;
    rig.talk.send(PING).await;
    rig.talk.expect("+PO").await;
    rig.talk.expect_end().await;
}

#[tokio::test]
async fn refuse_closes_new_connections_and_keeps_old_ones() {
    let mut rig = Rig::start().await;
    rig.proxy.set(Mode::Refuse);
    rig.another().await.expect_reset().await;
    assert_eq!(rig.proxy.connections(), 2);
    rig.talk.ask(PING, PONG).await;

    rig.proxy.cut_all().await;
    rig.talk.expect_reset().await;
    rig.proxy.set(Mode::Pass);
    rig.another().await.ask(PING, PONG).await;
}

#[tokio::test]
async fn cut_all_resets_what_there_is_and_nothing_later() {
    let mut rig = Rig::start().await;
    let mut other = rig.another().await;
    other.ask(PING, PONG).await;
    rig.proxy.cut_all().await;
    rig.talk.expect_reset().await;
    other.expect_reset().await;
    let mut new = rig.another().await;
    new.ask(PING, PONG).await;
    rig.proxy.cut_all().await;
    new.expect_reset().await;
    // With nothing to cut, there is nothing to wait for.
    timeout(SOON, rig.proxy.cut_all()).await.unwrap();
}

#[tokio::test]
async fn half_a_request_is_cut_with_its_connection() {
    let mut rig = Rig::start().await;
    rig.proxy.reset();
    rig.talk.send_raw("*2\r\n$4\r\nINCR\r\n$7\r\ncoun").await;
    request_arrives(&rig.proxy).await;
    rig.proxy.cut_all().await;
    rig.talk.expect_reset().await;
    rig.behind.ask("GET counter", "$-1\r\n").await;
    rig.another().await.ask("INCR counter", ":1\r\n").await;
}

#[tokio::test]
async fn each_connection_is_cut_at_the_same_byte() {
    let mut rig = Rig::start().await;
    rig.proxy.set(Mode::CutEach(9));
    for _ in 0..2 {
        rig.talk.ask(PING, PONG).await;
        rig.talk.send(PING).await;
        rig.talk.expect("+P").await;
        rig.talk.expect_end().await;
        rig.talk = rig.another().await;
    }
    rig.proxy.set(Mode::Pass);
    for _ in 0..3 {
        rig.talk.ask(PING, PONG).await;
    }
}

#[tokio::test]
async fn a_server_that_accepts_and_closes() {
    let mut rig = Rig::start().await;
    rig.proxy.set(Mode::Close);
    rig.another().await.expect_end().await;
    rig.talk.ask(PING, PONG).await;
}

#[tokio::test]
async fn bytes_trickle_until_they_pass() {
    let mut rig = Rig::start().await;
    rig.proxy.set(Mode::Trickle(Duration::from_millis(50)));
    let began = Instant::now();
    rig.talk.ask(PING, PONG).await;
    assert!(began.elapsed() >= Duration::from_millis(7 * 50));
    rig.talk.send(PING).await;
    rig.proxy.set(Mode::Pass);
    rig.talk.expect(PONG).await;
}

#[tokio::test]
async fn errors_stand_for_scripts_that_did_not_run() {
    let mut rig = Rig::start().await;
    rig.proxy.set(Mode::Error("LOADING really"));
    let script = "*3\r\n$7\r\nEVALSHA\r\n$1\r\n0\r\n$1\r\n0\r\n";
    let ping = "*1\r\n$4\r\nPING\r\n";
    rig.talk.send_raw(&[script, ping, script].concat()).await;
    rig.talk
        .expect("-LOADING really\r\n+PONG\r\n-NOSCRIPT")
        .await;
    rig.proxy.set(Mode::Garbage);
    rig.another().await.send(PING).await;
}
