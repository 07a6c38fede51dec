//! A program as the client.

#[path = "../../examples/header_client.rs"]
#[allow(dead_code, reason = "its main function is not called here")]
#[allow(missing_debug_implementations)]
mod example;

use std::sync::Arc;

use session_store::admin::SessionAdmin;

use crate::{backend, serve};

#[tokio::test]
async fn it_keeps_the_id_that_the_responses_name() {
    let (backend, _) = backend();
    let server = serve(example::app(Arc::new(backend.clone()))).await;
    let expected = [
        "POST /login: Hello, ann!; an id is kept",
        "POST /count: call number 1",
        "POST /rotate: You have a new id.; the id is replaced",
        "POST /count: call number 2",
        "POST /logout: Goodbye!; the id is forgotten",
        "POST /count: Please log in.",
    ];
    assert_eq!(example::run_client(server).await.unwrap(), expected);
    assert_eq!(backend.admin().count_sessions().await.unwrap(), 0);
}
