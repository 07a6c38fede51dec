//! Sessions in a database survive the program, however it ends.

use rustix::process::Signal;

use crate::support::Store;

#[tokio::test]
async fn sessions_survive_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let schema = session_sqlx_test::shared().await.schema().await;
    for (store, backend) in [
        (Store::in_file(&folder.path().join("a b?.db")), "sqlite"),
        (Store::in_database(&schema.url()), "postgres"),
    ] {
        let mut demo = store.serve().await;
        let visitor = demo.visitor();
        visitor.log_in("Ann", "600").await;
        for count in 2..=5 {
            let answer = visitor.post("/increment", &[]).await;
            assert_eq!(answer.json()["page_views"], count);
        }
        let cookie = visitor.cookie().unwrap();
        demo.signal(Signal::KILL);
        demo.end().await;

        let demo = store.serve().await;
        let visitor = demo.visitor().with_cookie(&cookie);
        assert_eq!(visitor.get("/session").await.field("page_views"), "5");
        let answer = visitor.post("/increment", &[]).await;
        assert_eq!(answer.json()["page_views"], 6);
        assert_eq!(answer.field("username"), "Ann");
        let about = visitor.get("/backend").await.json();
        assert_eq!(about["backend"], backend);
        assert_eq!(about["ids_hashed"], true);
        let metrics = visitor.get("/metrics").await.body;
        let name = backend.replace("postgres", "postgresql");
        assert!(
            metrics.contains(&format!(r#"backend="{name}""#)),
            "{metrics}"
        );
        visitor.post("/logout", &[]).await;
        assert!(!visitor.is_logged_in().await);
    }
}
