//! A small application, and the unit tests that its author would write. The application knows only
//! `dyn SessionBackend`; the tests give it the memory backend, without a server and without
//! sleeping.

use std::sync::Arc;

use session_core::{
    Delta, Error, ErrorKind, FieldName, Fields, NewSession, Principal, SessionBackend, SessionId,
};

// ---- The application ----------------------------------------------------------------------------

const PAGE_VIEWS: &str = "page_views";
const THEME: &str = "theme";
const USERNAME: &str = "username";

/// A site with accounts. Cookies come and go as text.
struct App {
    sessions: Arc<dyn SessionBackend>,
}

/// What a visitor is shown.
#[derive(Debug, PartialEq, Eq)]
enum Page {
    Welcome { username: String, views: i64 },
    PleaseLogIn,
    TryAgainLater,
}

impl App {
    /// Starts a session for a user who has proved who they are; the cookie to set.
    async fn login(&self, username: &str) -> Result<String, Error> {
        let fields = Fields::new().with(FieldName::new(USERNAME)?, username);
        let new = NewSession::new(fields).bind(Principal::new(username)?);
        let created = self.sessions.create_session(new).await?;
        Ok(created.id.expose().to_owned())
    }

    /// Counts a page view and greets the user.
    async fn visit(&self, cookie: &str) -> Page {
        let Ok(id) = SessionId::parse(cookie) else {
            return Page::PleaseLogIn;
        };
        match self.count_view(&id).await {
            Ok(Some((username, views))) => Page::Welcome { username, views },
            Ok(None) => Page::PleaseLogIn,
            // The store being down is not the visitor being logged out.
            Err(_) => Page::TryAgainLater,
        }
    }

    async fn count_view(&self, id: &SessionId) -> Result<Option<(String, i64)>, Error> {
        let delta = Delta::new()
            .increment(FieldName::new(PAGE_VIEWS)?, 1)
            .returning_record();
        let written = self.sessions.update_session(id, delta).await?;
        Ok(written.and_then(|written| {
            let views = written.counter(PAGE_VIEWS)?;
            let record = written.record?;
            let username = record.fields().get_str(USERNAME)?.to_owned();
            Some((username, views))
        }))
    }

    /// Switches between the light and the dark theme; the new one, if the user is logged in.
    async fn switch_theme(&self, cookie: &str) -> Result<Option<&'static str>, Error> {
        let Ok(id) = SessionId::parse(cookie) else {
            return Ok(None);
        };
        let Some(session) = self.sessions.get_session(&id).await? else {
            return Ok(None);
        };
        let theme = match session.fields().get_str(THEME) {
            Some("dark") => "light",
            _ => "dark",
        };
        let delta = Delta::new().set(FieldName::new(THEME)?, theme);
        let written = self.sessions.update_session(&id, delta).await?;
        Ok(written.map(|_| theme))
    }

    /// Ends a session. Whether it is certain that it has ended.
    async fn logout(&self, cookie: &str) -> bool {
        let Ok(id) = SessionId::parse(cookie) else {
            return true;
        };
        match self.sessions.delete_session(&id).await {
            Ok(_) => true,
            // Deleting twice does no harm, so an unknown outcome is worth a second try.
            Err(error) if error.kind() == ErrorKind::Timeout => {
                self.sessions.delete_session(&id).await.is_ok()
            }
            Err(_) => false,
        }
    }
}

