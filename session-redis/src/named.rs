//! The name that a client's crate gives the backend over its connections.

/// Defines a client's backend, a newtype of [`RedisBackend`](crate::RedisBackend) over its
/// connections, and its admin API:
/// `named_backend!(/** docs */ FredBackend, /** docs */ FredAdmin, FredConnect)`.
#[doc(hidden)]
#[macro_export]
macro_rules! named_backend {
    ($(#[$doc:meta])* $Backend:ident, $(#[$admin_doc:meta])* $Admin:ident, $Connect:ty) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $Backend(pub(crate) $crate::RedisBackend<$Connect>);

        $(#[$admin_doc])*
        pub type $Admin = $crate::RedisAdmin<$Connect>;

        impl ::std::convert::From<$crate::RedisBackend<$Connect>> for $Backend {
            fn from(backend: $crate::RedisBackend<$Connect>) -> Self {
                Self(backend)
            }
        }

        impl $Backend {
            /// The admin API of these sessions: lists all of them, and ends any. Over the same
            /// connection; its account needs the right to `SCAN` as well.
            pub fn admin(&self) -> $Admin {
                self.0.admin()
            }

            /// What became of the reads, if there is a near cache.
            pub fn near_cache_stats(&self) -> ::std::option::Option<::session_core::NearCacheStats> {
                self.0.near_cache_stats()
            }
        }

        impl ::std::fmt::Debug for $Backend {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_tuple(stringify!($Backend)).field(&self.0).finish()
            }
        }

        const _: () = {
            use ::std::pin::Pin;

            use ::session_core::steps::*;
            use ::session_core::{ListedPage, Result, RevokedPage, SessionBackend, SessionId, SessionPolicy};

            /// The future of the backend's own step, and not another one around it.
            type Step<'f, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'f>>;

            impl SessionBackend for $Backend {
                $crate::forward_steps! {
                    insert: InsertRequest => InsertOutcome;
                    read: ReadRequest => ReadOutcome;
                    write: WriteRequest => WriteOutcome;
                    rename: RenameRequest => RenameOutcome;
                    remove: RemoveRequest => RemoveOutcome;
                    list: ListRequest => ListedPage;
                    revoke: RevokeRequest => RevokedPage;
                }

                fn ping<'s, 'f>(&'s self) -> Step<'f, ()>
                where
                    's: 'f,
                    Self: 'f,
                {
                    self.0.ping()
                }

                fn policy(&self) -> &SessionPolicy {
                    self.0.policy()
                }

                fn deadline(&self) -> ::std::time::Duration {
                    self.0.deadline()
                }

                fn successor_id(&self, old: &SessionId) -> Result<SessionId> {
                    self.0.successor_id(old)
                }
            }
        };
    };
}

/// Steps that return the future of the backend's own step.
#[doc(hidden)]
#[macro_export]
macro_rules! forward_steps {
    ($($name:ident: $Request:ty => $Outcome:ty;)*) => {$(
        fn $name<'s, 'a, 'f>(&'s self, request: &'a $Request) -> Step<'f, $Outcome>
        where
            's: 'f,
            'a: 'f,
            Self: 'f,
        {
            self.0.$name(request)
        }
    )*};
}
