//! Metrics, as Prometheus has them.

#[path = "../../examples/prometheus.rs"]
#[allow(dead_code, reason = "its main function is not called here")]
mod example;

use std::fs;
use std::process::Stdio;

use serde_json::Value;
use session_store::SessionCookie;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::collector::{Collector, until};
use crate::{Browser, open, serve};

/// The part of a log that follows this.
fn after<'a>(log: &'a str, what: &str) -> Option<&'a str> {
    let line = log.lines().find(|line| line.contains("Listening on"))?;
    line.split_once(what)?.1.split(['"', ' ']).next()
}

#[tokio::test]
async fn prometheus_collects_what_sessions_do() {
    let metrics = serve(example::for_operators(example::collect().unwrap())).await;
    let sessions = example::sessions("memory:").await.unwrap();
    let mut browser = Browser::new(example::app(sessions, SessionCookie::default()).into());
    for visit in 1..=3 {
        assert_eq!(open(&mut browser, "/").await, format!("Visit {visit}\n"));
    }

    let url = format!("http://{metrics}/metrics");
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    let mut check = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("promtool, which scripts/setup-tests installs");
    let mut stdin = check.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).await.unwrap();
    drop(stdin);
    assert!(check.wait().await.unwrap().success(), "{text}");

    let prometheus = Collector::start("prometheus", |files| {
        let config = format!(
            "scrape_configs: [{{job_name: shop, scrape_interval: 1s, static_configs: [{{targets: ['{metrics}']}}]}}]"
        );
        fs::write(files.join("config"), config).unwrap();
        let files = files.display();
        vec![
            format!("--config.file={files}/config"),
            format!("--storage.tsdb.path={files}/data"),
            "--web.listen-address=127.0.0.1:0".to_owned(),
        ]
    });
    let listening = async || {
        after(&prometheus.log(), "address=")
            .map(str::to_owned)
            .ok_or(())
    };
    let address = until("Prometheus to listen", listening).await;
    // Other tests of this process count as well.
    for (query, least) in [
        (
            r#"session_operations_total{operation="insert",outcome="done"}"#,
            1.0,
        ),
        (
            r#"session_operations_total{operation="write",backend="memory"}"#,
            2.0,
        ),
        (
            r#"session_operation_duration_seconds_count{operation="write"}"#,
            2.0,
        ),
        (
            r#"session_operation_duration_seconds_bucket{operation="write",le="2.5"}"#,
            2.0,
        ),
    ] {
        let url = format!("http://{address}/api/v1/query");
        let url = reqwest::Url::parse_with_params(&url, [("query", query)]).unwrap();
        let found = async || {
            let reply = reqwest::get(url.clone())
                .await
                .map_err(|error| error.to_string())?;
            let reply = reply.text().await.map_err(|error| error.to_string())?;
            let json: Value = serde_json::from_str(&reply).map_err(|error| error.to_string())?;
            let value = json["data"]["result"][0]["value"][1].as_str();
            let value = value.and_then(|value| value.parse::<f64>().ok());
            value.filter(|value| *value >= least).ok_or(reply)
        };
        until(query, found).await;
    }
}
