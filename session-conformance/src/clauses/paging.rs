//! A principal's sessions page by page, listed and ended.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use session_core::steps::{ListRequest, RevokeRequest, RevokeTarget};
use session_core::{
    Delta, ErrorKind, Fields, Limit, ListedPage, ListedSession, ListedSessions, NewSession,
    PageCursor, PageRequest, PageSize, Principal, PublicId, RevokedPage, SessionBackend, SessionId,
};

use super::cursor::garbage;
use crate::harness::Harness;
use crate::kit::{
    Bench, Finding, SECRET, Step, assert_silent, fields, fresh_id, fresh_principal,
    fresh_public_id, guide_hash, lasting, name, secs, session, set, shown, stored_deadline, with,
};

/// More pages than any list here has.
const MOST_PAGES: u64 = 5_000;

fn size(keys: u32) -> PageSize {
    PageSize::new(keys).expect("a page's size")
}

/// Sessions of a principal: with deadlines of their own, and as many with one and the same.
async fn crowd(b: &Bench<'_>, ann: &Principal, count: usize) -> Vec<SessionId> {
    let mut ids = Vec::new();
    let deadline = (b.h.now().await.get() + 7_000_000).to_string();
    for n in 0..count {
        let lifetime = lasting(5_000 + u64::try_from(n * 7 % 40).expect("a small number") * 100);
        let new = session(4_000).bind(ann.clone()).max_lifetime(lifetime);
        ids.push(b.create(new).await);
        // As if it had been bound by another process; a rotation indexes it.
        let mut hash = guide_hash("4000");
        for (field, text) in [
            ("session_deadline", &*deadline),
            ("session_principal", ann.as_str()),
            ("session_public_id", fresh_public_id().as_str()),
        ] {
            hash = with(hash, field, text);
        }
        let planted = b.plant(hash, Some(secs(4_000))).await;
        ids.push(b.rotate(&planted, Delta::new()).await.id);
    }
    ids
}

async fn public_ids(b: &Bench<'_>, ids: &[SessionId]) -> HashSet<PublicId> {
    let mut public_ids = HashSet::new();
    for id in ids {
        public_ids.insert(b.public_id(id).await);
    }
    public_ids
}

/// A list that goes from page to page at the pace of the case.
struct Pages<'b> {
    backend: &'b dyn SessionBackend,
    principal: Principal,
    fields: Vec<&'static str>,
    size: PageSize,
    /// Where to go on, unless it is over.
    next: Option<Option<PageCursor>>,
    pages: u64,
}

impl<'b> Pages<'b> {
    fn of(b: &'b Bench<'_>, principal: &Principal, size: PageSize) -> Self {
        Self {
            backend: &**b,
            principal: principal.clone(),
            fields: Vec::new(),
            size,
            next: Some(None),
            pages: 0,
        }
    }

    /// The next page; `None` after the last.
    async fn page(&mut self) -> Option<Vec<ListedSession>> {
        let cursor = self.next.take()?;
        let fields = self.fields.iter().map(|text| name(*text)).collect();
        let list =
            self.backend
                .list_sessions_page(&self.principal, fields, cursor.as_ref(), self.size);
        let ListedPage { sessions, next, .. } = list.done().await;
        self.pages += 1;
        assert!(self.pages < MOST_PAGES, "the list does not end");
        let (shown, most) = (sessions.len(), usize::from(self.size.get()));
        assert!(shown <= most, "{shown} on a page of {most}");
        self.next = next.map(Some);
        Some(sessions)
    }

    /// All pages that are left, each session once.
    async fn rest(mut self) -> Vec<ListedSession> {
        let (mut all, mut seen) = (Vec::new(), HashSet::new());
        while let Some(page) = self.page().await {
            all.extend(page.into_iter().filter(|it| seen.insert(it.public_id)));
        }
        all
    }
}

