//! Where a person is logged in, and ending it.

use std::fmt::Write as _;

use serde::Deserialize;
use session_store::web::FieldsExt;
use session_store::{PublicId, Session};

use super::pages::{escape, page};
use super::{Answer, see};

/// A session by the id that may be shown: it ends the session, and opens none.
#[derive(Deserialize)]
pub(crate) struct Chosen {
    pub(crate) session: PublicId,
}

pub(crate) async fn list(session: Session) -> Answer {
    let mut body = String::from("<ul>\n");
    for device in session.devices(["device"]).await? {
        let name: Option<String> = device.get_as("device")?;
        let is_this = session.public_id() == Some(device.public_id);
        let _ = writeln!(
            body,
            r#"<li><form method="post" action="/devices/end">{}{} since {}
<button name="session" value="{}">Log out</button></form>"#,
            escape(name.as_deref().unwrap_or("a device")),
            if is_this { " (this one)" } else { "" },
            device.created_at_text.as_str().unwrap_or_default(),
            device.public_id,
        );
    }
    body.push_str("</ul>\n<form method=\"post\" action=\"/devices/end-others\"><button>Log out all others</button></form>");
    Ok(page(200, "My devices", &body))
}

/// One of this person's sessions; those of others are not found, whatever is sent.
pub(crate) async fn end(session: Session, chosen: Chosen) -> Answer {
    session.log_out_device(chosen.session).await?;
    see("/devices")
}

pub(crate) async fn end_others(session: Session) -> Answer {
    session.log_out_others().await?;
    see("/devices")
}
