//! Cursors, the store's own and others'; and what holds for every step of an operator.

use session_core::{ErrorKind, NewSession, PageCursor, PageSize, Principal, PublicId};

use crate::harness::Harness;
use crate::kit::{
    Bench, Operator, POLLS, SECRET, Step, assert_silent, fields, fresh_principal, fresh_public_id,
    guide_hash, page_at, poll_and_drop, revoke_at, secs, session, shown, with,
};

/// Texts that no store hands out.
pub(super) fn garbage() -> Vec<PageCursor> {
    let long = "~".repeat(PageCursor::MAX_LEN);
    let digits = "9".repeat(PageCursor::MAX_LEN);
    let numbers = ["999999999999999999999", &digits, &long];
    let texts = [
        "x",
        "-1",
        "+1",
        ".",
        "0.0.0",
        "1e3",
        "*",
        "{a}",
        "'or'1'='1",
    ];
    let texts = texts.into_iter().chain(numbers);
    let cursors = texts.map(|text| text.parse().expect("visible characters"));
    cursors.collect()
}

/// A few cursors of scans through the store.
async fn cursors(b: &Bench<'_>, operator: &Operator<'_>) -> Vec<PageCursor> {
    for _ in 0..50 {
        b.create(session(5000)).await;
    }
    let mut cursors = Vec::new();
    let mut scan = operator.scan(PageSize::new(5).expect("a size"));
    while scan.page().await.is_some() && cursors.len() < 10 {
        cursors.extend(scan.cursor().cloned());
    }
    cursors
}

/// Asks every step for the page that begins there, and asserts that each refuses.
async fn assert_all_refuse(operator: &Operator<'_>, cursor: &PageCursor, public_id: PublicId) {
    let (page, revocation) = (page_at(cursor), revoke_at(public_id, cursor));
    for error in [
        operator
            .list_page(Some(cursor), PageSize::MAX)
            .refused()
            .await,
        operator.page(&page).refused().await,
        operator.revoke_in_page(&revocation).refused().await,
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidCursor, "{cursor}");
    }
}

/// Every step refuses what is no cursor, whether there is anything in the store or not; a session
/// that would be on the page is not ended.
pub async fn a_foreign_cursor_is_refused(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    for cursor in garbage() {
        assert_all_refuse(&operator, &cursor, fresh_public_id()).await;
    }
    let id = b.create(session(5000).bind(fresh_principal("ann"))).await;
    let public_id = b.public_id(&id).await;
    let before = b.snapshot(&id).await;
    for cursor in garbage() {
        assert_all_refuse(&operator, &cursor, public_id).await;
        b.assert_unchanged(&id, &before, "a refused step").await;
    }
}

/// A cursor is one text: with a sign before it, it is none.
pub async fn a_cursor_with_a_sign_is_refused(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    for cursor in cursors(&b, &operator).await {
        for sign in ["+", "-"] {
            let text = format!("{sign}{cursor}");
            let cursor = text.parse().expect("visible characters");
            assert_all_refuse(&operator, &cursor, fresh_public_id()).await;
        }
    }
}

/// A cursor of which one character was changed, or that is longer or shorter, is refused or leads
/// to a page of live sessions.
pub async fn a_changed_cursor_does_no_harm(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let deleted = b.create(session(5000)).await;
    let ended = b.public_id(&deleted).await;
    assert!(b.delete(&deleted).await);
    let mut changed = Vec::new();
    for cursor in cursors(&b, &operator).await {
        let text = cursor.as_str();
        for at in 0..text.len() {
            let (head, tail) = (&text[..at], &text[at + 1..]);
            changed.extend(["0", "9", "A", ".", ""].map(|put| format!("{head}{put}{tail}")));
        }
        changed.extend(["0", "9", "9999999999999999"].map(|put| format!("{text}{put}")));
    }
    for text in changed {
        let Ok(cursor) = text.parse::<PageCursor>() else {
            continue;
        };
        match operator.list_page(Some(&cursor), PageSize::DEFAULT).await {
            Ok(page) => {
                let mut sessions = page.sessions.iter();
                assert!(sessions.all(|shown| shown.session.public_id != ended));
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidCursor, "{cursor}"),
        }
    }
    assert_eq!(operator.count_sessions().done().await, 50);
}