/// None, a few and several hundred sessions, half of them with one deadline, are shown by pages of
/// any size in the same order, and so are they one by one.
pub async fn pages_of_every_size_show_the_same(h: &dyn Harness) {
    let b = Bench::unlimited(h).await;
    let ann = fresh_principal("ann");
    b.create(session(4_000).bind(fresh_principal("bob"))).await;
    let mut ids = Vec::new();
    for more in [0, 1, 2, 180] {
        ids.extend(crowd(&b, &ann, more).await);
        let mut expected = Vec::new();
        for id in &ids {
            let deadline = stored_deadline(&b.stored(id).await);
            expected.push((deadline, b.public_id(id).await));
        }
        expected.sort();
        let expected: Vec<_> = expected.into_iter().map(|(_, it)| it).collect();
        assert_eq!(b.listed(&ann).await, expected);
        for size in [size(1), size(2), size(7), PageSize::DEFAULT, PageSize::MAX] {
            let listed = Pages::of(&b, &ann, size).rest().await;
            let listed: Vec<_> = listed.into_iter().map(|it| it.public_id).collect();
            assert_eq!(listed, expected, "pages of {size}");
        }
        let mut streamed = Vec::new();
        let stream = ListedSessions::new(b.shared(), ann.clone(), Vec::new());
        let mut stream = stream.expect("no fields");
        while let Some(listed) = stream.next().await {
            streamed.push(listed.expect("a session").public_id);
        }
        assert_eq!(streamed, expected);
    }
}

/// Sessions that are read, changed and rotated between the pages are shown, also beside others that
/// come and go.
pub async fn sessions_in_use_are_on_a_page(h: &dyn Harness) {
    let b = Bench::unlimited(h).await;
    let ann = fresh_principal("ann");
    let mut ids = crowd(&b, &ann, 40).await;
    let expected = public_ids(&b, &ids).await;
    let mut passing = crowd(&b, &ann, 20).await;
    for keys in [1, 5] {
        let mut seen = HashSet::new();
        let mut pages = Pages::of(&b, &ann, size(keys));
        let mut turn = 0;
        while let Some(page) = pages.page().await {
            seen.extend(page.into_iter().map(|it| it.public_id));
            for _ in 0..3 {
                turn += 1;
                let number = turn * 7 % ids.len();
                match turn % 3 {
                    0 => drop(b.update(&ids[number], set("theme", "dark")).await),
                    1 => drop(b.get(&ids[number]).await),
                    _ => ids[number] = b.rotate(&ids[number], Delta::new()).await.id,
                }
            }
            match passing.pop() {
                Some(id) if turn % 2 == 0 => assert!(b.delete(&id).await),
                Some(id) => drop(b.rotate(&id, Delta::new()).await),
                None if turn < 400 => passing.extend(crowd(&b, &ann, 1).await),
                None => {}
            }
        }
        let missed = expected.difference(&seen).count();
        assert_eq!(missed, 0, "of {} sessions were missed", expected.len());
    }
}

/// Nor is anybody missed while tasks rotate the sessions at the same time.
pub async fn a_list_beside_rotations_misses_nobody(h: &dyn Harness) {
    let b = Bench::unlimited(h).await;
    let ann = fresh_principal("ann");
    let ids = crowd(&b, &ann, 16).await;
    let expected = public_ids(&b, &ids).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut tasks = tokio::task::JoinSet::new();
    for mut ids in ids.chunks(8).map(<[SessionId]>::to_vec) {
        let (backend, is_over) = (b.shared(), Arc::clone(&is_over));
        tasks.spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                for id in &mut ids {
                    *id = backend.rotate_session(id, Delta::new()).found().await.id;
                    tokio::task::yield_now().await;
                }
            }
        });
    }
    for keys in [1, 5, 256] {
        for _ in 0..4 {
            let mut seen = HashSet::new();
            let mut pages = Pages::of(&b, &ann, size(keys));
            while let Some(page) = pages.page().await {
                seen.extend(page.into_iter().map(|it| it.public_id));
                tokio::task::yield_now().await;
            }
            assert_eq!(seen, expected, "pages of {keys}");
        }
    }
    is_over.store(true, Ordering::Relaxed);
    tasks.join_all().await;
}

