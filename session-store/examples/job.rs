//! Sessions without HTTP: background tasks that change the sessions of others, of which they keep
//! no secret, and none of which they keep alive. Run it:
//!
//! ```sh
//! cargo run -p session-store --example job --features tower
//! cargo run -p session-store --example job --features tower,redis-rs -- redis://127.0.0.1:6379
//! ```

use std::error::Error;

use serde::{Deserialize, Serialize};
use session_store::web::{DeltaExt, FieldsExt};
use session_store::{
    Delta, ErrorKind, FieldName, NewSession, Principal, PublicId, SessionBackend, SessionError,
    SessionId, Touch,
};

/// What a task keeps of the request that began it. A public id may stand in a queue, a database or
/// a log: it opens nothing.
pub(crate) struct Upload {
    pub(crate) principal: Principal,
    pub(crate) session: PublicId,
    pub(crate) file: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Picture {
    pub(crate) file: String,
    pub(crate) width: u32,
}

/// Tells the session that began the task what came of it: values of the application's types, as
/// [`Session::get`](session_store::Session::get) reads them, and a counter, in one step.
///
/// Returns whether the session still lives. If it has ended, nothing brings it back.
pub(crate) async fn finish(
    sessions: &dyn SessionBackend,
    upload: Upload,
) -> Result<bool, SessionError> {
    let picture = Picture {
        file: upload.file,
        width: 1024,
    };
    let delta = Delta::new()
        .insert("picture", picture)?
        .increment(FieldName::new("pictures")?, 1)
        // The task's work is no use of the session by its user.
        .touch(Touch::Never);
    let written = sessions.update_session_of(&upload.principal, &upload.session, delta);
    Ok(written.await?.is_some())
}

/// Tells a user's sessions something, on all devices. Returns how many were told.
pub(crate) async fn tell_all(
    sessions: &dyn SessionBackend,
    user: &Principal,
    text: &str,
) -> Result<usize, SessionError> {
    let mut told = 0;
    for session in sessions.list_sessions(user).await? {
        let delta = Delta::new().insert("notice", text)?.touch(Touch::Never);
        let written = sessions.update_session_of(user, &session.public_id, delta);
        told += usize::from(written.await?.is_some());
    }
    Ok(told)
}

/// A visitor is nobody's principal, so a task on a visitor's session needs the id. It is the secret
/// itself: it stays in the memory of this process.
///
/// Only the first of several tasks sets the result. Returns whether it was this one.
pub(crate) async fn estimate(
    sessions: &dyn SessionBackend,
    id: &SessionId,
) -> Result<bool, SessionError> {
    let price = FieldName::new("price")?;
    let delta = Delta::new().expect_absent(price).insert("price", 12.5)?;
    match sessions.update_session(id, delta).await {
        Ok(written) => Ok(written.is_some()),
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1);
    let sessions = session_store::connect(url.as_deref().unwrap_or("memory:")).await?;

    // What requests would have done.
    let ann = Principal::new("ann")?;
    let visitor = sessions.create_session(NewSession::default()).await?.id;
    for _device in ["phone", "laptop"] {
        let log_in = NewSession::default().bind(ann.clone());
        sessions.create_session(log_in).await?;
    }
    let devices = sessions.list_sessions(&ann).await?;
    let phone = devices.first().ok_or("the session has ended")?.public_id;

    let upload = Upload {
        principal: ann.clone(),
        session: phone,
        file: "cat.png".to_owned(),
    };
    println!("the upload is told: {}", finish(&*sessions, upload).await?);
    println!(
        "devices told: {}",
        tell_all(&*sessions, &ann, "Hello.").await?
    );
    println!("estimated: {}", estimate(&*sessions, &visitor).await?);
    println!("estimated again: {}", estimate(&*sessions, &visitor).await?);

    let told = sessions.peek_session_of(&ann, &phone).await?;
    let told = told.ok_or("the session has ended")?;
    println!("the phone knows {:?}", told.get_as::<Picture>("picture")?);
    Ok(())
}
