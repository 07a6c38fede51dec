//! A store that is away, as a person sees it.

use session_redis_test::{Mode, Proxy, shared};

use super::page::Page;
use crate::support::{Backend, Demo};

async fn a_store_that_is_away_is_said_so(backend: Backend) {
    let proxy = Proxy::start(shared().await.addr()).await;
    let demo = Demo::at(backend, proxy.addr()).await;
    let page = Page::of(&demo).await;
    page.log_in("Ann", "600").await;

    proxy.set(Mode::Refuse);
    proxy.cut_all().await;
    page.click("increment").await;
    page.says("The session store cannot be reached; your session is kept, try again in 2 s.")
        .await;
    assert!(page.is_shown("countdown").await);

    proxy.set(Mode::Pass);
    demo.ready().await;
    page.click("increment").await;
    page.has_text("page-views", "2").await;

    // Whoever loads the page meanwhile is told, and let in when the store is back.
    proxy.set(Mode::Refuse);
    proxy.cut_all().await;
    page.reload().await;
    page.shows("retry").await;
    page.says("cannot be reached").await;
    proxy.set(Mode::Pass);
    page.shows("view-in").await;
    assert_eq!(page.text("page-views").await, "2");
    page.had_no_complaints().await;
}

#[tokio::test]
async fn a_store_that_is_away_is_said_so_on_redis_rs() {
    a_store_that_is_away_is_said_so(Backend::RedisRs).await;
}

#[tokio::test]
async fn a_store_that_is_away_is_said_so_on_fred() {
    a_store_that_is_away_is_said_so(Backend::Fred).await;
}