// ---- Its tests ----------------------------------------------------------------------------------

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use session_core::Effect;
    use session_memory::{ManualClock, MemoryBackend, Step};

    use super::*;

    /// The application on a memory backend whose time the test moves.
    fn app() -> (App, MemoryBackend, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new());
        let backend = MemoryBackend::with_clock(clock.clone());
        let sessions = Arc::new(backend.clone());
        (App { sessions }, backend, clock)
    }

    fn welcome(username: &str, views: i64) -> Page {
        Page::Welcome {
            username: username.to_owned(),
            views,
        }
    }

    #[tokio::test]
    async fn a_user_logs_in_visits_and_logs_out() {
        let (app, _, _) = app();
        let cookie = app.login("ann").await.unwrap();
        assert_eq!(app.visit(&cookie).await, welcome("ann", 1));
        assert_eq!(app.visit(&cookie).await, welcome("ann", 2));
        assert_eq!(app.switch_theme(&cookie).await.unwrap(), Some("dark"));
        assert_eq!(app.switch_theme(&cookie).await.unwrap(), Some("light"));
        assert!(app.logout(&cookie).await);
        assert_eq!(app.visit(&cookie).await, Page::PleaseLogIn);
    }

    #[tokio::test]
    async fn a_made_up_cookie_does_not_reach_the_store() {
        let (app, backend, _) = app();
        assert_eq!(app.visit("letmein").await, Page::PleaseLogIn);
        assert_eq!(backend.faults().calls(), 0);
    }

    #[tokio::test]
    async fn visits_keep_a_session_alive_and_half_an_hour_without_one_ends_it() {
        let (app, _, clock) = app();
        let cookie = app.login("ann").await.unwrap();
        for views in 1..=3 {
            clock.advance(Duration::from_secs(20 * 60));
            assert_eq!(app.visit(&cookie).await, welcome("ann", views));
        }
        clock.advance(Duration::from_secs(30 * 60 + 1));
        assert_eq!(app.visit(&cookie).await, Page::PleaseLogIn);
    }

    #[tokio::test]
    async fn nobody_stays_logged_in_for_more_than_twelve_hours() {
        let (app, _, clock) = app();
        let cookie = app.login("ann").await.unwrap();
        for _ in 0..35 {
            clock.advance(Duration::from_secs(20 * 60));
            assert_ne!(app.visit(&cookie).await, Page::PleaseLogIn);
        }
        clock.advance(Duration::from_secs(20 * 60));
        assert_eq!(app.visit(&cookie).await, Page::PleaseLogIn);
    }

    #[tokio::test]
    async fn a_visit_is_one_call() {
        let (app, backend, _) = app();
        let cookie = app.login("ann").await.unwrap();
        backend.faults().reset_calls();
        app.visit(&cookie).await;
        assert_eq!(backend.faults().calls_of(Step::Write), 1);
        assert_eq!(backend.faults().calls(), 1);
    }

    #[tokio::test]
    async fn a_store_that_is_down_logs_nobody_out() {
        let (app, backend, _) = app();
        let cookie = app.login("ann").await.unwrap();
        backend.faults().store_down();
        assert_eq!(app.visit(&cookie).await, Page::TryAgainLater);
        assert!(!app.logout(&cookie).await);
        let error = app.login("bob").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        backend.faults().clear();
        assert_eq!(app.visit(&cookie).await, welcome("ann", 1));
    }

    #[tokio::test]
    async fn a_view_whose_reply_was_lost_is_not_counted_twice() {
        let (app, backend, _) = app();
        let cookie = app.login("ann").await.unwrap();
        backend.faults().on(Step::Write).next_call().lose_reply();
        assert_eq!(app.visit(&cookie).await, Page::TryAgainLater);
        assert_eq!(app.visit(&cookie).await, welcome("ann", 2));
    }

    #[tokio::test]
    async fn a_logout_whose_reply_was_lost_is_tried_again() {
        let (app, backend, _) = app();
        let cookie = app.login("ann").await.unwrap();
        backend.faults().on(Step::Remove).next_call().lose_reply();
        assert!(app.logout(&cookie).await);
        assert_eq!(backend.faults().calls_of(Step::Remove), 2);
        assert_eq!(app.visit(&cookie).await, Page::PleaseLogIn);
    }

    #[tokio::test]
    async fn a_logout_between_load_and_save_stays_a_logout() {
        let (app, backend, _) = app();
        let cookie = app.login("ann").await.unwrap();
        // The other tab logs out after this request has loaded the session, before it saves.
        let other_tab = App {
            sessions: Arc::new(backend.clone()),
        };
        let same_cookie = cookie.clone();
        backend
            .faults()
            .on(Step::Write)
            .next_call()
            .run(async move || {
                assert!(other_tab.logout(&same_cookie).await);
            });
        assert_eq!(app.switch_theme(&cookie).await.unwrap(), None);
        assert_eq!(app.visit(&cookie).await, Page::PleaseLogIn);
        assert!(backend.is_empty());
    }

    #[tokio::test]
    async fn a_full_store_is_an_error_that_the_caller_sees() {
        let (app, backend, _) = app();
        let insert = backend.faults().on(Step::Insert);
        insert
            .next_call()
            .fail(ErrorKind::StoreFull, Effect::NotApplied);
        let error = app.login("ann").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StoreFull);
        assert_eq!(error.effect(), Effect::NotApplied);
    }
}
