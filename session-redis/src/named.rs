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
        }

        impl ::std::fmt::Debug for $Backend {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.debug_tuple(stringify!($Backend)).field(&self.0).finish()
            }
        }

        const _: () = {
            use ::session_core::steps::*;
            use ::session_core::{ListedPage, Result, RevokedPage, SessionBackend, SessionId, SessionPolicy};
            use $crate::async_trait;

            #[async_trait::async_trait]
            impl SessionBackend for $Backend {
                async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
                    self.0.insert(request).await
                }

                async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome> {
                    self.0.read(request).await
                }

                async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
                    self.0.write(request).await
                }

                async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
                    self.0.rename(request).await
                }

                async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
                    self.0.remove(request).await
                }

                async fn list(&self, request: &ListRequest) -> Result<ListedPage> {
                    self.0.list(request).await
                }

                async fn revoke(&self, request: &RevokeRequest) -> Result<RevokedPage> {
                    self.0.revoke(request).await
                }

                async fn ping(&self) -> Result<()> {
                    self.0.ping().await
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
