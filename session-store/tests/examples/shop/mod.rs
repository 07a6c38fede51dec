//! The shop.

#[path = "../../../examples/shop/main.rs"]
#[allow(dead_code, reason = "its main function is not called here")]
mod example;

mod carts;
mod failing;
mod people;

use std::sync::Arc;

use session_store::SessionCookie;
use session_store::backends::memory::{ManualClock, MemoryBackend};

use crate::{Browser, backend};

const ANN: &str = "username=ann&password=open+sesame";
const BOB: &str = "username=bob&password=swordfish";
const ROOT: &str = "username=root&password=correct+horse";

struct Shop {
    backend: MemoryBackend,
    clock: Arc<ManualClock>,
    /// Without cookies: its clones are devices.
    browser: Browser,
}

fn shop() -> Shop {
    let (backend, clock) = backend();
    let admin = Arc::new(backend.admin());
    let app = example::app(Arc::new(backend.clone()), admin, SessionCookie::default());
    let browser = Browser::new(app);
    Shop {
        backend,
        clock,
        browser,
    }
}
