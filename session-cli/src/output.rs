//! Standard output, whose reader may end at any time.

use std::io::{self, ErrorKind, Write};

/// Lines for a reader. One that ends (`| head`) is no error: what is written after that is dropped.
#[derive(Debug)]
pub(crate) struct Output<W> {
    writer: W,
    is_read: bool,
}

impl<W: Write> Output<W> {
    pub(crate) fn to(writer: W) -> Self {
        Self {
            writer,
            is_read: true,
        }
    }

    /// Whether somebody still reads, as far as is known.
    pub(crate) fn is_read(&self) -> bool {
        self.is_read
    }

    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        self.while_read(|writer| writeln!(writer, "{text}"))
    }

    /// What is a part of a line, or several.
    pub(crate) fn part(&mut self, text: &str) -> io::Result<()> {
        self.while_read(|writer| writer.write_all(text.as_bytes()))
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.while_read(W::flush)
    }

    fn while_read(&mut self, write: impl FnOnce(&mut W) -> io::Result<()>) -> io::Result<()> {
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
