//! From the lists of the cases: the tables, and the tests of a backend.

/// Makes a `#[test]` of each case by each [`CallPath`](crate::CallPath), in the modules `direct`,
/// `dynamic` and `required_only`.
///
/// The argument makes the [`Harness`](crate::Harness) of one case. It is evaluated once per test,
/// in an async function on a multi-threaded tokio runtime. To be used once per module.
///
/// ```
/// # mod harness {
/// #     use session_conformance::{Harness, RawHash, RawKey};
/// #     use session_core::*;
/// #     use std::{sync::Arc, time::Duration};
/// #     pub struct MyHarness;
/// #     #[async_trait]
/// #     impl Harness for MyHarness {
/// #         async fn backend_with(&self, _: SessionPolicy) -> Arc<dyn SessionBackend> {
/// #             unreachable!()
/// #         }
/// #         async fn plant(&self, _: &SessionId, _: RawHash, _: Option<Duration>) {}
/// #         async fn plant_other_type(&self, _: &SessionId) {}
/// #         async fn dump(&self, _: &SessionId) -> Option<RawKey> { None }
/// #         async fn advance(&self, _: Duration) {}
/// #         async fn now(&self) -> UnixMillis { UnixMillis::new(1) }
/// #         async fn index_len(&self, _: &Principal) -> Option<usize> { None }
/// #     }
/// #     impl MyHarness { pub async fn start() -> Self { Self } }
/// # }
/// // In tests/conformance.rs:
/// use harness::MyHarness;
///
/// session_conformance::conformance_tests!(MyHarness::start().await);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! conformance_tests {
    ($harness:expr) => {
        async fn __conformance_harness() -> impl $crate::Harness {
            $harness
        }
        $crate::__cases! { $crate::__tests_of_cases }
    };
}

/// Makes a `#[test]` of each case about a [`SessionAdmin`](session_core::SessionAdmin), as
/// [`conformance_tests!`] does of each case about a backend. The harness must return one from
/// [`Harness::admin`](crate::Harness::admin).
///
/// Each of the two macros is to be used once per module:
///
/// ```
/// # mod harness {
/// #     use session_conformance::{Harness, RawHash, RawKey};
/// #     use session_core::*;
/// #     use std::{sync::Arc, time::Duration};
/// #     pub struct MyHarness;
/// #     #[async_trait]
/// #     impl Harness for MyHarness {
/// #         async fn backend_with(&self, _: SessionPolicy) -> Arc<dyn SessionBackend> {
/// #             unreachable!()
/// #         }
/// #         async fn plant(&self, _: &SessionId, _: RawHash, _: Option<Duration>) {}
/// #         async fn plant_other_type(&self, _: &SessionId) {}
/// #         async fn dump(&self, _: &SessionId) -> Option<RawKey> { None }
/// #         async fn advance(&self, _: Duration) {}
/// #         async fn now(&self) -> UnixMillis { UnixMillis::new(1) }
/// #         async fn index_len(&self, _: &Principal) -> Option<usize> { None }
/// #     }
/// #     impl MyHarness { pub async fn start() -> Self { Self } }
/// # }
/// mod conformance {
///     session_conformance::conformance_tests!(crate::harness::MyHarness::start().await);
/// }
///
/// mod administration {
///     session_conformance::administration_tests!(crate::harness::MyHarness::start().await);
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! administration_tests {
    ($harness:expr) => {
        async fn __conformance_harness() -> impl $crate::Harness {
            $harness
        }
        $crate::__admin_cases! { $crate::__tests_of_cases }
    };
}

/// All tests, one module per path.
#[doc(hidden)]
#[macro_export]
macro_rules! __tests_of_cases {
    ($($cases:tt)*) => {
        $crate::__tests_of_cases_by! { direct Direct $($cases)* }
        $crate::__tests_of_cases_by! { dynamic Dynamic $($cases)* }
        $crate::__tests_of_cases_by! { required_only RequiredOnly $($cases)* }
    };
}

/// The tests of one path, one module per module of cases.
#[doc(hidden)]
#[macro_export]
macro_rules! __tests_of_cases_by {
    ($path:ident $variant:ident $($module:ident { $($clause:literal $name:ident)* })*) => {
        mod $path {$(
            mod $module {$(
                #[test]
                fn $name() {
                    let case = $crate::Case {
                        clause: $clause,
                        module: stringify!($module),
                        name: stringify!($name),
                        run: |harness| Box::pin($crate::clauses::$module::$name(harness)),
                    };
                    let harness = super::super::__conformance_harness();
                    $crate::run_case(case, $crate::CallPath::$variant, harness);
                }
            )*}
        )*}
    };
}

/// A table of cases.
macro_rules! __table_of_cases {
    ($($module:ident { $($clause:literal $name:ident)* })*) => {
        &[$($(
            Case {
                clause: $clause,
                module: stringify!($module),
                name: stringify!($name),
                run: |harness| Box::pin(clauses::$module::$name(harness)),
            },
        )*)*]
    };
}
