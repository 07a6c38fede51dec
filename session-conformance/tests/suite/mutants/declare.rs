//! The macros that mutants are declared with.

/// Declares mutants: their flaws, their table `ALL`, and one test for each.
macro_rules! mutants {
    ($(
        $(#[doc = $doc:literal])+
        $clause:literal $name:ident $(($state:ty))? { $($body:tt)* }
    )+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug, Default)]
            struct $name $(($state))?;

            #[session_core::async_trait]
            impl crate::reference::Flaw for $name { $($body)* }
        )+

        pub(super) const ALL: &[super::Mutant] = &[$(
            super::Mutant {
                name: stringify!($name),
                clause: $clause,
                flaw: || std::sync::Arc::new($name::default()),
            },
        )+];

        #[allow(non_snake_case, reason = "a test has the name of its mutant")]
        mod is_killed {$(
            #[test]
            fn $name() {
                crate::mutants::kill(stringify!($name), super::ALL);
            }
        )+}
    };
}
pub(super) use mutants;

/// A backend that forwards the required steps to the reference in its field, with these methods of
/// its own.
macro_rules! wrapper {
    ($name:ident { $($own:tt)* }) => {
        struct $name(crate::reference::Reference);

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }

        crate::mutants::forward! { $name { $($own)* } }
    };
}
pub(super) use wrapper;

macro_rules! forward {
    ($name:ident { $($own:tt)* }) => {
        #[session_core::async_trait]
        impl session_core::SessionBackend for $name {
            async fn insert(
                &self,
                request: &session_core::steps::InsertRequest,
            ) -> session_core::Result<session_core::steps::InsertOutcome> {
                self.0.insert(request).await
            }

            async fn read(
                &self,
                request: &session_core::steps::ReadRequest,
            ) -> session_core::Result<session_core::steps::ReadOutcome> {
                self.0.read(request).await
            }

            async fn write(
                &self,
                request: &session_core::steps::WriteRequest,
            ) -> session_core::Result<session_core::steps::WriteOutcome> {
                self.0.write(request).await
            }

            async fn rename(
                &self,
                request: &session_core::steps::RenameRequest,
            ) -> session_core::Result<session_core::steps::RenameOutcome> {
                self.0.rename(request).await
            }

            async fn remove(
                &self,
                request: &session_core::steps::RemoveRequest,
            ) -> session_core::Result<session_core::steps::RemoveOutcome> {
                self.0.remove(request).await
            }

            async fn list(
                &self,
                request: &session_core::steps::ListRequest,
            ) -> session_core::Result<Vec<session_core::SessionSummary>> {
                self.0.list(request).await
            }

            async fn revoke(
                &self,
                request: &session_core::steps::RevokeRequest,
            ) -> session_core::Result<u64> {
                self.0.revoke(request).await
            }

            async fn ping(&self) -> session_core::Result<()> {
                self.0.ping().await
            }

            fn successor_id(
                &self,
                old: &session_core::SessionId,
            ) -> session_core::Result<session_core::SessionId> {
                self.0.successor_id(old)
            }

            $($own)*
        }
    };
}
pub(super) use forward;

/// The policy of a wrapper that does not change it.
macro_rules! same_policy {
    () => {
        fn policy(&self) -> &session_core::SessionPolicy {
            self.0.policy()
        }
    };
}
pub(super) use same_policy;
