//! The page and its files, which are part of the binary.

use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::failure::not_found;

/// A file, and its type.
struct File(&'static str, &'static str);

const PAGE: File = File(
    "text/html; charset=utf-8",
    include_str!("../assets/index.html"),
);
const SCRIPT: File = File(
    "text/javascript; charset=utf-8",
    include_str!("../assets/app.js"),
);
const STYLE: File = File(
    "text/css; charset=utf-8",
    include_str!("../assets/style.css"),
);
const ICON: File = File("image/svg+xml", include_str!("../assets/favicon.svg"));

/// `GET /`.
pub(crate) async fn page() -> Response {
    PAGE.into_response()
}

/// `GET /assets/{file}`.
pub(crate) async fn asset(Path(name): Path<String>) -> Response {
    match name.as_str() {
        "app.js" => SCRIPT.into_response(),
        "style.css" => STYLE.into_response(),
        "favicon.svg" => ICON.into_response(),
        _ => not_found().await,
    }
}

impl IntoResponse for File {
    fn into_response(self) -> Response {
        let Self(kind, text) = self;
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
            // A browser asks again each time: the files change with the binary.
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ];
        (headers, text).into_response()
    }
}
