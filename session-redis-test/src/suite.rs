//! All tests of a Redis backend, for any client.

/// Makes all tests of a backend on Redis, each in the module that says what it runs on. The arguments are an
/// `async fn(Target) -> impl SessionBackend`, which does not connect yet, and a
/// `fn(&impl SessionBackend) -> impl SessionAdmin`.
///
/// The crate that uses it depends on `session-conformance` (with its feature `differential`) and on
/// `session-memory` (with its feature `conformance`).
#[macro_export]
macro_rules! backend_tests {
    ($connect:path, $admin:path) => {
        async fn connect_admin(target: $crate::Target) -> impl session_core::SessionAdmin {
            $admin(&$connect(target).await)
        }

        mod conformance {
            $crate::__conformance_tests! { $connect,
                plain RedisHarness Plain
                hashed RedisHarness Hashed
                plain_before_hashed RedisHarness PlainBeforeHashed
                hashed_after_plain RedisHarness HashedAfterPlain
            }
        }

        mod conformance_cluster {
            $crate::__conformance_tests! { $connect,
                plain ClusterHarness Plain
                hashed ClusterHarness Hashed
            }
        }

        mod administration {
            $crate::__administration_tests! { $connect, super::super::connect_admin,
                plain RedisHarness Plain
                hashed RedisHarness Hashed
                plain_before_hashed RedisHarness PlainBeforeHashed
                hashed_after_plain RedisHarness HashedAfterPlain
            }
        }

        mod administration_cluster {
            $crate::__administration_tests! { $connect, super::super::connect_admin,
                plain ClusterHarness Plain
                hashed ClusterHarness Hashed
                hashed_after_plain ClusterHarness HashedAfterPlain
            }
        }

        mod differential {
            $crate::__differential_tests! { $connect, super::connect_admin,
                plain Plain 1
                hashed Hashed 1
                hashed_after_plain HashedAfterPlain 4
            }
        }

        mod races {
            $crate::redis_races!($connect);
        }

        mod races_cluster {
            $crate::cluster_races!($connect);
        }

        mod redis {
            $crate::redis_checks!($connect);
            $crate::administration_checks!($connect, $admin);
        }

        mod cluster {
            $crate::cluster_checks!($connect);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($connect:path, $($name:ident $harness:ident $storage:ident)*) => {$(
        mod $name {
            session_conformance::conformance_tests!(
                $crate::$harness::on_shared($crate::IdStorage::$storage, $connect).await
            );
        }
    )*};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __administration_tests {
    ($connect:path, $admin:path, $($name:ident $harness:ident $storage:ident)*) => {$(
        mod $name {
            session_conformance::administration_tests!(
                $crate::$harness::on_shared($crate::IdStorage::$storage, $connect)
                    .await
                    .administered($admin)
            );
        }
    )*};
}

/// Random operations in lockstep with the backend in memory; of some only a part of the steps.
#[doc(hidden)]
#[macro_export]
macro_rules! __differential_tests {
    ($connect:path, $admin:path, $($name:ident $storage:ident $part:literal)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            use session_conformance::differential::{Config, run};

            let storage = $crate::IdStorage::$storage;
            let redis = $crate::RedisHarness::on_shared(storage, $connect).await;
            let redis = redis.administered($admin);
            let config = Config::from_env();
            let config = Config {
                steps: config.steps / $part,
                has_administration: true,
                ..config
            };
            let memory = session_memory::MemoryHarness::new();
            match run(&redis, &memory, &config).await {
                Ok(summary) => println!("{summary}"),
                Err(divergence) => panic!("{divergence}"),
            }
        }
    )*};
}
