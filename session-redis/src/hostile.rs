//! What a hostile server says: never a panic, and never a hang.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use rand::TryRng as _;
use session_core::{
    Delta, FieldName, NewSession, OnExcess, PageSize, Principal, PrincipalLimit, PublicId, Result,
    SessionAdmin as _, SessionBackend as _, SessionCount, SessionId, SessionPolicy, SessionTtl,
};
use tokio::time::Instant;

use crate::command::Command;
use crate::connection::{Connect, Connection, PushSink, ReadForm};
use crate::reply::Reply;
use crate::testing::all_slots_at;
use crate::{Credentials, Endpoint, RedisBackend, ServerError, Settings};

const OPERATIONS: usize = 100_000;

const WORDS: [&str; 9] = [
    "created_at",
    "session_ttl",
    "AAAAAAAAAAAAAAAA",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "15",
    "1800000000000",
    "+inf",
    "0",
];

/// Draws from a seed.
struct Dice(u64);

impl Dice {
    /// From the seed that `SESSION_SEED` says, or a random one.
    fn new() -> Self {
        let said = std::env::var("SESSION_SEED").ok();
        let seed = said.and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| rand::rngs::SysRng.try_next_u64().unwrap());
        println!("to repeat: SESSION_SEED={seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed ^ (mixed >> 29)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn number(&mut self) -> i64 {
        const EDGES: [i64; 9] = [
            i64::MIN,
            i64::MAX,
            -2,
            16_383,
            16_384,
            65_536,
            1 << 53,
            1_800_000_000_000,
            256,
        ];
        match self.below(3) {
            0 => self.pick(&EDGES),
            1 => i64::try_from(self.below(12)).unwrap() - 1,
            _ => self.next().cast_signed(),
        }
    }

    /// Words out of some, and garbage.
    fn text(&mut self, words: &[&str]) -> Vec<u8> {
        let mut text = Vec::new();
        for _ in 0..self.below(7) {
            match self.below(8) {
                0 => text.extend(self.next().to_le_bytes()),
                1 => text.extend(self.number().to_string().bytes()),
                _ => text.extend(self.pick(words).bytes()),
            }
        }
        text
    }

    fn reply(&mut self, depth: usize) -> Reply {
        match self.below(if depth == 0 { 4 } else { 7 }) {
            0 => Reply::Nil,
            1 => Reply::Integer(self.number()),
            2 | 3 => self.bytes(),
            4 => Reply::Array((0..self.below(9)).map(|_| self.reply(depth - 1)).collect()),
            _ => self.outcome(),
        }
    }

    fn bytes(&mut self) -> Reply {
        let text = match self.below(3) {
            0 => self.text(&WORDS).into(),
            _ => Bytes::from(self.pick(&WORDS)),
        };
        Reply::Bytes(text)
    }

    /// As a script replies, nearly: a number, a text, the fields of a session.
    fn outcome(&mut self) -> Reply {
        const SHAPES: [&str; 13] = [
            "",
            "i",
            "ii",
            "if",
            "iti",
            "itttt",
            "itttttttt",
            "iitt",
            "iff",
            "tt",
            "0",
            "0t",
            "0tttiiittt",
        ];
        const FIELDS: [&str; 6] = [
            "created_at",
            "1",
            "last_accessed_at",
            "2",
            "session_ttl",
            "15",
        ];
        let mut parts = vec![Reply::Integer(
            self.pick(&[1, 1, 1, 1, 0, -1, 2, 3, 4, 5, 9]),
        )];
        for part in self.pick(&SHAPES).bytes() {
            parts.push(match (part, self.below(12)) {
                (_, 0) => self.reply(1),
                (b'i', _) => Reply::Integer(self.number()),
                (b'f', 1..6) => {
                    let field = |text: &&'static str| Reply::Bytes(Bytes::from(*text));
                    Reply::Array(FIELDS.iter().map(field).collect())
                }
                (b'f', _) => Reply::Array(vec![self.bytes()]),
                (b'0', _) => Reply::Bytes("0".into()),
                _ => self.bytes(),
            });
        }
        Reply::Array(parts)
    }

