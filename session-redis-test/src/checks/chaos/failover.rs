//! A replica takes over.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::events::Event;
use super::losses::Losses;
use crate::connect::{connect, info_field, send, until};
use crate::{RedisServer, SERVICE, Sentinels};

const LIMIT: Duration = Duration::from_secs(60);
const COMES_BACK: Duration = Duration::from_secs(1);

/// Lets the primary fail, and waits until another has its place. Which servers follow that one is
/// not known then.
pub(super) async fn fail_over(all: &mut Sentinels, old: usize, event: Event, losses: &Losses) {
    let server = all.servers.get_mut(old).expect("a server");
    let port = server.port();
    losses.open(replicated(server).await);
    match event {
        Event::PrimaryEnds => server.kill(),
        Event::PrimaryHangs => server.pause(),
        _ => {}
    }
    // Refused while the sentinels have not looked at the replicas again; and given up by them when
    // the replica is slow to take over, which is tried again for a primary that fails only.
    let is_planned = event == Event::PlannedFailover;
    let first = all.sentinels.first().expect("a sentinel");
    for sentinel in &all.sentinels {
        until("another primary is named", LIMIT, async || {
            let named = named_by(sentinel).await;
            if is_planned && named_by(first).await == port {
                let mut connection = first.connection().await;
                let command = format!("SENTINEL FAILOVER {SERVICE}");
                let _refused = send::<()>(&mut connection, &command).await;
            }
            (named != port).then_some(()).ok_or(named)
        })
        .await;
    }
    let server = all.servers.get_mut(old).expect("a server");
    match event {
        Event::PrimaryEnds => {
            // It comes back as an empty primary: not before all who use it know of the other one,
            // as operators are advised.
            sleep(COMES_BACK).await;
            server.restart().await;
        }
        Event::PrimaryHangs => server.resume(),
        _ => {}
    }
}

async fn named_by(sentinel: &RedisServer) -> u16 {
    let command = format!("SENTINEL GET-MASTER-ADDR-BY-NAME {SERVICE}");
    let (_, port): (String, u16) = said(sentinel, &command).await;
    port
}

/// Waits until all follow one primary, which is that one; it takes the sentinels eight seconds to
/// make a replica of a server that comes back as a primary.
pub(super) async fn until_agreed(all: &Sentinels) -> usize {
    until("all follow one primary", LIMIT, async || agreed(all).await).await
}

/// The primary that all sentinels name, and all replicas follow.
pub(super) async fn agreed(all: &Sentinels) -> Result<usize, String> {
    let mut ports = Vec::new();
    for sentinel in &all.sentinels {
        ports.push(named_by(sentinel).await);
    }
    ports.dedup();
    let [named] = &*ports else {
        return Err(format!("{ports:?}"));
    };
    for server in &all.servers {
        let info: String = said(server, "INFO replication").await;
        let is = |name, value: &str| info_field(&info, name) == Some(value);
        let follows = is("master_port", &named.to_string()) && is("master_link_status", "up");
        let leads = is("role", "master") && is("connected_slaves", "2");
        let is_right = if server.port() == *named {
            leads
        } else {
            follows
        };
        is_right.then_some(()).ok_or(info)?;
    }
    let place = all.servers.iter().position(|it| it.port() == *named);
    place.ok_or_else(|| format!("{named}"))
}

/// A time before which all that was written is with both replicas.
async fn replicated(primary: &RedisServer) -> Instant {
    until("the replicas have it all", LIMIT, async || {
        let (now, mut connection) = (Instant::now(), primary.connection().await);
        let mut written = redis::pipe();
        written.cmd("SET").arg("chaos").arg(1).ignore();
        written.cmd("WAIT").arg(2).arg(1000);
        let (replicas,): (usize,) = written.query_async(&mut connection).await.expect("a reply");
        (replicas == 2).then_some(now).ok_or(replicas)
    })
    .await
}

/// The reply to a command: a server that gets another role resets its connections.
pub(super) async fn said<T: redis::FromRedisValue>(server: &RedisServer, command: &str) -> T {
    until("a reply", LIMIT, async || {
        let mut connection = connect(server.port(), LIMIT).await?;
        send(&mut connection, command).await
    })
    .await
}
