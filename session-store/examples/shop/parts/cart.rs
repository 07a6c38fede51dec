//! The cart: one field of the session, which two tabs change without losing anything.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use session_store::Session;

use super::pages::{escape, page};
use super::users::User;
use super::{Answer, Shown, see};

const CATALOGUE: [&str; 3] = ["hat", "scarf", "socks"];

/// The page counts along, and is opened again when the session is over.
const LIVE: &str = r#"<script>
const live = new EventSource('/live')
live.onmessage = event => {
  const pieces = JSON.parse(event.data)
  for (const shown of document.querySelectorAll('span')) shown.textContent = pieces[shown.id] || 0
}
live.addEventListener('over', () => location.reload())
</script>
"#;

/// What is in the cart, and which of this session's orders it will be.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cart {
    pub(crate) number: u32,
    pub(crate) pieces: BTreeMap<String, u32>,
}

impl Cart {
    /// What is left when this has been ordered: of an order that was placed already, everything.
    pub(crate) fn without(mut self, ordered: &Self) -> Self {
        if self.number != ordered.number {
            return self;
        }
        for (item, count) in &ordered.pieces {
            let left = self.pieces.remove(item).unwrap_or_default();
            self.pieces
                .insert(item.clone(), left.saturating_sub(*count));
        }
        self.pieces.retain(|_, count| *count > 0);
        self.number += 1;
        self
    }
}

#[derive(Deserialize)]
pub(crate) struct Change {
    item: String,
    by: i32,
}

/// Some more or fewer of an item. A visitor's session begins here.
pub(crate) async fn change(session: Session, change: Change) -> Answer {
    if !CATALOGUE.contains(&change.item.as_str()) {
        return Ok(Shown::Page(404, String::new()));
    }
    // Called again where the other tab was faster, with what it made of the cart.
    let more = move |cart: Option<Cart>| {
        let mut cart = cart.unwrap_or_default();
        let count = cart.pieces.entry(change.item.clone()).or_default();
        *count = count.saturating_add_signed(change.by);
        cart.pieces.retain(|_, count| *count > 0);
        cart
    };
    session.update("cart", more).await?;
    see("/")
}

/// The shop's front page.
pub(crate) async fn show(session: Session, user: Option<User>) -> Answer {
    let cart: Cart = session.get("cart").await?.unwrap_or_default();
    let mut body = String::new();
    // Shown once.
    if let Some(notice) = session.take::<String>("notice").await? {
        let _ = writeln!(body, "<p><strong>{}</strong></p>", escape(&notice));
    }
    if let Some(number) = session.take::<u32>("shipped").await? {
        let _ = writeln!(body, "<p>Your order {number} is on its way.</p>");
    }
    body.push_str("<ul id=\"cart\">\n");
    for item in CATALOGUE {
        let count = cart.pieces.get(item).copied().unwrap_or_default();
        let _ = writeln!(
            body,
            r#"<li><form method="post" action="/cart"><span id="{item}">{count}</span> x {item}
<input type="hidden" name="item" value="{item}">
<button name="by" value="1">+</button> <button name="by" value="-1">-</button></form>"#
        );
    }
    body.push_str("</ul>\n<form method=\"post\" action=\"/order\"><button>Order</button></form>\n");
    body.push_str(&match user {
        Some(user) => format!(
            r#"<form method="post" action="/logout">{} <button>Log out</button></form>"#,
            user.name
        ),
        None => r#"<p><a href="/login">Log in</a></p>"#.to_owned(),
    });
    body.push_str(LIVE);
    Ok(page(200, "Shop", &body))
}
