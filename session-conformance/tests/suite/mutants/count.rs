//! Flaws in counting.

use std::sync::Arc;

use session_core::{
    PageRequest, PageSize, Result, RevokeInPageRequest, RevokedInPage, SessionAdmin, SessionPage,
    async_trait,
};

use super::mutants;
use crate::reference::{Data, ReferenceAdmin};

/// An administration that counts in a way of its own.
struct Counts {
    admin: ReferenceAdmin,
    count: fn(&Data, &[SessionPage]) -> usize,
}

impl Counts {
    fn dress(
        admin: ReferenceAdmin,
        count: fn(&Data, &[SessionPage]) -> usize,
    ) -> Arc<dyn SessionAdmin> {
        Arc::new(Self { admin, count })
    }
}

impl std::fmt::Debug for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Counts")
    }
}

#[async_trait]
impl SessionAdmin for Counts {
    async fn page(&self, request: &PageRequest) -> Result<SessionPage> {
        self.admin.page(request).await
    }

    async fn revoke_in_page(&self, request: &RevokeInPageRequest) -> Result<RevokedInPage> {
        self.admin.revoke_in_page(request).await
    }

    async fn count_sessions(&self) -> Result<u64> {
        let mut pages = vec![self.admin.list_page(None, PageSize::DEFAULT).await?];
        while let Some(next) = pages.last().and_then(|page| page.next.clone()) {
            let page = self.admin.list_page(Some(&next), PageSize::DEFAULT).await?;
            pages.push(page);
        }
        let count = (self.count)(&self.admin.store.lock(), &pages);
        Ok(u64::try_from(count).unwrap())
    }
}

mutants! {
    /// DBSIZE.
    "ADM-4" CountsTheKeys {
        fn dress_admin(&self, admin: ReferenceAdmin) -> Arc<dyn SessionAdmin> {
            Counts::dress(admin, |data, _| data.keys.len())
        }
    }

    /// A page.
    "ADM-4" CountsOnePage {
        fn dress_admin(&self, admin: ReferenceAdmin) -> Arc<dyn SessionAdmin> {
            Counts::dress(admin, |_, pages| pages[0].sessions.len())
        }
    }

    /// A session that a page shows again counts again.
    "ADM-4" CountsTheRepeatedTwice {
        fn dress_admin(&self, admin: ReferenceAdmin) -> Arc<dyn SessionAdmin> {
            Counts::dress(admin, |_, pages| {
                let shown: usize = pages.iter().map(|page| page.sessions.len()).sum();
                shown + pages.len() - 1
            })
        }
    }

    /// The entries of all indexes.
    "ADM-4" CountsTheListed {
        fn dress_admin(&self, admin: ReferenceAdmin) -> Arc<dyn SessionAdmin> {
            Counts::dress(admin, |data, _| data.index.values().map(|all| all.len()).sum())
        }
    }

    /// It has no way to say none.
    "ADM-4" CountsFromOne {
        fn dress_admin(&self, admin: ReferenceAdmin) -> Arc<dyn SessionAdmin> {
            Counts::dress(admin, |_, pages| {
                pages.iter().map(|page| page.sessions.len()).sum::<usize>().max(1)
            })
        }
    }
}
