//! `Arc<T>` and `Box<T>` are backends, and admins, when `T` is.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::admin::SessionAdmin;
use crate::backend::SessionBackend;
use crate::delta::{Delta, Touch};
use crate::error::Result;
use crate::field::FieldName;
use crate::id::SessionId;
use crate::listed::ListedSession;
use crate::page::{
    ListedPage, PageCursor, PageRequest, PageSize, RevokeInPageRequest, RevokedInPage, RevokedPage,
    SessionPage,
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

macro_rules! forward_to_inner {
    ($pointer:ident) => {
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<T: SessionBackend + ?Sized> SessionBackend for $pointer<T> {
            async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
                (**self).insert(request).await
            }

            async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome> {
                (**self).read(request).await
            }

            async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
                (**self).write(request).await
            }

            async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
                (**self).rename(request).await
            }

            async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
                (**self).remove(request).await
            }

            async fn list(&self, request: &ListRequest) -> Result<ListedPage> {
                (**self).list(request).await
            }

            async fn revoke(&self, request: &RevokeRequest) -> Result<RevokedPage> {
                (**self).revoke(request).await
            }

            async fn ping(&self) -> Result<()> {
                (**self).ping().await
            }

            fn policy(&self) -> &SessionPolicy {
                (**self).policy()
            }

            fn deadline(&self) -> Duration {
                (**self).deadline()
            }

            fn successor_id(&self, old: &SessionId) -> Result<SessionId> {
                (**self).successor_id(old)
            }

            async fn create_session(&self, new: NewSession) -> Result<CreatedSession> {
                (**self).create_session(new).await
            }

            async fn get_session(&self, id: &SessionId) -> Result<Option<SessionRecord>> {
                (**self).get_session(id).await
            }

            async fn get_session_with(
                &self,
                id: &SessionId,
                touch: Touch,
            ) -> Result<Option<SessionRecord>> {
                (**self).get_session_with(id, touch).await
            }

            async fn peek_session(&self, id: &SessionId) -> Result<Option<SessionRecord>> {
                (**self).peek_session(id).await
            }

            async fn get_session_of(
                &self,
                principal: &Principal,
                public_id: &PublicId,
            ) -> Result<Option<SessionRecord>> {
                (**self).get_session_of(principal, public_id).await
            }

            async fn peek_session_of(
                &self,
                principal: &Principal,
                public_id: &PublicId,
            ) -> Result<Option<SessionRecord>> {
                (**self).peek_session_of(principal, public_id).await
            }

            async fn update_session(
                &self,
                id: &SessionId,
                delta: Delta,
            ) -> Result<Option<Written>> {
                (**self).update_session(id, delta).await
            }

            async fn update_session_of(
                &self,
                principal: &Principal,
                public_id: &PublicId,
                delta: Delta,
            ) -> Result<Option<Written>> {
                (**self)
                    .update_session_of(principal, public_id, delta)
                    .await
            }

            async fn increment_field(
                &self,
                id: &SessionId,
                field: FieldName,
                by: i64,
            ) -> Result<Option<i64>> {
                (**self).increment_field(id, field, by).await
            }

            async fn remove_fields(&self, id: &SessionId, names: Vec<FieldName>) -> Result<bool> {
                (**self).remove_fields(id, names).await
            }

            async fn set_session_ttl(&self, id: &SessionId, ttl: SessionTtl) -> Result<bool> {
                (**self).set_session_ttl(id, ttl).await
            }

            async fn configured_ttl(&self, id: &SessionId) -> Result<Option<SessionTtl>> {
                (**self).configured_ttl(id).await
            }

            async fn ttl(&self, id: &SessionId) -> Result<Option<Remaining>> {
                (**self).ttl(id).await
            }

            async fn delete_session(&self, id: &SessionId) -> Result<bool> {
                (**self).delete_session(id).await
            }

            async fn rotate_session(
                &self,
                id: &SessionId,
                delta: Delta,
            ) -> Result<Option<RotatedSession>> {
                (**self).rotate_session(id, delta).await
            }

            async fn list_sessions(&self, principal: &Principal) -> Result<Vec<ListedSession>> {
                (**self).list_sessions(principal).await
            }

            async fn list_sessions_with(
                &self,
                principal: &Principal,
                fields: Vec<FieldName>,
            ) -> Result<Vec<ListedSession>> {
                (**self).list_sessions_with(principal, fields).await
            }

            async fn list_sessions_page(
                &self,
                principal: &Principal,
                fields: Vec<FieldName>,
                cursor: Option<&PageCursor>,
                size: PageSize,
            ) -> Result<ListedPage> {
                (**self)
                    .list_sessions_page(principal, fields, cursor, size)
                    .await
            }

            async fn revoke_session(
                &self,
                principal: &Principal,
                public_id: &PublicId,
            ) -> Result<bool> {
                (**self).revoke_session(principal, public_id).await
            }

            async fn revoke_sessions(
                &self,
                principal: &Principal,
                keep: Option<&SessionId>,
            ) -> Result<u64> {
                (**self).revoke_sessions(principal, keep).await
            }
        }

        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<T: SessionAdmin + ?Sized> SessionAdmin for $pointer<T> {
            async fn page(&self, request: &PageRequest) -> Result<SessionPage> {
                (**self).page(request).await
            }

            async fn revoke_in_page(&self, request: &RevokeInPageRequest) -> Result<RevokedInPage> {
                (**self).revoke_in_page(request).await
            }

            async fn list_page(
                &self,
                cursor: Option<&PageCursor>,
                size: PageSize,
            ) -> Result<SessionPage> {
                (**self).list_page(cursor, size).await
            }

            async fn count_sessions(&self) -> Result<u64> {
                (**self).count_sessions().await
            }

            async fn revoke_session(&self, public_id: &PublicId) -> Result<bool> {
                (**self).revoke_session(public_id).await
            }
        }
    };
}

forward_to_inner!(Arc);
forward_to_inner!(Box);
