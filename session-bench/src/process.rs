//! What a process has used of the processors and of the memory.

use std::fs;
use std::time::Duration;

/// The processor time of all threads of these processes that live, to the nanosecond. (The sum in
/// `/proc/PID/stat` has ticks of 10 ms.)
pub(crate) fn cpu_time(pids: &[u32]) -> Duration {
    let nanos = pids.iter().map(|pid| {
        let threads = fs::read_dir(format!("/proc/{pid}/task"));
        let threads = threads.into_iter().flatten().flatten();
        let nanos = threads.map(|thread| first_number(thread.path().join("schedstat")));
        nanos.sum::<u64>()
    });
    Duration::from_nanos(nanos.sum())
}

/// The processes that this one has started, and that live.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let text = text.unwrap_or_default();
    text.split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

/// The bytes of this process that are in memory.
pub(crate) fn resident_bytes() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    kilobytes
        .and_then(|number| number.parse().ok())
        .unwrap_or(0.0)
        * 1024.0
}

fn first_number(path: impl AsRef<std::path::Path>) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let word = text.split_whitespace().next();
    word.and_then(|word| word.parse().ok()).unwrap_or(0)
}
