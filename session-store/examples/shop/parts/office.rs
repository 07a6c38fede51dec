//! The office: all sessions of the shop, visitors' included, for those who have the permission.

use std::fmt::Write as _;

use serde::Deserialize;
use session_store::admin::{PageCursor, PageSize, SessionAdmin};

use super::devices::Chosen;
use super::pages::{escape, page};
use super::{Answer, see};

#[derive(Deserialize)]
pub(crate) struct From {
    cursor: Option<PageCursor>,
}

/// One page of them. Each looks at a part of the store, however large it is.
pub(crate) async fn sessions(admin: &dyn SessionAdmin, from: From) -> Answer {
    let shown = admin
        .list_page(from.cursor.as_ref(), PageSize::DEFAULT)
        .await?;
    let mut body = String::from("<ul>\n");
    for overview in &shown.sessions {
        let whose = overview
            .principal
            .as_ref()
            .map_or("a visitor", |it| it.as_str());
        let _ = writeln!(
            body,
            r#"<li><form method="post" action="/office/end">{}, {} s left
<button name="session" value="{}">End</button></form>"#,
            escape(whose),
            overview.ttl.whole_seconds().unwrap_or_default(),
            overview.session.public_id,
        );
    }
    body.push_str("</ul>\n");
    if let Some(next) = &shown.next {
        let _ = writeln!(
            body,
            r#"<a href="/office?cursor={}">More</a>"#,
            next.as_str()
        );
    }
    Ok(page(200, "Office", &body))
}

pub(crate) async fn end(admin: &dyn SessionAdmin, chosen: Chosen) -> Answer {
    admin.revoke_session(&chosen.session).await?;
    see("/office")
}
