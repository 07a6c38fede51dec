//! Test support for adapters of web frameworks over `session-http`: what each of them must do, as
//! models of what may happen.
//!
//! * [`Adapter`] is what one says of itself: how a request gets to a handler and a response back;
//! * [`promises`] are what an adapter has to do, one by one;
//! * [`random_requests`] compares the store with what a person with paper and pencil would say;
//! * [`browser`] tries requests that overlap in every order;
//! * [`Near`] is a backend that keeps what it has read.
//!
//! What goes wrong here is a panic: a test that has failed.

#![allow(
    missing_docs,
    missing_debug_implementations,
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test support: what goes wrong here is a failed test"
)]

mod adapter;
pub mod browser;
mod near;
pub mod promises;
pub mod random_requests;

pub use self::adapter::{Adapter, Answering, Handler, Transport, World, handler};
pub use self::near::Near;

/// Makes tests of the module that it is called in: these, or all. All are a minute of computing
/// time, most of it for what no adapter decides.
#[macro_export]
macro_rules! adapter_tests {
    ($adapter:ty: $($module:ident::$test:ident)*) => {$(
        #[test]
        fn $test() {
            $crate::$module::$test::<$adapter>();
        }
    )*};
    ($adapter:ty) => {
        $crate::adapter_tests! { $adapter:
            promises::an_adapter_does_what_it_must
            random_requests::the_store_holds_what_the_model_says
            browser::every_order_of_two_requests
            browser::every_order_of_two_requests_and_the_end_of_an_idle_session
            browser::every_order_of_three_requests
            browser::random_orders_of_random_requests
            browser::a_request_longer_than_the_tombstones_life
        }
    };
}
