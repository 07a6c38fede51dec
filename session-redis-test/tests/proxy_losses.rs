//! The proxy as a network that swallows what it is given.

mod support;

use session_redis_test::{Mode, RedisServer};
use support::request_arrives;
use support::rig::{PING, PONG, Rig};

#[tokio::test]
async fn swallow_holds_both_ways() {
    let mut rig = Rig::start().await;
    rig.proxy.set(Mode::Swallow);
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
async fn swallow_holds_the_reply_to_an_earlier_request() {
    let mut rig = Rig::start().await;
    rig.server.pause();
    rig.proxy.reset();
    rig.talk.send("INCR counter").await;
    request_arrives(&rig.proxy).await;
    rig.proxy.set(Mode::Swallow);
    rig.server.resume();
    rig.talk.expect_silence().await;
    rig.behind.ask("GET counter", "$1\r\n1\r\n").await;
}

#[tokio::test]
async fn what_was_swallowed_arrives_when_the_way_is_back() {
    let mut rig = Rig::start().await;
    rig.proxy.set(Mode::Swallow);
    rig.talk.send("INCR counter").await;
    rig.talk.send("INCR counter").await;
    rig.talk.expect_silence().await;
    let mut new = rig.another().await;
    new.send(PING).await;
    new.expect_silence().await;
    rig.behind.ask("GET counter", "$-1\r\n").await;

    rig.proxy.set(Mode::Pass);
    rig.talk.expect(":1\r\n:2\r\n").await;
    new.expect(PONG).await;

    // Also of a client that has left.
    rig.proxy.set(Mode::Swallow);
    rig.talk.send("INCR counter").await;
    rig.talk = rig.another().await;
    rig.proxy.set(Mode::Pass);
    rig.until_counter_is(3).await;
}

#[tokio::test]
async fn old_and_new_connections_have_modes_of_their_own() {
    let mut rig = Rig::start().await;
    rig.proxy.set_old(Mode::Swallow);
    rig.talk.send(PING).await;
    rig.another().await.ask(PING, PONG).await;
    rig.talk.expect_silence().await;
    rig.proxy.set(Mode::Pass);
    rig.talk.expect(PONG).await;
    rig.proxy.set_new(Mode::Swallow);
    rig.talk.ask(PING, PONG).await;
    let mut new = rig.another().await;
    new.send(PING).await;
    new.expect_silence().await;
}

#[tokio::test]
async fn a_name_moves_and_its_connections_stay() {
    let mut rig = Rig::start().await;
    rig.talk.ask("SET where old", "+OK\r\n").await;
    let other = RedisServer::start().await;
    rig.proxy.move_to(other.addr());
    rig.another().await.ask("GET where", "$-1\r\n").await;
    rig.talk.ask("GET where", "$3\r\nold\r\n").await;
}

#[tokio::test]
async fn an_idle_connection_survives_it() {
    let mut rig = Rig::start().await;
    rig.proxy.set(Mode::Swallow);
    rig.talk.expect_silence().await;
    rig.proxy.set(Mode::Pass);
    rig.talk.ask(PING, PONG).await;
}

#[tokio::test]
async fn swallow_hides_the_death_of_the_server() {
    let mut rig = Rig::start().await;
    rig.proxy.set(Mode::Swallow);
    rig.server.kill();
    rig.talk.expect_silence().await;
    rig.proxy.cut_all().await;
    rig.talk.expect_reset().await;
}

#[tokio::test]
async fn swallowed_replies_let_the_server_act() {
    let mut rig = Rig::start().await;
    rig.proxy.set(Mode::SwallowReplies);
    rig.talk.send("INCR counter").await;
    rig.talk.expect_silence().await;
    rig.behind.ask("GET counter", "$1\r\n1\r\n").await;
    rig.proxy.set(Mode::Pass);
    rig.talk.expect(":1\r\n").await;
}

#[tokio::test]
async fn dropped_replies_end_bursts() {
    let mut rig = Rig::start().await;
    rig.proxy.set(Mode::SwallowReplies);
    rig.proxy.reset();
    for _ in 0..3 {
        rig.talk.send(PING).await;
        rig.talk.expect_silence().await;
    }
    assert_eq!(rig.proxy.bursts(), 3);
    assert_eq!(rig.proxy.reply_bytes(), 3 * PONG.len() as u64);
}
