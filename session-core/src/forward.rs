//! `Arc<T>` and `Box<T>` are backends, and admins, when `T` is.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::admin::SessionAdmin;
use crate::backend::SessionBackend;
use crate::delta::{Delta, Touch};
use crate::error::Result;
use crate::field::FieldName;
use crate::id::SessionId;
use crate::listed::ListedSession;
use crate::page::{
    ListedPage, PageCursor, PageRequest, PageSize, RevokeInPageRequest, RevokedInPage, RevokedPage,
    SessionOverview, SessionPage,
};
use crate::policy::SessionPolicy;
use crate::principal::Principal;
use crate::public_id::PublicId;
use crate::record::SessionRecord;
use crate::session::{CreatedSession, NewSession, RotatedSession};
use crate::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, WriteOutcome, WriteRequest,
};
use crate::time::Remaining;
use crate::ttl::SessionTtl;
use crate::written::Written;

/// Methods that return the future of the inner value's method, and not another one around it.
macro_rules! forward_futures {
    ($(fn $name:ident[$($life:lifetime),*]($($arg:ident: $Arg:ty),*) -> $Output:ty;)*) => {$(
        fn $name<'s, $($life,)* 'f>(
            &'s self,
            $($arg: $Arg),*
        ) -> Pin<Box<dyn Future<Output = $Output> + Send + 'f>>
        where
            's: 'f,
            $($life: 'f,)*
            Self: 'f,
        {
            (**self).$name($($arg),*)
        }
    )*};
}

macro_rules! forward_to_inner {
    ($pointer:ident) => {
        #[deny(clippy::missing_trait_methods)]
        impl<T: SessionBackend + ?Sized> SessionBackend for $pointer<T> {
            fn policy(&self) -> &SessionPolicy {
                (**self).policy()
            }

            fn deadline(&self) -> Duration {
                (**self).deadline()
            }

            fn successor_id(&self, old: &SessionId) -> Result<SessionId> {
                (**self).successor_id(old)
            }

            forward_futures! {
                fn insert['a](request: &'a InsertRequest) -> Result<InsertOutcome>;
                fn read['a](request: &'a ReadRequest) -> Result<ReadOutcome>;
                fn write['a](request: &'a WriteRequest) -> Result<WriteOutcome>;
                fn rename['a](request: &'a RenameRequest) -> Result<RenameOutcome>;
                fn remove['a](request: &'a RemoveRequest) -> Result<RemoveOutcome>;
                fn list['a](request: &'a ListRequest) -> Result<ListedPage>;
                fn revoke['a](request: &'a RevokeRequest) -> Result<RevokedPage>;
                fn ping[]() -> Result<()>;
                fn create_session[](new: NewSession) -> Result<CreatedSession>;
                fn get_session['a](id: &'a SessionId) -> Result<Option<SessionRecord>>;
                fn get_fresh_session['a](id: &'a SessionId) -> Result<Option<SessionRecord>>;
                fn get_session_with['a](id: &'a SessionId, touch: Touch) -> Result<Option<SessionRecord>>;
                fn peek_session['a](id: &'a SessionId) -> Result<Option<SessionRecord>>;
                fn get_session_of['a, 'b](principal: &'a Principal, public_id: &'b PublicId) -> Result<Option<SessionRecord>>;
                fn peek_session_of['a, 'b](principal: &'a Principal, public_id: &'b PublicId) -> Result<Option<SessionRecord>>;
                fn update_session['a](id: &'a SessionId, delta: Delta) -> Result<Option<Written>>;
                fn update_session_of['a, 'b](principal: &'a Principal, public_id: &'b PublicId, delta: Delta) -> Result<Option<Written>>;
                fn increment_field['a](id: &'a SessionId, field: FieldName, by: i64) -> Result<Option<i64>>;
                fn remove_fields['a](id: &'a SessionId, names: Vec<FieldName>) -> Result<bool>;
                fn set_session_ttl['a](id: &'a SessionId, ttl: SessionTtl) -> Result<bool>;
                fn configured_ttl['a](id: &'a SessionId) -> Result<Option<SessionTtl>>;
                fn ttl['a](id: &'a SessionId) -> Result<Option<Remaining>>;
                fn delete_session['a](id: &'a SessionId) -> Result<bool>;
                fn rotate_session['a](id: &'a SessionId, delta: Delta) -> Result<Option<RotatedSession>>;
                fn list_sessions['a](principal: &'a Principal) -> Result<Vec<ListedSession>>;
                fn list_sessions_with['a](principal: &'a Principal, fields: Vec<FieldName>) -> Result<Vec<ListedSession>>;
                fn list_sessions_page['a, 'b](principal: &'a Principal, fields: Vec<FieldName>, cursor: Option<&'b PageCursor>, size: PageSize) -> Result<ListedPage>;
                fn revoke_session['a, 'b](principal: &'a Principal, public_id: &'b PublicId) -> Result<bool>;
                fn revoke_sessions['a, 'b](principal: &'a Principal, keep: Option<&'b SessionId>) -> Result<u64>;
            }
        }

        #[deny(clippy::missing_trait_methods)]
        impl<T: SessionAdmin + ?Sized> SessionAdmin for $pointer<T> {
            forward_futures! {
                fn page['a](request: &'a PageRequest) -> Result<SessionPage>;
                fn revoke_in_page['a](request: &'a RevokeInPageRequest) -> Result<RevokedInPage>;
                fn list_page['a](cursor: Option<&'a PageCursor>, size: PageSize) -> Result<SessionPage>;
                fn count_sessions[]() -> Result<u64>;
                fn show_session['a](public_id: &'a PublicId) -> Result<Option<SessionOverview>>;
                fn revoke_session['a](public_id: &'a PublicId) -> Result<bool>;
                fn revoke_named['a](public_ids: &'a [PublicId]) -> Result<HashSet<PublicId>>;
            }
        }
    };
}

forward_to_inner!(Arc);
forward_to_inner!(Box);
