//! Servers whose replies are no replies.

use std::fs;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use session_core::SessionId;
use tokio::task::JoinSet;

use super::count;
use crate::Target;
use crate::fake::{fake_server, plain_reply};
use crate::harness::{Connect, own_prefix};

const TASKS: usize = 16;
const BACKENDS: usize = 20;
const OPERATIONS: usize = 10;
const DEADLINE: Duration = Duration::from_millis(50);
/// What a busy machine may add to it.
const SLACK: Duration = Duration::from_secs(2);
/// What the process may take more for it.
const MEMORY_KB: u64 = 256 * 1024;

/// Out of these no reply of a script can come about: none begins with a number of theirs.
const PIECES: &str = "$9223372036854775807|*1000000000|*9223372036854775807|$-2|*-7|:999999999999999999999|\
    %1000000000|%-1|>3|+invalidate|~5|(1|=15|txt:|!5|,nan|#x|_||+|-|-ERR|-MOVED 1 |-ASK|-READONLY x|\
    *2|:7|$1|a|*-1|$-1|+OK|;4|$?|*?|.";

/// Whatever bytes a server sends, every operation ends within its deadline with an error, and takes
/// little memory.
pub async fn bytes_that_make_no_sense_end_operations_in_time(connect: Connect) {
    let seed = rand::random();
    println!("seed {seed}");
    let dice = Mutex::new(StdRng::seed_from_u64(seed));
    let address = fake_server(move |command| {
        let mut dice = dice.lock().expect("not poisoned");
        let is_session = command.first().is_some_and(|name| name == "EVALSHA");
        match is_session || dice.random_ratio(1, 10) {
            true => garbage(&mut dice),
            false => plain_reply("7.0.15", command),
        }
    });
    let before = most_memory();
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let protocol = if task % 2 == 0 { "" } else { "?protocol=resp3" };
        let url = format!("redis://{address}{protocol}");
        tasks.spawn(async move {
            for _ in 0..BACKENDS {
                let target = Target {
                    deadline: DEADLINE,
                    ..Target::patient(url.clone(), own_prefix())
                };
                let backend = connect(target).backend;
                let id = SessionId::random().expect("an id");
                for operation in 0..OPERATIONS {
                    let began = Instant::now();
                    let failed = match operation % 3 {
                        0 => backend.get_session(&id).await.is_err(),
                        1 => backend.delete_session(&id).await.is_err(),
                        _ => count(&*backend, &id).await.is_err(),
                    };
                    assert!(failed, "it cannot have succeeded");
                    assert!(began.elapsed() < DEADLINE + SLACK, "{:?}", began.elapsed());
                }
            }
        });
    }
    tasks.join_all().await;
    let more = most_memory() - before;
    println!("{more} kB more");
    assert!(more < MEMORY_KB, "{more} kB");
}

fn garbage(dice: &mut StdRng) -> Vec<u8> {
    let pieces: Vec<&str> = PIECES.split('|').collect();
    let mut bytes = Vec::new();
    for _ in 0..dice.random_range(1..6) {
        match dice.random_range(0..8) {
            0 => {
                let mut random = [0; 24];
                dice.fill_bytes(&mut random);
                bytes.extend(random);
            }
            // fred's decoder overflows its stack at a thousand levels, which ends the process.
            1 => bytes.extend("*1\r\n".repeat(dice.random_range(1..60)).bytes()),
            _ => {
                bytes.extend(pieces.choose(dice).unwrap_or(&"").bytes());
                bytes.extend(b"\r\n");
            }
        }
    }
    if dice.random_ratio(1, 4) {
        bytes.truncate(dice.random_range(0..=bytes.len()));
    }
    bytes
}

/// The most memory that this process has had, in kB.
fn most_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let most = most.and_then(|most| most.trim().trim_end_matches(" kB").parse().ok());
    most.unwrap_or_default()
}
