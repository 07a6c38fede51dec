//! What a server executed, no more and no less.

use redis::AsyncCommands;
use session_redis_test::{Monitor, MonitoredCommand, RedisServer};

fn texts(commands: &[MonitoredCommand]) -> Vec<String> {
    commands
        .iter()
        .map(|command| command.args.join(" "))
        .collect()
}

#[tokio::test]
async fn it_shows_exactly_the_commands() {
    let server = RedisServer::start().await;
    let mut connection = server.connection().await;
    let mut monitor = Monitor::start(&server).await;
    assert_eq!(monitor.take().await, []);

    for index in 0..100 {
        connection.set::<_, _, ()>("key", index).await.unwrap();
    }
    let expected: Vec<_> = (0..100).map(|index| format!("SET key {index}")).collect();
    assert_eq!(texts(&monitor.take().await), expected);

    connection.get::<_, String>("key").await.unwrap();
    assert_eq!(texts(&monitor.take().await), ["GET key"]);
    assert_eq!(monitor.take().await, []);
}

#[tokio::test]
async fn it_shows_values_as_they_were() {
    let server = RedisServer::start().await;
    let mut connection = server.connection().await;
    let mut monitor = Monitor::start(&server).await;
    let value = "\" ] [ \\ \r\n\t\0 ä 🦀";
    connection.set::<_, _, ()>("key", value).await.unwrap();
    connection.set::<_, _, ()>("", "").await.unwrap();
    let commands = monitor.take().await;
    assert_eq!(commands[0].args, ["SET", "key", value]);
    assert_eq!(commands[1].args, ["SET", "", ""]);
}

#[tokio::test]
async fn it_tells_who_sent_a_command_and_where() {
    let server = RedisServer::start().await;
    let mut connection = server.connection().await;
    redis::cmd("SELECT")
        .arg(2)
        .exec_async(&mut connection)
        .await
        .unwrap();
    let mut monitor = Monitor::start(&server).await;
    redis::cmd("EVAL")
        .arg("return redis.call('GET', KEYS[1])")
        .arg(1)
        .arg("key")
        .exec_async(&mut connection)
        .await
        .unwrap();
    let commands = monitor.take().await;
    let [eval, get] = commands.as_slice() else {
        panic!("{commands:?}");
    };
    assert!(eval.source.starts_with("127.0.0.1:"), "{eval:?}");
    assert!(!eval.is_from_script());
    assert!(get.is_from_script());
    assert_eq!(get.args, ["GET", "key"]);
    assert_eq!((eval.db, get.db), (2, 2));
}
