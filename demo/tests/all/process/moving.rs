//! A store in use goes over from plain ids to hashed ones.

use crate::support::{Backend, Store};

#[tokio::test]
async fn nobody_is_logged_out_on_the_way_to_hashed_ids() {
    let store = Store::new(Backend::Fred).await;
    let form = |form| store.with(&["--id-storage", form]);
    let mut users = Vec::new();
    for step in ["plain", "plain-before-hashed", "hashed-after-plain"] {
        let demo = form(step).serve().await;
        let visitor = demo.visitor();
        visitor.log_in(step, "600").await;
        users.push((step, visitor.cookie().unwrap()));
        for (name, cookie) in &users {
            let visitor = demo.visitor().with_cookie(cookie);
            let answer = visitor.post("/increment", &[]).await;
            assert_eq!(answer.field("username"), *name);
            assert_eq!(visitor.cookie().as_ref(), Some(cookie));
            assert_eq!(visitor.list().await.len(), 1, "{name}");
        }
    }
    // The last step ends the plain ones.
    let demo = form("hashed").serve().await;
    for (name, cookie) in &users {
        let visitor = demo.visitor().with_cookie(cookie);
        let is_hashed = *name == "hashed-after-plain";
        assert_eq!(visitor.is_logged_in().await, is_hashed, "{name}");
    }
}