/// Of the fields that are chosen those that a session has, as they are stored: empty, not UTF-8,
/// under any name; and no others.
pub async fn chosen_fields_are_shown(h: &dyn Harness) {
    let b = Bench::unlimited(h).await;
    let ann = fresh_principal("ann");
    let all = Fields::new()
        .with(name(""), "nameless")
        .with(name("user_agent"), "Opera 1.0")
        .with(name("bytes"), b"\0\xff\r\n".as_slice())
        .with(name("empty"), "")
        .with(name("é🦀"), "1");
    for n in 0..5 {
        let fields = if n == 2 { Fields::new() } else { all.clone() };
        let lifetime = lasting(5_000 + n * 100);
        let new = NewSession::new(fields).bind(ann.clone());
        b.create(new.max_lifetime(lifetime)).await;
    }
    let chosen = |names: &[&'static str]| {
        let has = names.iter().filter_map(|text| Some((text, all.get(text)?)));
        has.map(|(text, value)| (name(*text), value.clone()))
            .collect::<Fields>()
    };
    for names in [
        &[][..],
        &["user_agent"],
        &["empty", "absent", "bytes", "", "é🦀", "bytes", "é"],
    ] {
        let mut pages = Pages::of(&b, &ann, size(2));
        pages.fields = names.to_vec();
        let paged = pages.rest().await;
        for (n, listed) in paged.iter().enumerate() {
            let expected = if n == 2 { Fields::new() } else { chosen(names) };
            assert_eq!(listed.fields, expected, "{names:?} of session {n}");
        }
        let fields = names.iter().map(|text| name(*text)).collect();
        let listed = b.list_sessions_with(&ann, fields).done().await;
        assert_eq!((listed.len(), listed), (5, paged));
    }
    assert!(b.list_sessions(&ann).done().await[0].fields.is_empty());
}

/// As many fields of each as a session may have; more, and longer names, are refused.
pub async fn as_many_fields_as_a_session_has_are_shown(h: &dyn Harness) {
    let b = Bench::unlimited(h).await;
    let ann = fresh_principal("ann");
    let most = b.policy().limits().fields();
    let names = |count| (0..count).map(|n| name(format!("field {n}")));
    for _ in 0..40 {
        let fields: Fields = names(most).map(|it| (it, "x".into())).collect();
        b.create(NewSession::new(fields).bind(ann.clone())).await;
    }
    let listed = b.list_sessions_with(&ann, names(most).collect()).done();
    let listed = listed.await;
    assert_eq!(listed.len(), 40);
    for it in listed {
        assert_eq!(u32::try_from(it.fields.len()), Ok(most));
    }
    let long = vec![name("x".repeat(129))];
    for (names, limit) in [
        (names(most + 1).collect(), Limit::Fields),
        (long, Limit::NameBytes),
    ] {
        let expected = ErrorKind::LimitExceeded(limit);
        let refused = b.list_sessions_with(&ann, names.clone()).refused().await;
        assert_eq!(refused.kind(), expected);
        let page = b.list_sessions_page(&ann, names, None, PageSize::MAX);
        assert_eq!(page.refused().await.kind(), expected);
    }
}

/// A revocation's next page; `None` after the last.
async fn revoke(b: &Bench<'_>, request: &mut Option<RevokeRequest>) -> Option<RevokedPage> {
    let mut asked = request.take()?;
    let page = b.revoke(&asked).done().await;
    // A page may look at a few more.
    let most = u64::from(asked.page.size.get());
    assert!(page.ended <= most + 2, "{page:?} of {most}");
    if page.next.is_some() {
        asked.page.cursor = page.next.clone();
        *request = Some(asked);
    }
    Some(page)
}

fn revocation(principal: &Principal, keep: Option<&SessionId>, size: PageSize) -> RevokeRequest {
    let target = keep.map_or(RevokeTarget::All, |id| RevokeTarget::AllExcept(id.clone()));
    RevokeRequest::new(principal.clone(), target, PageRequest::new(None, size))
}

/// Pages of any size end all, but for the one that is kept, wherever it is in the list, and nobody
/// else's; together they count them.
pub async fn a_revocation_by_pages_ends_all_but_one(h: &dyn Harness) {
    let b = Bench::unlimited(h).await;
    let (ann, bob) = (fresh_principal("ann"), fresh_principal("bob"));
    let other = b.create(session(4_000).bind(bob.clone())).await;
    for (keys, kept) in [
        (1, Some(0)),
        (1, None),
        (4, Some(23)),
        (4, Some(5)),
        (256, Some(9)),
        (7, None),
    ] {
        let ids = crowd(&b, &ann, 12).await;
        let keep = kept.map(|n| &ids[n]);
        let (mut ended, mut pages) = (0, 0);
        let mut request = Some(revocation(&ann, keep, size(keys)));
        while let Some(page) = revoke(&b, &mut request).await {
            ended += page.ended;
            pages += 1;
            assert!(pages < MOST_PAGES, "the revocation does not end");
        }
        assert_eq!(ended, 24 - u64::from(keep.is_some()), "pages of {keys}");
        b.assert_listed(&ann, keep).await;
        for id in &ids {
            assert_eq!(b.is_alive(id).await, Some(id) == keep);
        }
        b.revoke_sessions(&ann, None).done().await;
    }
    b.assert_listed(&bob, [&other]).await;
}

