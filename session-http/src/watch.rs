//! What a WebSocket or a stream of events needs to know of its session.

mod poll;
mod polls;

use std::fmt;
use std::sync::Arc;

use session_core::{Operation, SessionRecord, Touch};

use self::poll::Poll;
pub(crate) use self::polls::{Begun, WatchedSessions};
use crate::error::SessionError;

/// Watches the session of an open connection: a WebSocket, or a response that streams events. The
/// connection outlives its request, and would go on after a log-out.
///
/// Made by [`Session::watch`](crate::Session::watch) and
/// [`ReadSession::watch`](crate::ReadSession::watch). A clone watches the same.
///
/// # What it costs
/// While somebody waits for [`ended`](Self::ended), one look at the store per
/// [interval](crate::SessionHttp::with_watch_interval): one round trip, two once a rotation was
/// followed. All watches of one session in a process, and of one session layer, share it. No task
/// is spawned: whoever waits drives the look, and nobody else needs to. Besides, the store is
/// looked at right after the time at which the session would expire. A look does not count as use.
///
/// # Which session it is
/// One that is bound to a principal is followed through rotations, by its public id. One that is
/// bound to nobody is known by its id only. A log-in is the beginning of another session in each
/// case, also of the same user: whom the connection serves is checked again by a new request.
/// (Where the server has evicted its principal's index, a rotated session cannot be followed until
/// its next use, and is taken for ended.)
///
/// The rules are the same for what the request that began the watch does later. So log in first,
/// and then watch: what waits is applied by [`Session::watch`](crate::Session::watch).
///
/// # Runtime
/// `ended` sleeps by tokio's timer, and panics outside of a tokio runtime that has one.
///
/// # Example
/// Server-sent events: the receiver's end becomes the body of the response.
/// ```
/// use session_http::{Session, SessionEnd, SessionError};
/// use std::time::Duration;
/// use tokio::sync::mpsc;
///
/// async fn events(session: Session) -> Result<Option<mpsc::Receiver<String>>, SessionError> {
///     let Some(watch) = session.watch().await? else {
///         return Ok(None); // please log in
///     };
///     let (events, body) = mpsc::channel(8);
///     tokio::spawn(async move {
///         let mut ticks = tokio::time::interval(Duration::from_secs(60));
///         loop {
///             let event = tokio::select! {
///                 end = watch.ended() => match end {
///                     // The browser has a newer cookie: it is to connect again.
///                     SessionEnd::Rotated => "reconnect",
///                     SessionEnd::Expired => "expired",
///                     _ => "logged-out",
///                 },
///                 // A tab that is open keeps its session alive. That the store fails is no end.
///                 _ = ticks.tick() => match watch.touch().await {
///                     Ok(false) => continue,
///                     Ok(true) => "tick",
///                     Err(_) => "delayed",
///                 },
///             };
///             let is_over = !matches!(event, "tick" | "delayed");
///             let sent = events.send(format!("event: {event}\ndata:\n\n")).await;
///             if is_over || sent.is_err() {
///                 break;
///             }
///         }
///     });
///     Ok(Some(body))
/// }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), SessionError> {
/// # use session_core::{NewSession, SessionBackend};
/// # use std::sync::Arc;
/// # let backend = Arc::new(session_memory::MemoryBackend::new());
/// # let id = backend.create_session(NewSession::default()).await?.id;
/// # let session = Session::for_test(backend.clone(), Some(id.clone()));
/// # let mut body = events(session).await?.expect("it lives");
/// # assert_eq!(body.recv().await.as_deref(), Some("event: tick\ndata:\n\n"));
/// # backend.delete_session(&id).await?;
/// # assert_eq!(body.recv().await.as_deref(), Some("event: logged-out\ndata:\n\n"));
/// # assert_eq!(body.recv().await, None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Watch {
    poll: Arc<Poll>,
}

/// How a session is over, as seen from an open connection. See [`Watch::ended`].
///
/// The store knows that there is no session, and not why: `Expired` and `Ended` are concluded from
/// what remained of its life when it was last seen. So one that was ended after the last look
/// before it would have expired is taken for expired, and one whose TTL another request has made
/// shorter since the last look for ended. Either way there is no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionEnd {
    /// Its time was over: it was not used for so long, or its deadline passed.
    Expired,
    /// It was ended: by a log-out, from another device, by an operator, or by a newer log-in where
    /// the number of a principal's sessions is limited.
    ///
    /// Also what could not be seen to be a rotation any more: one that is older than its
    /// [tombstone](session_core::SessionPolicy::with_tombstone_lifetime), or a log-in in a session
    /// whose earlier rotation was followed.
    Ended,
    /// It goes on as another session: one that was bound to nobody was rotated, or somebody logged
    /// in or out in it. The client has a newer id, or is about to get it, and can connect again.
    Rotated,
}

impl Watch {
    /// Waits until the session is over.
    ///
    /// That the store fails is no end: it is looked at less and less often, every four intervals at
    /// last, until it is back.
    ///
    /// # Returns
    /// How it is over; at once, and the same each time, if it is known already.
    ///
    /// # Cancellation
    /// Safe, also in a loop that drops it and calls it again: when the next look is due stays as it
    /// is, and one under way is not sent again. A future that is kept and not polled holds up no
    /// other.
    ///
    /// # Example
    /// ```
    /// # async fn example(watch: session_http::Watch) {
    /// # async fn next_message() {}
    /// loop {
    ///     tokio::select! {
    ///         _ = watch.ended() => break,
    ///         message = next_message() => { /* … */ }
    ///     }
    /// }
    /// # }
    /// ```
    pub async fn ended(&self) -> SessionEnd {
        loop {
            if let Some(end) = self.poll.watched().end() {
                return end;
            }
            self.poll.round().await;
        }
    }

    /// The session as the store has it now, which does not count as use.
    ///
    /// # Returns
    /// `None` when it is over.
    ///
    /// # Errors
    /// [`SessionError::Backend`]. It says nothing of the session.
    ///
    /// # Cancellation
    /// Safe.
    pub async fn load(&self) -> Result<Option<SessionRecord>, SessionError> {
        let looked = self.poll.watched().look(Touch::Never).await;
        looked.map_err(|error| error.during(Operation::PeekSession).into())
    }

    /// Uses the session: it does not expire while the connection does so often enough, but at its
    /// deadline. As often as the backend's [policy](session_core::SessionPolicy::with_touch) says;
    /// where that says that reads are no use, each time.
    ///
    /// # Returns
    /// Whether the session lives.
    ///
    /// # Errors
    /// [`SessionError::Backend`]. It says nothing of the session.
    ///
    /// # Cancellation
    /// Safe; whether the session was used is then unknown.
    pub async fn touch(&self) -> Result<bool, SessionError> {
        let looked = self.poll.watched().touch().await;
        let looked = looked.map_err(|error| error.during(Operation::GetSession))?;
        Ok(looked.is_some())
    }
}

/// Shows no id.
impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("end", &self.poll.watched().end())
            .finish_non_exhaustive()
    }
}
