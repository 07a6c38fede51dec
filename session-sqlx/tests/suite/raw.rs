//! The table, as another program would read and write it.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use session_conformance::{RawHash, RawKey};
use session_core::{Principal, PublicId, SessionId, StoredSession, Tombstone, reserved};
use sqlx::{AssertSqlSafe, PgPool, Row, SqlitePool};

/// A database, behind the backend's back.
#[derive(Debug, Clone)]
pub(crate) enum Raw {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

const COLUMNS: [&str; 12] = [
    "id",
    "expires_at",
    "deadline",
    "ttl",
    "created_at",
    "last_accessed_at",
    "principal",
    "public_id",
    "login_at",
    "persistent",
    "rotated_until",
    "successor",
];

/// Does the same on either database.
macro_rules! on {
    ($raw:expr, $pool:ident => $act:expr) => {
        match $raw {
            Raw::Sqlite($pool) => $act,
            Raw::Postgres($pool) => $act,
        }
    };
}

macro_rules! bound {
    ($query:expr, $values:expr) => {{
        let mut query = $query;
        for value in $values {
            query = match value {
                Value::Int(number) => query.bind(number),
                Value::Text(text) => query.bind(text),
                Value::Bytes(bytes) => query.bind(bytes),
            };
        }
        query
    }};
}

/// A text as the table has it.
pub(crate) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') && !text.starts_with("base64:") => text.to_owned(),
        _ => format!("base64:{}", URL_SAFE_NO_PAD.encode(bytes)),
    }
}

fn bytes(text: String) -> Vec<u8> {
    match text.strip_prefix("base64:") {
        Some(encoded) => URL_SAFE_NO_PAD.decode(encoded).unwrap(),
        None => text.into_bytes(),
    }
}

impl Raw {
    pub(crate) async fn run(&self, sql: &str, values: Vec<Value>) -> u64 {
        let sql = AssertSqlSafe(sql.to_owned());
        on!(self, pool => bound!(sqlx::query(sql), values).execute(pool).await.unwrap().rows_affected())
    }

    /// Runs statements without values.
    pub(crate) async fn run_all(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        on!(self, pool => drop(sqlx::raw_sql(sql).execute(pool).await.unwrap()));
    }

