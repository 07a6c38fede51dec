//! The picture of the README, which `scripts/screenshot` has this test write.

use std::env;
use std::fs;
use std::io::Cursor;

use png::{Compression, Decoder, Encoder, Filter};

use super::page::Page;
use crate::support::{Backend, Demo};

/// Where to write the picture; without it, it is only looked at.
const FILE: &str = "DEMO_SCREENSHOT";
const WIDTH: u32 = 1280;
const MOST_BYTES: usize = 200_000;

#[tokio::test]
async fn the_readmes_picture_can_be_taken() {
    let demo = Demo::on(Backend::Memory).await;
    let elsewhere = demo.visitor();
    elsewhere.log_in("Ada", "300").await;
    let page = Page::of(&demo).await;
    page.log_in("Ada", "30").await;
    page.click("increment").await;
    page.has_text("page-views", "2").await;
    page.click("increment").await;
    page.has_text("page-views", "3").await;
    page.has(2, "session-entry").await;
    // A part of the time is gone, and no message hides anything.
    page.click("message-close").await;
    page.counts(10..=26).await;

    let picture = smaller(&page.browser().picture(WIDTH, "#panels").await);
    if let Some(file) = env::var_os(FILE) {
        fs::write(file, &picture).unwrap();
    }
    assert!(picture.starts_with(b"\x89PNG\r\n"));
    assert_eq!(picture[16..20], WIDTH.to_be_bytes());
    assert!(picture.len() < MOST_BYTES, "{} bytes", picture.len());
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
    writer
        .write_image_data(&pixels[..info.buffer_size()])
        .unwrap();
    writer.finish().unwrap();
    packed
}
