//! Each target, with as many inputs as `SESSION_FUZZ_RUNS` says.

macro_rules! targets {
    ($($target:ident)*) => {$(
        #[test]
        fn $target() {
            session_fuzz::fuzz(stringify!($target), session_fuzz::$target);
        }
    )*};
}

targets! { cluster_maps cookies fields hashes ids info numbers replies sentinels urls }