/// What was bound before the first page has ended after the last, though it is rotated, or bound
/// again with a nearer deadline or a farther one, between the pages.
pub async fn sessions_that_move_between_pages_have_ended(h: &dyn Harness) {
    let b = Bench::unlimited(h).await;
    let ann = fresh_principal("ann");
    for keys in [1, 4] {
        let mut ids = crowd(&b, &ann, 12).await;
        let mut request = Some(revocation(&ann, None, size(keys)));
        let mut turn = 0;
        while revoke(&b, &mut request).await.is_some() {
            turn += 1;
            if turn > 60 {
                assert!(turn < MOST_PAGES, "the revocation does not end");
                continue;
            }
            for id in ids.iter_mut().rev().step_by(5) {
                let nearer = lasting(4_500 - turn);
                let delta = match turn % 4 {
                    0 => Delta::new(),
                    1 => Delta::new().bind_for(ann.clone(), nearer),
                    2 => Delta::new().bind(ann.clone()),
                    _ => Delta::new().bind_for(ann.clone(), lasting(90_000)),
                };
                // One that has ended is not rotated.
                let rotated = b.rotate_session(id, delta).done().await;
                *id = rotated.map_or_else(|| id.clone(), |rotated| rotated.id);
            }
        }
        for id in &ids {
            assert!(!b.is_alive(id).await, "pages of {keys}");
        }
        b.assert_listed(&ann, []).await;
    }
}

/// What is no cursor is refused by lists and revocations, whether there are sessions or not, and
/// nobody is ended; with a sign before it, a cursor is none.
pub async fn a_foreign_cursor_is_refused(h: &dyn Harness) {
    let b = Bench::unlimited(h).await;
    let ann = fresh_principal("ann");
    let mut foreign = garbage();
    for count in [0, 6] {
        let ids = crowd(&b, &ann, count).await;
        let before = b.snapshots(&ids).await;
        let page = b.list_sessions_page(&ann, Vec::new(), None, size(3));
        if let Some(next) = page.done().await.next {
            let signed = ["+", "-"].map(|sign| format!("{sign}{next}").parse());
            foreign.extend(signed.map(|text| text.expect("visible characters")));
        }
        for cursor in &foreign {
            let list = b.list_sessions_page(&ann, Vec::new(), Some(cursor), PageSize::MAX);
            let at = PageRequest::new(Some(cursor), PageSize::MAX);
            let step = ListRequest::new(b.policy(), ann.clone(), Vec::new(), at.clone());
            let revocation = RevokeRequest::new(ann.clone(), RevokeTarget::All, at);
            for error in [
                list.refused().await,
                b.list(&step.expect("no fields")).refused().await,
                b.revoke(&revocation).refused().await,
            ] {
                assert_eq!(error.kind(), ErrorKind::InvalidCursor, "{cursor}");
            }
        }
        b.assert_all_unchanged(&before, "a refused cursor").await;
        b.assert_listed(&ann, &ids).await;
    }
}

/// Neither a page, nor its cursor, a request or a stream shows an id, a principal or a value.
pub async fn no_listed_page_shows_a_secret(h: &dyn Harness) {
    let b = Bench::unlimited(h).await;
    let ann = Principal::new(format!("{SECRET}{}", fresh_public_id())).expect("a principal");
    let new = NewSession::new(fields([("password", SECRET)])).bind(ann.clone());
    let ids = [b.create(new.clone()).await, b.create(new).await];
    let chosen = || vec![name("password")];
    let page = b.list_sessions_page(&ann, chosen(), None, size(1));
    let page = page.done().await;
    let at = PageRequest::new(page.next.as_ref(), size(1));
    let list = ListRequest::new(b.policy(), ann.clone(), chosen(), at.clone());
    let target = RevokeTarget::AllExcept(fresh_id());
    let revocation = RevokeRequest::new(ann.clone(), target, at);
    let revoked = b.revoke(&revocation).done().await;
    let stream = ListedSessions::new(b.shared(), ann.clone(), chosen());
    let foreign = "x".parse().expect("visible characters");
    let refused = b.list_sessions_page(&ann, Vec::new(), Some(&foreign), size(1));
    let refused = shown(&refused.refused().await);
    let next = page.next.clone().expect("two sessions");
    let text = format!(
        "{page:?} {page:#?} {next} {list:?} {revocation:?} {revoked:?} {stream:?} {refused}"
    );
    for id in &ids {
        assert_silent(&text, id, "a page");
    }
}
