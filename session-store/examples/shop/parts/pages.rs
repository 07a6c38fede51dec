//! What all pages have in common.

use super::Shown;

/// A page of this title. The body is HTML: what people have written is [escaped](escape) in it.
pub(crate) fn page(status: u16, title: &str, body: &str) -> Shown {
    Shown::Page(status, html(title, body))
}

fn html(title: &str, body: &str) -> String {
    format!(
        r#"<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<h1>{title}</h1>
{body}
<p><a href="/">The shop</a> <a href="/devices">My devices</a> <a href="/office">Office</a></p>
</html>
"#
    )
}

pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Refusals and failures, whoever made them, have no body: people are shown this page.
pub(crate) fn explanation(status: u16) -> Option<String> {
    let text = match status {
        401 => r#"Please <a href="/login">log in</a>."#,
        403 => "You may not do this.",
        404 => "We do not have this.",
        503 => "We will be back in a moment.",
        400.. => "This did not work.",
        _ => return None,
    };
    Some(html("Sorry", text))
}
