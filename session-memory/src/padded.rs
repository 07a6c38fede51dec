//! Data that is written by many threads.

/// On cache lines of its own, so that who writes here keeps nobody from reading beside it.
#[repr(align(128))]
#[derive(Debug, Default)]
pub(crate) struct Padded<T>(pub(crate) T);
