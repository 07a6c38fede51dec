//! Standard output, whose reader may go at any time.

use std::io::{self, ErrorKind, Write};

/// Lines for a reader. One that goes (`| head`) is no error: what is written after that is dropped.
#[derive(Debug)]
pub(super) struct Output<W> {
    writer: W,
    is_read: bool,
}

impl<W: Write> Output<W> {
    pub(super) fn to(writer: W) -> Self {
        Self {
            writer,
            is_read: true,
        }
    }

    /// Whether somebody still reads, as far as is known.
    pub(super) fn is_read(&self) -> bool {
        self.is_read
    }

    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        self.unless_gone(|writer| writeln!(writer, "{text}"))
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.unless_gone(W::flush)
    }

    fn unless_gone(&mut self, write: impl FnOnce(&mut W) -> io::Result<()>) -> io::Result<()> {
        if !self.is_read {
            return Ok(());
        }
        match write(&mut self.writer) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.is_read = false;
                Ok(())
            }
            written => written,
        }
    }
}