    fn error(&mut self) -> session_core::Error {
        const CODES: [&str; 9] = [
            "MOVED", "ASK", "TRYAGAIN", "NOSCRIPT", "READONLY", "MISCONF", "ERR", "LOADING", "",
        ];
        let detail = self.text(&[
            "1 ",
            "host:",
            "7000",
            ":",
            " script: ",
            "unknown command",
            "[",
        ]);
        ServerError::into_error(self.pick(&CODES), &String::from_utf8_lossy(&detail))
    }
}

/// Connections to servers that reply at random.
#[derive(Clone)]
struct Hostile(Arc<Mutex<Dice>>);

impl fmt::Debug for Hostile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hostile")
    }
}

impl Connect for Hostile {
    type Connection = Self;

    const OFFERS_TLS: bool = false;

    const READ_FORM: ReadForm = ReadForm::Pipeline;

    async fn connect(&self, _: &Endpoint, _: &Credentials, _: PushSink) -> Result<Self> {
        Ok(self.clone())
    }
}

impl Connection for Hostile {
    async fn send(&self, commands: &[Command], _: Instant) -> Vec<Result<Reply>> {
        let mut dice = self.0.lock().unwrap();
        let reply = |command: &Command| match (command.name(), dice.below(6)) {
            // First contact and probes.
            ("INFO", _) => Ok(Reply::Nil),
            _ if command.args().iter().eq([b"0"]) => Ok(Reply::Nil),
            ("CLUSTER", 2..) => all_slots_at(7000),
            (_, 0) => Err(dice.error()),
            (_, 1) => Ok(dice.reply(3)),
            _ => Ok(dice.outcome()),
        };
        commands.iter().map(reply).collect()
    }

    async fn closed(&self) {
        std::future::pending::<()>().await;
    }
}

#[tokio::test(start_paused = true)]
async fn operations_end_whatever_the_server_replies() {
    let server = Hostile(Arc::new(Mutex::new(Dice::new())));
    let limit = PrincipalLimit {
        max: SessionCount::new(1).unwrap(),
        on_excess: OnExcess::EvictOldest,
    };
    let settings = || Settings {
        policy: SessionPolicy::new().with_principal_limit(limit),
        deadline: Duration::from_millis(20),
        ..Settings::default()
    };
    let node = Endpoint::tcp("host", 7000);
    let backends = [
        RedisBackend::standalone(server.clone(), node.clone(), settings()),
        RedisBackend::cluster(server.clone(), vec![node], settings()),
    ];
    let ann = Principal::new("ann").unwrap();
    let name = FieldName::new("a").unwrap();
    let (id, public_id) = (SessionId::random().unwrap(), PublicId::random().unwrap());
    let mut succeeded = HashMap::<_, usize>::new();
    for n in 0..OPERATIONS {
        let backend = &backends[n % 2];
        let began = Instant::now();
        let bind = || Delta::new().bind(ann.clone()).increment(name.clone(), 1);
        let operation = n / 2 % 13;
        let ended = match operation {
            0 => backend
                .create_session(NewSession::default().bind(ann.clone()))
                .await
                .is_ok(),
            1 => backend.create_session(NewSession::default()).await.is_ok(),
            2 => backend.get_session(&id).await.is_ok(),
            3 => backend.peek_session(&id).await.is_ok(),
            4 => backend
                .update_session(&id, bind().returning_record())
                .await
                .is_ok(),
            5 => backend.rotate_session(&id, bind()).await.is_ok(),
            6 => backend.delete_session(&id).await.is_ok(),
            7 => backend.list_sessions(&ann).await.is_ok(),
            8 => backend.revoke_sessions(&ann, Some(&id)).await.is_ok(),
            9 => backend.revoke_session(&ann, &public_id).await.is_ok(),
            10 => backend.set_session_ttl(&id, SessionTtl::MAX).await.is_ok(),
            11 => backend
                .admin()
                .list_page(None, PageSize::DEFAULT)
                .await
                .is_ok(),
            _ => backend.admin().revoke_session(&public_id).await.is_ok(),
        };
        *succeeded.entry(operation).or_default() += usize::from(ended);
        assert!(began.elapsed() <= Duration::from_millis(25), "{operation}");
        // A server that was refused is tried again.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    println!("{succeeded:?}");
}
