//! The administration: each required step as a dialogue over the backend's connection.

use session_core::{
    ConvertedPage, PageRequest, Result, RevokeInPageRequest, RevokedInPage, SessionAdmin,
    SessionPage, async_trait,
};
use session_redis_wire::dialogue;

use crate::backend::FredBackend;

/// The administration of a backend's sessions. Had from [`FredBackend::admin`].
///
/// A page is one round trip and one script, which looks at the page's keys by `SCAN` and at nothing else:
/// the server is never blocked for longer. In a Redis Cluster the nodes are looked through one after
/// another, and each walk begins with a look at the map of slots. The ACL needs `+scan` beside what the
/// backend needs. Sessions are shown that the backend would find: of both forms between plain ids and hashed
/// ones, and then the keys are gone through twice, for those that are converted meanwhile.
///
/// [`convert_sessions`](SessionAdmin::convert_sessions) gives sessions that are stored under their plain
/// ids the keys that [`IdStorage::HashedAfterPlain`](crate::IdStorage::HashedAfterPlain) looks for. Where there
/// is a session that it does not convert it answers [`Unsupported`](session_core::ErrorKind::Unsupported): a
/// hashed one while new ones are stored plainly, and any in the other form in a Cluster, where the two keys
/// are in different hash slots.
#[derive(Debug, Clone)]
pub struct FredAdmin(FredBackend);

impl FredAdmin {
    pub(crate) fn of(backend: FredBackend) -> Self {
        Self(backend)
    }
}

#[async_trait]
impl SessionAdmin for FredAdmin {
    async fn page(&self, request: &PageRequest) -> Result<SessionPage> {
        let page = |keys, masters| dialogue::page(keys, request, masters);
        self.0.converse_about_page(request, page).await
    }

    async fn revoke_in_page(&self, request: &RevokeInPageRequest) -> Result<RevokedInPage> {
        let page = |keys, masters| dialogue::revoke_in_page(keys, request, masters);
        self.0.converse_about_page(&request.page, page).await
    }

    async fn convert_page(&self, request: &PageRequest) -> Result<ConvertedPage> {
        let page = |keys, masters| dialogue::convert_page(keys, request, masters);
        self.0.converse_about_page(request, page).await
    }
}
