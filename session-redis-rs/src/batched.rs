//! A stream whose writes wait for company.

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What was written at once if several operations run side by side: two reads or more.
const BUSY: usize = 512;

/// A stream that, while it is busy, is written to once all tasks that are ready have run, instead
/// of at the first command: the client's driver then takes the commands of all of them, and one
/// system call on each side serves many.
///
/// So much: before the first write after a flush it lets its task yield once. Where the last write
/// was small nothing waits, for the yield would only cost a lone operation time.
pub(crate) struct Batched<S> {
    stream: S,
    /// Bytes written since the last flush.
    written: usize,
    is_busy: bool,
    has_yielded: bool,
}

impl<S> Batched<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            written: 0,
            is_busy: false,
            has_yielded: false,
        }
    }

    fn poll_yield(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.has_yielded || !self.is_busy {
            return Poll::Ready(());
        }
        self.has_yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn note(&mut self, written: Poll<Result<usize>>) -> Poll<Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written {
            self.written += bytes;
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Batched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Batched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<Result<usize>> {
        ready!(self.poll_yield(cx));
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        ready!(self.poll_yield(cx));
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.written > 0 {
            self.is_busy = self.written >= BUSY;
            (self.written, self.has_yielded) = (0, false);
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often each write of so many bytes, followed by a flush, lets its task yield.
    #[test]
    fn a_write_yields_once_where_the_one_before_was_large() {
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let mut cx = Context::from_waker(&waker);
        let mut stream = Batched::new(tokio::io::sink());
        for (bytes, yields) in [
            (BUSY - 1, 0),
            (BUSY, 0),
            (BUSY, 1),
            (1, 1),
            (1, 0),
            (BUSY, 0),
        ] {
            let before = wakes.0.swap(0, Ordering::Relaxed);
            assert!(before <= 1);
            let data = vec![0; bytes];
            let mut polls = 0;
            let mut write = Box::pin(poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, &data)));
            while write.as_mut().poll(&mut cx).is_pending() {
                polls += 1;
                // Whoever yields is polled again.
                assert_eq!(wakes.0.load(Ordering::Relaxed), polls);
            }
            assert_eq!(polls, yields, "{bytes} bytes");
            drop(write);
            // As often as the driver likes.
            for _ in 0..2 {
                assert!(Pin::new(&mut stream).poll_flush(&mut cx).is_ready());
            }
        }
    }
}
