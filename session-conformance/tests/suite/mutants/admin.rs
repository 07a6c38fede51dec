//! The admin API.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex};

use session_core::steps::ListRequest;
use session_core::{
    ErrorKind, ListedPage, PageRequest, PageSize, PublicId, Result, RevokeInPageRequest,
    RevokedInPage, Selection, SessionAdmin, SessionOverview, SessionPage, async_trait,
};

use super::mutants;
use crate::flawed::{Flawed, Memory};

/// All that a scan shows.
async fn all(m: &Memory) -> Result<Vec<SessionOverview>> {
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let page = m.admin.list_page(cursor.as_ref(), PageSize::MAX).await?;
        all.extend(page.sessions);
        cursor = page.next;
        if cursor.is_none() {
            return Ok(all);
        }
    }
}

/// The live sessions that are meant, wherever they are.
async fn meant(m: &Memory, request: &RevokeInPageRequest) -> Result<HashSet<PublicId>> {
    let meant = all(m)
        .await?
        .into_iter()
        .filter(|it| request.which.includes(it) == Some(true));
    Ok(meant.map(|it| it.session.public_id).collect())
}

mutants! {
    /// A cursor counts sessions, whoever has ended meanwhile.
    ["ADM-1"] PagesByPosition {
        async fn page(&self, m: &Memory, request: PageRequest) -> Result<SessionPage> {
            let text = request.cursor.as_ref().map(|cursor| cursor.as_str());
            let from: usize = text.and_then(|text| text.parse().ok()).unwrap_or(0);
            let size = usize::from(request.size.get());
            let all = all(m).await?;
            let next = (from + size < all.len()).then(|| (from + size).to_string().parse());
            let page = all.into_iter().skip(from).take(size).collect();
            Ok(SessionPage::new(page, next.transpose()?))
        }
    }

    /// Every page is as large as can be.
    ["ADM-1"] IgnoresPageSizes {
        async fn page(&self, m: &Memory, mut request: PageRequest) -> Result<SessionPage> {
            request.size = PageSize::MAX;
            m.admin.page(&request).await
        }
    }

    /// A scan is a copy of the store, made at its beginning: it shows what has ended.
    ["ADM-2"] ShowsWhatWas(Mutex<Vec<SessionOverview>>) {
        async fn page(&self, m: &Memory, request: PageRequest) -> Result<SessionPage> {
            if request.cursor.is_none() {
                let all = all(m).await?;
                *self.0.lock().unwrap() = all;
            }
            let mut page = m.admin.page(&request).await?;
            let mut copy = self.0.lock().unwrap();
            let size = usize::from(request.size.get()).min(copy.len());
            page.sessions = copy.drain(..size).collect();
            if page.next.is_none() {
                page.sessions.append(&mut copy);
            }
            Ok(page)
        }
    }

    /// It reads the sessions as anybody would.
    ["ADM-3"] TouchesWhatItShows {
        async fn page(&self, m: &Memory, request: PageRequest) -> Result<SessionPage> {
            for id in m.ids() {
                m.get_session(&id).await?;
            }
            m.admin.page(&request).await
        }
    }

    /// A bound session is a key and an index entry: it counts twice.
    ["ADM-4"] CountsTheBoundTwice {
        fn dress_admin(&self, admin: Flawed) -> Arc<dyn SessionAdmin> {
            Arc::new(Counting(admin))
        }
    }

    /// It scans the indexes.
    ["ADM-5"] EndsTheBoundOnly {
        async fn revoke_in_page(
            &self,
            m: &Memory,
            mut request: RevokeInPageRequest,
        ) -> Result<RevokedInPage> {
            let unbound = all(m).await?.into_iter().filter(|shown| shown.principal.is_none());
            let mut meant = meant(m, &request).await?;
            for shown in unbound {
                meant.remove(&shown.session.public_id);
            }
            request.which = Selection::Named(meant);
            m.admin.revoke_in_page(&request).await
        }
    }

    /// The letters of public ids have no case.
    ["ADM-5"] EndsInAnyCase {
        async fn revoke_in_page(
            &self,
            m: &Memory,
            mut request: RevokeInPageRequest,
        ) -> Result<RevokedInPage> {
            if let Selection::Named(named) = &mut request.which {
                for shown in all(m).await? {
                    let shown = shown.session.public_id;
                    let is_same = |it: &PublicId| it.as_str().eq_ignore_ascii_case(shown.as_str());
                    if named.iter().any(is_same) {
                        named.insert(shown);
                    }
                }
            }
            m.admin.revoke_in_page(&request).await
        }
    }

    /// It looks for the session, and then ends what is there.
    ["ADM-5"] LooksThenEnds {
        async fn revoke_in_page(
            &self,
            m: &Memory,
            request: RevokeInPageRequest,
        ) -> Result<RevokedInPage> {
            let live = meant(m, &request).await?;
            tokio::task::yield_now().await;
            m.admin.revoke_in_page(&request).await?;
            Ok(RevokedInPage::new(live.into_iter().collect(), None))
        }
    }

    /// It looks for one session at a time, and goes on from where that one was.
    ["ADM-6"] EndsOneOfAPage {
        async fn revoke_in_page(
            &self,
            m: &Memory,
            mut request: RevokeInPageRequest,
        ) -> Result<RevokedInPage> {
            let mut sessions = m.admin.page(&request.page).await?.sessions.into_iter();
            let first = sessions.find(|it| request.which.includes(it) == Some(true));
            let first = first.map(|it| it.session.public_id);
            request.which = Selection::Named(first.into_iter().collect());
            m.admin.revoke_in_page(&request).await
        }
    }

    /// What has no age is as old as can be.
    ["ADM-6"] EndsWhatHasNoAge {
        async fn revoke_in_page(
            &self,
            m: &Memory,
            mut request: RevokeInPageRequest,
        ) -> Result<RevokedInPage> {
            let mut sessions = m.admin.page(&request.page).await?.sessions;
            sessions.retain(|it| request.which.includes(it) != Some(false));
            let named = sessions.into_iter().map(|it| it.session.public_id);
            request.which = Selection::Named(named.collect());
            m.admin.revoke_in_page(&request).await
        }
    }

    /// A session that it ends on the way to another is not told of.
    ["ADM-6"] TellsOfTheLastOnly {
        async fn revoke_in_page(
            &self,
            m: &Memory,
            request: RevokeInPageRequest,
        ) -> Result<RevokedInPage> {
            let mut revoked = m.admin.revoke_in_page(&request).await?;
            revoked.ended.drain(..revoked.ended.len().saturating_sub(1));
            Ok(revoked)
        }
    }

    /// Operators see no fields.
    ["ADM-8"] HidesTheFieldsOfTheNamed {
        async fn page(&self, m: &Memory, mut request: PageRequest) -> Result<SessionPage> {
            request.fields_of = None;
            m.admin.page(&request).await
        }
    }

    /// Operators see all fields.
    ["ADM-8"] ShowsTheFieldsOfAll {
        async fn page(&self, m: &Memory, request: PageRequest) -> Result<SessionPage> {
            let mut page = m.admin.page(&request).await?;
            for shown in &mut page.sessions {
                let public_id = shown.session.public_id;
                let named = request.clone().with_fields_of(public_id);
                let same = m.admin.page(&named).await?.sessions;
                let same = same.into_iter().find(|it| it.session.public_id == public_id);
                shown.session.fields = same.unwrap().session.fields;
            }
            Ok(page)
        }
    }

    /// It reads the fields as anybody would.
    ["ADM-8"] TouchesWhoseFieldsItShows {
        async fn page(&self, m: &Memory, request: PageRequest) -> Result<SessionPage> {
            for id in m.ids() {
                if request.fields_of.is_some() {
                    m.get_session(&id).await?;
                }
            }
            m.admin.page(&request).await
        }
    }

    /// It ends the session in two steps.
    ["OPS-2"] UnlistsThenEnds(Mutex<Vec<PublicId>>) {
        async fn revoke_in_page(
            &self,
            m: &Memory,
            request: RevokeInPageRequest,
        ) -> Result<RevokedInPage> {
            let meant = meant(m, &request).await?;
            self.0.lock().unwrap().extend(meant);
            tokio::task::yield_now().await;
            m.admin.revoke_in_page(&request).await
        }

        async fn list(&self, m: &Memory, request: ListRequest) -> Result<ListedPage> {
            let mut page = m.list(&request).await?;
            page.sessions.retain(|summary| !self.0.lock().unwrap().contains(&summary.public_id));
            Ok(page)
        }
    }

    /// A page that nobody waits for stays in line.
    ["OPS-2"] MixesUpPages(Mutex<VecDeque<SessionPage>>) {
        async fn page(&self, m: &Memory, request: PageRequest) -> Result<SessionPage> {
            let page = m.admin.page(&request).await?;
            self.0.lock().unwrap().push_back(page);
            tokio::task::yield_now().await;
            Ok(self.0.lock().unwrap().pop_front().unwrap())
        }
    }

    /// What is no cursor is the beginning.
    ["ADM-7"] StartsAgain {
        async fn page(&self, m: &Memory, mut request: PageRequest) -> Result<SessionPage> {
            match m.admin.page(&request).await {
                Err(error) if error.kind() == ErrorKind::InvalidCursor => {
                    request.cursor = None;
                    m.admin.page(&request).await
                }
                page => page,
            }
        }
    }
}

#[derive(Debug)]
struct Counting(Flawed);

#[async_trait]
impl SessionAdmin for Counting {
    async fn page(&self, request: &PageRequest) -> Result<SessionPage> {
        self.0.page(request).await
    }

    async fn revoke_in_page(&self, request: &RevokeInPageRequest) -> Result<RevokedInPage> {
        self.0.revoke_in_page(request).await
    }

    async fn count_sessions(&self) -> Result<u64> {
        let (mut count, mut cursor) = (0, None);
        loop {
            let page = self.0.list_page(cursor.as_ref(), PageSize::MAX).await?;
            let bound = page.sessions.iter().filter(|it| it.principal.is_some());
            count += u64::try_from(page.sessions.len() + bound.count()).unwrap();
            cursor = page.next;
            if cursor.is_none() {
                return Ok(count);
            }
        }
    }
}
