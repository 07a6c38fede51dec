//! What the program counts.

use crate::support::{Backend, Demo};

#[tokio::test]
async fn what_it_does_is_counted_and_says_nothing_of_anybody() {
    for backend in [Backend::Memory, Backend::RedisRs, Backend::Fred] {
        let demo = Demo::on(backend).await;
        let visitor = demo.visitor();
        visitor.log_in("CANARY-NAME", "60").await;
        visitor.get("/session").await;
        visitor.post("/rotate", &[]).await;
        visitor.post("/increment", &[]).await;
        let cookie = visitor.cookie().unwrap();
        visitor.post("/logout", &[]).await;
        let answer = demo.visitor().get("/metrics").await;
        assert_eq!(answer.status, 200);
        let kind = answer.header("content-type");
        assert_eq!(kind, Some("text/plain; version=0.0.4; charset=utf-8"));
        assert_eq!(answer.set_cookie(), None);
        let (text, name) = (&answer.body, backend.name());
        let of = |operation: &str| {
            format!(r#"{{operation="{operation}",outcome="done",backend="{name}"}} "#)
        };
        let mut expected = ["insert", "read", "write", "rename", "remove"]
            .map(|step| format!("session_operations_total{}", of(step)))
            .to_vec();
        expected.push("# TYPE session_operation_duration_seconds histogram".to_owned());
        expected.push("# HELP session_operations_total Steps".to_owned());
        if backend != Backend::Memory {
            expected.push(r#"session_connection_state{state="up","#.to_owned());
            expected.push(r#"session_connection_attempts_total{outcome="connected","#.to_owned());
            expected.push("session_server_info{product=".to_owned());
        }
        for part in expected {
            assert!(text.contains(&part), "{part}: {text}");
        }
        assert!(
            !text.contains("CANARY") && !text.contains(&cookie),
            "{text}"
        );
    }
}
