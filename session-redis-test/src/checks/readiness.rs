//! Servers that reply and cannot store sessions.

use std::fs;
use std::time::{Duration, Instant};

use session_core::{Delta, Effect, ErrorKind, SessionBackend};

use super::{Subject, assert_refused, create, login, name, until_well};
use crate::RedisServer;
use crate::connect::until;
use crate::harness::Connect;

/// How long a server that was demoted may be read, and what a busy machine adds to it.
const DEMOTION: Duration = Duration::from_secs(2);
const SLACK: Duration = Duration::from_secs(1);

/// While sessions cannot be stored `ping` fails, for the reason there is; what changes a session is
/// refused and changes nothing; and a session is read all the same, without its expiry, where the
/// server is still the right one.
pub async fn a_server_that_takes_no_writes_is_not_ready(connect: Connect) {
    let dump = "dump";
    let server = RedisServer::builder()
        .arg("dbfilename", dump)
        .config_line("save 3600 1")
        .start()
        .await;
    let subject = Subject::at(connect, server.url());
    let backend = &*subject.backend;
    let id = create(backend).await.id;
    let key = String::from_utf8(subject.keys.session(&id)).expect("a text");
    let expiry = format!("PEXPIRETIME {key}");
    let save = async |status| {
        until("a dump", Duration::from_secs(10), async || {
            let _ = redis::cmd("BGSAVE")
                .exec_async(&mut server.connection().await)
                .await;
            let info: String = server.ask("INFO persistence").await;
            let says = format!("rdb_last_bgsave_status:{status}\r");
            info.contains(&says).then_some(()).ok_or(info)
        })
        .await;
    };
    for fault in ["READONLY", "OOM", "MISCONF", "NOREPLICAS"] {
        until_well("before", || backend.get_session(&id)).await;
        let before: u64 = server.ask(&expiry).await;
        match fault {
            "READONLY" => server.ask::<()>("REPLICAOF 127.0.0.1 1").await,
            "OOM" => server.ask::<()>("CONFIG SET maxmemory 1kb").await,
            "MISCONF" => {
                // Where the dump would be there is a directory.
                fs::create_dir(server.directory().join(dump)).expect("a directory");
                save("err").await;
            }
            _ => server.ask::<()>("CONFIG SET min-replicas-to-write 1").await,
        }
        let began = Instant::now();
        let kind = match fault {
            "OOM" => ErrorKind::StoreFull,
            _ => ErrorKind::Unavailable,
        };
        assert_refused(backend.ping().await, kind);
        let growth = Delta::new().set(name("a"), "b");
        let mut refused = vec![
            backend.create_session(login()).await.err(),
            backend.update_session(&id, growth).await.err(),
        ];
        if fault != "OOM" {
            let read = backend.get_session(&id).await.expect("it can be read");
            assert!(read.is_some(), "{fault}");
            let after: u64 = server.ask(&expiry).await;
            assert_eq!(after, before, "{fault}: the expiry did not slide");
            refused.push(backend.delete_session(&id).await.err());
        }
        for error in refused {
            let error = error.expect("it is refused");
            // fred may have dropped the connection, and all that was under way on it, for that
            // reply.
            let is_known = error.effect() == Effect::NotApplied;
            assert!(is_known || fault == "READONLY", "{error:?}");
            assert_eq!(error.kind(), kind, "{error:?}");
        }
        if fault == "READONLY" {
            let refused = until("it is not the master", DEMOTION + SLACK, async || {
                backend.get_session(&id).await.err().ok_or("it can be read")
            })
            .await;
            println!("not read any more after {:?}", began.elapsed());
            assert_eq!(refused.kind(), kind);
            let fresh = Subject::at(connect, server.url()).backend;
            assert_refused(fresh.ping().await, kind);
            let error = fresh.get_session(&id).await.expect_err("it never was");
            assert_eq!(error.kind(), kind, "{error:?}");
        }
        match fault {
            "READONLY" => server.ask::<()>("REPLICAOF NO ONE").await,
            "OOM" => server.ask::<()>("CONFIG SET maxmemory 0").await,
            "MISCONF" => {
                fs::remove_dir(server.directory().join(dump)).expect("it is empty");
                save("ok").await;
            }
            _ => server.ask::<()>("CONFIG SET min-replicas-to-write 0").await,
        }
        until_well(fault, || backend.ping()).await;
        let read = backend.get_session(&id).await;
        assert!(read.expect("it is read").is_some());
    }
}
