//! The shop, on each framework.

#[path = "../../../examples/shop_actix.rs"]
#[allow(dead_code, reason = "its main function is not called here")]
mod actix_example;
#[path = "../../../examples/shop/main.rs"]
#[allow(dead_code, reason = "its main function is not called here")]
mod axum_example;

mod on_actix;
mod on_axum;

use std::sync::Arc;

use session_store::SessionBackend;
use session_store::admin::SessionAdmin;
use session_store::backends::memory::{ManualClock, MemoryBackend};

use crate::app::App;
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

impl Shop {
    fn new(app: impl FnOnce(Arc<dyn SessionBackend>, Arc<dyn SessionAdmin>) -> App) -> Self {
        let (backend, clock) = backend();
        let admin = Arc::new(backend.admin());
        let browser = Browser::new(app(Arc::new(backend.clone()), admin));
        Self {
            backend,
            clock,
            browser,
        }
    }
}