/// A cursor of a scan that is over, also of one whose sessions have ended, leads somewhere or is
/// refused.
pub async fn a_spent_cursor_does_no_harm(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let cursors = cursors(&b, &operator).await;
    let check = async |live: usize| {
        for cursor in &cursors {
            for _ in 0..2 {
                match operator.list_page(Some(cursor), PageSize::MAX).await {
                    Ok(page) => assert!(page.sessions.len() <= live),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidCursor),
                }
            }
        }
    };
    check(50).await;
    h.advance(secs(5001)).await;
    check(0).await;
    let id = b.create(session(5000)).await;
    check(1).await;
    operator.assert_shows([&id], PageSize::DEFAULT).await;
}

/// Steps whose futures are dropped leave each session as it was, or ended as a whole, and later
/// returns belong to their own questions.
pub async fn a_dropped_step_does_no_harm(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let ann = fresh_principal("ann");
    let lasting = b.create(session(5000).bind(ann.clone())).await;
    let before = b.snapshot(&lasting).await;
    for round in 0..24 {
        let id = b.create(session(5000).bind(ann.clone())).await;
        let polls = |shift: usize| (round + shift) % POLLS;
        poll_and_drop(operator.list_page(None, PageSize::DEFAULT), polls(0)).await;
        poll_and_drop(operator.count_sessions(), polls(1)).await;
        let public_id = b.public_id(&id).await;
        poll_and_drop(operator.revoke_session(&public_id), polls(2)).await;
        // One that lives was in the list before, and is ended as a whole.
        let listed = b.listed(&ann).await;
        if b.is_alive(&id).await {
            assert!(listed.contains(&public_id), "round {round}: half ended");
        }
        // It may still be on its way; asked again, it has happened in either case.
        operator.revoke(&id).await;
        assert_eq!(h.dump(&id).await, None, "round {round}");
        b.assert_listed(&ann, [&lasting]).await;
        operator.assert_shows([&lasting], PageSize::MAX).await;
        b.assert_unchanged(&lasting, &before, "a drop").await;
    }
}

/// Neither the admin API nor a page, a request, a cursor or an error of one shows an id, a
/// principal or a text of a session.
pub async fn no_page_shows_a_secret(h: &dyn Harness) {
    let (b, operator) = (Bench::new(h).await, Operator::new(h).await);
    let ann = Principal::new(SECRET).expect("a principal");
    let new = NewSession::new(fields([("password", SECRET)]));
    let foreign = with(guide_hash("100"), "created_at", SECRET);
    let foreign = with(foreign, "last_accessed_at", SECRET);
    let foreign = with(foreign, "session_principal", SECRET);
    let foreign = with(foreign, "session_deadline", "999999999999999");
    let mut ids = vec![b.create(new.bind(ann)).await, b.plant(foreign, None).await];
    for _ in 0..20 {
        ids.push(b.create(session(5000)).await);
    }
    let mut texts = vec![format!("{:?} {:#?}", operator.shared(), operator.shared())];
    let mut cursor = None;
    loop {
        let size = PageSize::new(1).expect("a size");
        let page = operator.list_page(cursor.as_ref(), size).done().await;
        texts.push(format!("{page:?} {page:#?}"));
        let Some(next) = page.next else { break };
        texts.push(format!("{next} {next:?}"));
        let request = revoke_at(b.public_id(&ids[0]).await, &next);
        texts.push(format!("{request:?}"));
        cursor = Some(next);
    }
    for cursor in garbage() {
        let refused = operator.list_page(Some(&cursor), PageSize::DEFAULT);
        texts.push(shown(&refused.refused().await));
    }
    for text in texts {
        for id in &ids {
            assert_silent(&text, id, "an admin API");
        }
    }
}
