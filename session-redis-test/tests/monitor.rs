//! What a server executed, no more and no less.

use redis::AsyncCommands;
use session_redis_test::{Monitor, RedisServer};

#[tokio::test]
async fn it_shows_exactly_the_commands_byte_for_byte() {
    let server = RedisServer::start().await;
    let mut connection = server.connection().await;
    let mut monitor = Monitor::start(&server).await;
    assert_eq!(monitor.take().await, []);

    let mut expected = Vec::new();
    for n in 0..100 {
        // Every byte, and every pair of bytes that one of these begins.
        let value: Vec<u8> = (0..=255).flat_map(|byte| [n, byte]).collect();
        connection.set::<_, _, ()>("", &value).await.unwrap();
        expected.push(vec![b"SET".to_vec(), Vec::new(), value]);
    }
    let commands = monitor.take().await.into_iter();
    assert_eq!(commands.map(|it| it.args).collect::<Vec<_>>(), expected);
    assert_eq!(monitor.take().await, []);
}

#[tokio::test]
async fn it_tells_scripts_from_clients() {
    let server = RedisServer::start().await;
    let mut monitor = Monitor::start(&server).await;
    redis::cmd("EVAL")
        .arg("return redis.call('GET', KEYS[1])")
        .arg(1)
        .arg("key")
        .exec_async(&mut server.connection().await)
        .await
        .unwrap();
    let commands = monitor.take().await;
    let commands = commands.iter().map(|it| (it.name(), it.is_from_script()));
    let expected = [("EVAL".to_owned(), false), ("GET".to_owned(), true)];
    let calls = commands.filter(|(name, _)| !name.starts_with("CLIENT"));
    assert_eq!(calls.collect::<Vec<_>>(), expected);
}
