//! Spans, as a collector of OpenTelemetry has them.

#[path = "../../examples/otlp.rs"]
#[allow(dead_code, reason = "its main function is not called here")]
mod example;

use std::path::Path;

use session_redis_test::Port;

use crate::collector::{Collector, until};

/// Installed by `scripts/setup-tests`.
const ROTEL: &str = "../.test-tools/servers/rotel-0.0.1-alpha10/rotel-agent";

/// The part of the collector's log that is about the span of this name.
fn of_span<'a>(log: &'a str, name: &str) -> Option<&'a str> {
    let name = format!("Name           : {name}\n");
    log.split("Span #").find(|span| span.contains(&name))
}

#[tokio::test]
async fn a_collector_gets_a_span_for_each_step() {
    let [http, grpc] = [(); 2].map(|()| Port::reserve());
    let address = |port: &Port| format!("127.0.0.1:{}", port.number());
    let collector = Path::new(env!("CARGO_MANIFEST_DIR")).join(ROTEL);
    let collector = Collector::start(collector, |files| {
        let pid_file = files.join("pid").display().to_string();
        let log_file = files.join("own-log").display().to_string();
        let args = [
            ["--exporter", "blackhole"],
            ["--debug-log", "traces"],
            ["--debug-log-verbosity", "detailed"],
            ["--otlp-http-endpoint", &address(&http)],
            ["--otlp-grpc-endpoint", &address(&grpc)],
            ["--pid-file", &pid_file],
            ["--log-file", &log_file],
        ];
        let args = [&["start"][..], args.as_flattened()].concat();
        args.into_iter().map(str::to_owned).collect()
    });
    let connected = async || tokio::net::TcpStream::connect(address(&http)).await;
    until("the collector to listen", connected).await;

    let provider = example::exporter(&format!("http://{}", address(&http))).unwrap();
    {
        let _subscriber = tracing::subscriber::set_default(example::subscriber(&provider));
        let sessions = example::sessions("memory:").await.unwrap();
        example::requests(&*sessions).await.unwrap();
    }
    provider.shutdown().unwrap();

    let names = ["ping", "insert", "read", "rename", "write", "remove"];
    let all = async || {
        let log = collector.log();
        let is_there = |name: &&str| of_span(&log, &format!("{name} memory")).is_some();
        let is_all = names.iter().all(is_there) && log.contains("POST /logout");
        if is_all { Ok(log) } else { Err(log) }
    };
    let log = until("all spans", all).await;
    for name in names {
        let span = of_span(&log, &format!("{name} memory")).unwrap();
        for part in [
            "Kind           : SPAN_KIND_CLIENT",
            "-> db.system.name: Str(memory)",
            &format!("-> db.operation.name: Str({name})"),
            "-> session.outcome: Str(done)",
        ] {
            assert!(span.contains(part), "{part}: {span}");
        }
        // All but what looks whether the store is there serve a request.
        let is_root = span.contains("Parent ID      : \n");
        assert_eq!(is_root, name == "ping", "{span}");
    }
    assert!(log.contains("service.name: Str(shop)"), "{log}");
    // Of the person who logged in there is nothing.
    assert!(!log.contains("ann@"), "{log}");
}
