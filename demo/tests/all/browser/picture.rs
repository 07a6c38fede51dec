//! The picture of the README, which `scripts/screenshot` has this test write.

use std::env;
use std::fs;
use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use png::{Compression, Decoder, Encoder, Filter};
use serde_json::json;

use super::page::Page;
use crate::support::{Backend, Demo};

/// Where to write the picture; without it, it is only looked at.
const FILE: &str = "DEMO_SCREENSHOT";
const WIDTH: u32 = 1280;
const MOST_BYTES: usize = 200_000;

#[tokio::test]
async fn the_readmes_picture_can_be_taken() {
    let demo = Demo::on(Backend::Memory).await;
    let elsewhere = demo.visitor().with_agent("(Android 15) Firefox/140.0");
    elsewhere.log_in("Ada", "300").await;
    let page = Page::of(&demo).await;
    page.log_in("Ada", "30").await;
    for views in ["2", "3"] {
        page.click("increment").await;
        page.has_text("page-views", views).await;
    }
    page.has(2, "session-entry").await;
    // A part of the time has passed, and no message hides anything.
    page.click("message-close").await;
    page.counts(10..=28).await;

    let picture = smaller(&picture(&page, "#panels").await);
    if let Some(file) = env::var_os(FILE) {
        fs::write(file, &picture).unwrap();
    }
    assert!(picture.starts_with(b"\x89PNG\r\n"));
    assert_eq!(picture[16..20], WIDTH.to_be_bytes());
    assert!(picture.len() < MOST_BYTES, "{} bytes", picture.len());
}

/// A picture (PNG) of the page, from its top to a little below this element.
async fn picture(page: &Page, last: &str) -> Vec<u8> {
    let metrics = json!({ "width": WIDTH, "height": 900, "deviceScaleFactor": 1, "mobile": false });
    let devtools = page.browser.cdp();
    let set_metrics = devtools.send_raw("Emulation.setDeviceMetricsOverride", metrics);
    set_metrics.await.unwrap();
    // The height depends on the width.
    let bottom = format!("document.querySelector('{last}').getBoundingClientRect().bottom");
    let height = page.evaluate(&format!("Math.ceil({bottom}) + 24")).await;
    let clip = json!({ "x": 0, "y": 0, "width": WIDTH, "height": height, "scale": 1 });
    let asked = json!({ "format": "png", "clip": clip, "captureBeyondViewport": true });
    let picture = devtools.send_raw("Page.captureScreenshot", asked).await;
    let picture = picture.unwrap();
    STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()
}

/// The same picture, packed as flat areas want it: Chromium packs in a hurry.
fn smaller(picture: &[u8]) -> Vec<u8> {
    let mut reader = Decoder::new(Cursor::new(picture)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let mut packed = Vec::new();
    let mut encoder = Encoder::new(&mut packed, info.width, info.height);
    encoder.set_color(info.color_type);
    encoder.set_depth(info.bit_depth);
    encoder.set_compression(Compression::High);
    encoder.set_filter(Filter::NoFilter);
    let mut writer = encoder.write_header().unwrap();
    let pixels = &pixels[..info.buffer_size()];
    writer.write_image_data(pixels).unwrap();
    writer.finish().unwrap();
    packed
}
