//! The proxy as a network that loses what it is given.

mod support;

use session_redis_test::Mode;
use support::request_arrives;
use support::rig::{PING, PONG, Rig};

#[tokio::test]
async fn blackhole_swallows_both_ways() {
    let mut rig = Rig::start().await;
    rig.proxy.set(Mode::Blackhole);
    rig.talk.send("INCR counter").await;
    rig.talk.expect_silence().await;
    rig.behind.ask("GET counter", "$-1\r\n").await;
    // A new connection is accepted, and as silent.
    let mut new = rig.another().await;
    new.send(PING).await;
    new.expect_silence().await;
    assert_eq!(rig.proxy.connections(), 2);
}

#[tokio::test]
async fn blackhole_swallows_the_reply_to_an_earlier_request() {
    let mut rig = Rig::start().await;
    rig.server.pause();
    rig.proxy.reset();
    rig.talk.send("INCR counter").await;
    request_arrives(&rig.proxy).await;
    rig.proxy.set(Mode::Blackhole);
    rig.server.resume();
    rig.talk.expect_silence().await;
    rig.behind.ask("GET counter", "$1\r\n1\r\n").await;
}

#[tokio::test]
async fn a_connection_that_lost_bytes_stays_lost() {
    let mut rig = Rig::start().await;
    rig.proxy.set(Mode::Blackhole);
    rig.talk.send("SET key one").await;
    rig.talk.expect_silence().await;
    let mut new = rig.another().await;
    new.send(PING).await;
    new.expect_silence().await;

    // The reply to this would be taken for the reply to the lost one.
    rig.proxy.set(Mode::Pass);
    rig.talk.send("GET key").await;
    rig.talk.expect_silence().await;
    new.send(PING).await;
    new.expect_silence().await;
    rig.another().await.ask(PING, PONG).await;

    rig.proxy.cut_all().await;
    rig.talk.expect_reset().await;
}

#[tokio::test]
async fn an_idle_connection_survives_a_blackhole() {
    let mut rig = Rig::start().await;
    rig.proxy.set(Mode::Blackhole);
    rig.talk.expect_silence().await;
    rig.proxy.set(Mode::Pass);
    rig.talk.ask(PING, PONG).await;
}

#[tokio::test]
async fn blackhole_hides_the_death_of_the_server() {
    let mut rig = Rig::start().await;
    rig.proxy.set(Mode::Blackhole);
    rig.server.kill();
    rig.talk.expect_silence().await;
    rig.proxy.cut_all().await;
    rig.talk.expect_reset().await;
}

#[tokio::test]
async fn drop_replies_lets_the_server_act() {
    let mut rig = Rig::start().await;
    rig.proxy.set(Mode::DropReplies);
    rig.talk.send("INCR counter").await;
    rig.talk.expect_silence().await;
    rig.behind.ask("GET counter", "$1\r\n1\r\n").await;

    // Requests still pass afterwards, replies no more: one is missing before them.
    rig.proxy.set(Mode::Pass);
    rig.talk.send("INCR counter").await;
    rig.talk.expect_silence().await;
    rig.behind.ask("GET counter", "$1\r\n2\r\n").await;
    rig.another().await.ask(PING, PONG).await;
}

#[tokio::test]
async fn dropped_replies_end_bursts() {
    let mut rig = Rig::start().await;
    rig.proxy.set(Mode::DropReplies);
    rig.proxy.reset();
    for _ in 0..3 {
        rig.talk.send(PING).await;
        rig.talk.expect_silence().await;
    }
    assert_eq!(rig.proxy.bursts(), 3);
    assert_eq!(rig.proxy.reply_bytes(), 3 * PONG.len() as u64);
}

#[tokio::test]
async fn a_client_behind_dropped_replies_can_leave() {
    let mut rig = Rig::start().await;
    rig.proxy.set(Mode::DropReplies);
    rig.talk.send(PING).await;
    rig.talk.expect_silence().await;
    rig.server.kill();
    rig.talk.expect_silence().await;
    rig.talk.close_sending().await;
    rig.talk.expect_end_of_any_kind().await;
}