    /// The rows of a query of three texts.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<[Option<String>; 3]> {
        let sql = AssertSqlSafe(sql.to_owned());
        on!(self, pool => {
            let rows = sqlx::query(sql).fetch_all(pool).await.unwrap();
            rows.iter().map(|row| [0, 1, 2].map(|column| row.get(column))).collect()
        })
    }

    pub(crate) async fn number(&self, sql: &str, values: Vec<Value>) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        on!(self, pool => bound!(sqlx::query(sql), values).fetch_one(pool).await.unwrap().get(0))
    }

    pub(crate) fn now_sql(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "CAST(round(unixepoch('now', 'subsec') * 1000) AS INTEGER)",
            Self::Postgres(_) => {
                "CAST(floor(extract(epoch FROM statement_timestamp()) * 1000) AS BIGINT)"
            }
        }
    }

    fn json(&self, parameter: &str) -> String {
        match self {
            Self::Sqlite(_) => parameter.to_owned(),
            Self::Postgres(_) => format!("CAST({parameter} AS JSONB)"),
        }
    }

    pub(crate) async fn now(&self) -> u64 {
        let sql = format!("SELECT {}", self.now_sql());
        self.number(&sql, Vec::new()).await.try_into().unwrap()
    }

    pub(crate) async fn plant(&self, id: &SessionId, hash: RawHash, expires_in: Option<Duration>) {
        let is_session = StoredSession::parse(hash.clone()).is_ok();
        let mut columns = vec![Value::Int(None); 3];
        columns.extend(vec![Value::Text(None); 4]);
        columns.extend([Value::Int(None), Value::Int(None), Value::Int(None)]);
        columns.push(Value::Bytes(None));
        let mut fields = serde_json::Map::new();
        for (name, value) in hash {
            let number = str::from_utf8(&value)
                .ok()
                .and_then(|text| text.parse().ok());
            let (column, held) = match str::from_utf8(&name).unwrap_or_default() {
                reserved::SESSION_ROTATED => match Tombstone::parse(&value) {
                    Some(tombstone) => {
                        let until = tombstone.until().get().try_into().unwrap();
                        columns[9] = Value::Int(Some(until));
                        columns[10] = Value::Bytes(tombstone.successor().map(<[u8]>::to_vec));
                        continue;
                    }
                    None => (0, None),
                },
                _ if !is_session => (0, None),
                reserved::SESSION_DEADLINE => (1, Some(Value::Int(number))),
                reserved::SESSION_TTL => (2, Some(Value::Int(number))),
                reserved::CREATED_AT => (3, Some(Value::Text(Some(text(&value))))),
                reserved::LAST_ACCESSED_AT => (4, Some(Value::Text(Some(text(&value))))),
                reserved::SESSION_PRINCIPAL => {
                    let principal = str::from_utf8(&value).ok();
                    let is_one = principal.is_some_and(|text| Principal::new(text).is_ok());
                    (5, is_one.then(|| Value::Text(Some(text(&value)))))
                }
                reserved::SESSION_PUBLIC_ID => {
                    let is_one = PublicId::parse(&value).is_ok();
                    (6, is_one.then(|| Value::Text(Some(text(&value)))))
                }
                reserved::SESSION_LOGIN_AT => {
                    let is_one = session_core::UnixMillis::parse(&value).is_some();
                    (7, is_one.then_some(Value::Int(number)))
                }
                reserved::SESSION_PERSISTENT => {
                    let is_one = matches!(value.as_slice(), b"0" | b"1");
                    (8, is_one.then_some(Value::Int(number)))
                }
                _ => (0, None),
            };
            match held {
                Some(held) => columns[column] = held,
                None => drop(fields.insert(text(&name), text(&value).into())),
            }
        }
        self.put(id, columns, serde_json::Value::Object(fields), expires_in)
            .await;
    }

    pub(crate) async fn plant_other_type(&self, id: &SessionId) {
        let mut columns = vec![Value::Int(None); 3];
        columns.extend(vec![Value::Text(None); 4]);
        columns.extend(vec![Value::Int(None); 3]);
        columns.push(Value::Bytes(None));
        self.put(id, columns, serde_json::Value::Array(Vec::new()), None)
            .await;
    }

    async fn put(
        &self,
        id: &SessionId,
        columns: Vec<Value>,
        fields: serde_json::Value,
        expires_in: Option<Duration>,
    ) {
        let id = Value::Bytes(Some(id.digest().to_vec()));
        self.run("DELETE FROM sessions WHERE id = $1", vec![id.clone()])
            .await;
        let left = expires_in.map(|left| i64::try_from(left.as_millis()).unwrap());
        let mut values = vec![id];
        values.extend(columns);
        values.push(Value::Text(Some(fields.to_string())));
        values[1] = Value::Int(left);
        let sql = format!(
            "INSERT INTO sessions ({}, fields) VALUES \
             ($1, $2 + {}, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, {})",
            COLUMNS.join(", "),
            self.now_sql(),
            self.json("$13"),
        );
        self.run(&sql, values).await;
    }

    pub(crate) async fn dump(&self, id: &SessionId) -> Option<RawKey> {
        let sql = format!(
            "SELECT {}, CAST(fields AS TEXT), {} FROM sessions WHERE id = $1",
            COLUMNS.join(", "),
            self.now_sql()
        );
        let sql = AssertSqlSafe(sql);
        let id = id.digest().to_vec();
        type Found = (
            Vec<Option<i64>>,
            Vec<Option<String>>,
            Option<Vec<u8>>,
            String,
        );
        let found: Option<Found> = on!(self, pool => {
            let row = sqlx::query(sql).bind(id).fetch_optional(pool).await.unwrap();
            row.map(|row| {
                let numbers = [1, 2, 3, 8, 9, 10, 13].map(|column| row.get(column)).to_vec();
                let texts = [4, 5, 6, 7].map(|column| row.get(column)).to_vec();
                (numbers, texts, row.get(11), row.get(12))
            })
        });
        let (numbers, texts, successor, fields) = found?;
        let now = numbers[6].unwrap();
        let expires_in = match numbers[0] {
            None => None,
            Some(at) => Some(Duration::from_millis(u64::try_from(at - now).ok()?)),
        };
        let serde_json::Value::Object(fields) = serde_json::from_str(&fields).unwrap() else {
            return Some(RawKey::other_type(expires_in));
        };
        let mut hash: RawHash = Vec::new();
        let names = [
            reserved::SESSION_DEADLINE,
            reserved::SESSION_TTL,
            reserved::SESSION_LOGIN_AT,
            reserved::SESSION_PERSISTENT,
        ];
        for (name, number) in names.into_iter().zip(&numbers[1..5]) {
            hash.extend(number.map(|number| (name.into(), number.to_string().into_bytes())));
        }
        let names = [
            reserved::CREATED_AT,
            reserved::LAST_ACCESSED_AT,
            reserved::SESSION_PRINCIPAL,
            reserved::SESSION_PUBLIC_ID,
        ];
        for (name, text) in names.into_iter().zip(texts) {
            hash.extend(text.map(|text| (name.into(), bytes(text))));
        }
        if let Some(until) = numbers[5] {
            let mut value = until.to_string().into_bytes();
            if let Some(successor) = successor {
                value.push(b' ');
                value.extend(successor);
            }
            hash.push((reserved::SESSION_ROTATED.into(), value));
        }
        for (name, value) in fields {
            let value = Cow::Borrowed(value.as_str().unwrap());
            hash.push((bytes(name), bytes(value.into_owned())));
        }
        Some(RawKey::hash(hash, expires_in))
    }

    pub(crate) async fn advance(&self, by: Duration) {
        let by = Value::Int(Some(i64::try_from(by.as_millis()).unwrap()));
        let sql = "UPDATE sessions SET expires_at = expires_at - $1, \
             rotated_until = rotated_until - $1, \
             deadline = CASE WHEN deadline > $1 THEN deadline - $1 ELSE \
                 CASE WHEN deadline IS NULL THEN NULL ELSE 1 END END";
        self.run(sql, vec![by]).await;
    }
}
