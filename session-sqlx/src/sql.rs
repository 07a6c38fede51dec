//! The statements. What one says of the session semantics is the twin of `session_core::rules`,
//! here and nowhere else.

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use crate::engine::{COLUMNS, Engine};
use crate::table::TableName;

/// All columns of a row, for a query.
pub(crate) fn all_columns() -> String {
    columns("CAST(fields AS TEXT)")
}

fn columns(fields: &str) -> String {
    format!("{COLUMNS}, {fields}")
}

/// One statement for each kind of target.
#[derive(Debug)]
pub(crate) struct ByTarget<T> {
    pub(crate) id: T,
    pub(crate) listing: T,
}

impl<T> ByTarget<T> {
    /// `of` makes a statement from what is true of the target's row, and from the number of the
    /// first parameter behind the target's.
    fn new(of: impl Fn(&str, Parameters) -> T) -> Self {
        Self {
            id: of("s.id = $1", Parameters { before: 1 }),
            listing: of(
                "s.principal = $1 AND s.public_id = $2",
                Parameters { before: 2 },
            ),
        }
    }
}

/// The parameters behind those of the target.
#[derive(Clone, Copy)]
struct Parameters {
    before: u8,
}

impl Parameters {
    fn nth(self, n: u8) -> String {
        format!("${}", self.before + n)
    }

    fn int(self, n: u8) -> String {
        format!("CAST({} AS BIGINT)", self.nth(n))
    }
}

/// The statements of a write that is one statement.
#[derive(Debug)]
pub(crate) struct Writes {
    pub(crate) plain: ByTarget<Change>,
    pub(crate) counting: ByTarget<Change>,
}

/// All statements, for one table.
#[derive(Debug)]
pub(crate) struct Statements {
    /// A live session is slid: target, mode, age, text of the last access.
    pub(crate) slide: ByTarget<Change>,
    /// A row, whatever it is.
    pub(crate) look: ByTarget<SqlStr>,
    /// The same, locked.
    pub(crate) lock: ByTarget<SqlStr>,
    /// Two rows, locked.
    pub(crate) lock_two: SqlStr,
    /// A live session is changed: target, mode, age, text of the last access, TTL, patch, how many
    /// fields it adds, how many there may be; and where it counts, the counter's name and amount.
    pub(crate) write: Writes,
    /// The same, and the fields come back.
    pub(crate) write_returning: Writes,
    /// A live session is deleted.
    pub(crate) remove: ByTarget<Change>,
    /// The live session of a key, or that its tombstones lead to, is deleted.
    pub(crate) follow: Change,
    /// A row that has expired is deleted.
    pub(crate) reap: SqlStr,
    /// A session that begins now: id, TTL, lifetime, texts of creation and last access, principal,
    /// public id, persistence, fields.
    pub(crate) insert: SqlStr,
    /// A row in the place of what has expired.
    pub(crate) put_new: SqlStr,
    /// A row in the place of what is there.
    pub(crate) put: SqlStr,
    /// The listed live sessions of a principal but one, without their fields, in the order in which
    /// a quota ends them: principal, id, how many.
    pub(crate) others: SqlStr,
    /// The live sessions of these keys are deleted, unless others have them locked.
    pub(crate) evict: SqlStr,
    /// A page of a principal's list: principal, deadline, public id, how many.
    pub(crate) list: SqlStr,
    /// The same without their fields.
    pub(crate) list_bare: SqlStr,
    /// Sessions of a principal but one are deleted: principal, id, how many. Where none is, those
    /// that are meant.
    pub(crate) revoke: Change,
    /// The same of those that nobody has locked.
    pub(crate) revoke_unlocked: SqlStr,
    /// A page of the table: id that it begins behind, how many.
    pub(crate) page: SqlStr,
    /// Live sessions of these keys that are not listed are deleted.
    pub(crate) revoke_unlisted: SqlStr,
    /// Live sessions of these principals and public ids are deleted.
    pub(crate) revoke_listed: SqlStr,
    /// Rows that have expired are deleted: how many at most.
    pub(crate) purge: SqlStr,
    /// Changes nothing, and needs all rights.
    pub(crate) ping: [SqlStr; 3],
}

/// A statement that changes a row if it is as it must be. Where it changes none, `look` finds the
/// row as it is.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) change: SqlStr,
    pub(crate) look: SqlStr,
}

/// A query of these columns. `rest` begins behind the table, which is called `s`.
fn select<E: Engine>(table: &TableName, columns: &str, rest: &str) -> SqlStr {
    let now = E::NOW;
    sql(format!(
        "SELECT CAST(0 AS BIGINT), {now}, {columns} FROM {table} AS s {rest}"
    ))
}

/// A statement that changes rows, with the columns of those that it changed; it looks for what
/// `target` means.
fn change<E: Engine>(table: &TableName, body: &str, columns: &str, target: &str) -> Change {
    let now = E::NOW;
    Change {
        change: sql(format!(
            "{body} RETURNING CAST(1 AS BIGINT), {now}, {columns}"
        )),
        look: select::<E>(table, &all_columns(), &format!("WHERE {target}")),
    }
}

fn sql(text: String) -> SqlStr {
    AssertSqlSafe(text).into_sql_str()
}

/// What is true of a live session's row: the twin of `rules::State::is_live`.
fn live<E: Engine>() -> String {
    let now = E::NOW;
    format!(
        "s.ttl IS NOT NULL AND (s.expires_at IS NULL OR s.expires_at >= {now}) \
         AND (s.deadline IS NULL OR s.deadline > {now})"
    )
}

/// What is true of a row that has expired.
fn expired<E: Engine>() -> String {
    format!("s.expires_at < {}", E::NOW)
}

/// Whether a use slides the expiry: the twin of `rules::State::is_due`. The mode is 0 for never,
/// 1 for always, 2 for an age in milliseconds.
fn due<E: Engine>(mode: &str, age: &str) -> String {
    let now = E::NOW;
    let least = E::least(age, "s.ttl * 500");
    format!(
        "({mode} = 1 OR ({mode} = 2 AND (s.expires_at IS NULL \
         OR (NOT coalesce(s.expires_at >= s.deadline, 1 = 0) \
         AND s.expires_at - {now} <= s.ttl * 1000 \
         AND s.ttl * 1000 - (s.expires_at - {now}) >= {least}))))"
    )
}

/// The expiry that a use sets: the twin of `rules::expiry_after_use`.
fn expiry<E: Engine>(ttl: &str, deadline: &str) -> String {
    E::least(&format!("{} + {ttl} * 1000", E::NOW), deadline)
}

impl Statements {
    pub(crate) fn new<E: Engine>(table: &TableName) -> Self {
        let (now, live, expired) = (E::NOW, live::<E>(), expired::<E>());
        let all = all_columns();
        let bare = columns("'{}'");
        let select = |columns: &str, rest: String| select::<E>(table, columns, &rest);
        let change =
            |body: String, columns: &str, target: &str| change::<E>(table, &body, columns, target);
        let locked = E::LOCKED;
        let left_out = E::LOCKED_OR_LEFT_OUT;
        let listed = format!("s.principal = $1 AND s.public_id IS NOT NULL AND {live}");
        let list = |columns: &str| {
            select(
                columns,
                format!(
                    "WHERE {listed} AND (s.deadline, s.public_id) > (CAST($2 AS BIGINT), $3) \
                     ORDER BY s.deadline, s.public_id LIMIT CAST($4 AS BIGINT)"
                ),
            )
        };
        let revoke = |locked: &str| {
            format!(
                "DELETE FROM {table} AS s WHERE s.id IN (SELECT s.id FROM {table} AS s \
                 WHERE {listed} AND s.id <> $2 ORDER BY s.id LIMIT CAST($3 AS BIGINT){locked})"
            )
        };
        // A statement that returns whether it changed anything is `change` without a look.
        let only = |body: String| change(body, &bare, "s.id IS NULL").change;
        Self {
            slide: ByTarget::new(|target, p| {
                let due = due::<E>(&p.int(1), &p.int(2));
                let expiry = expiry::<E>("s.ttl", "s.deadline");
                let last = p.nth(3);
                change(
                    format!(
                        "UPDATE {table} AS s SET last_accessed_at = {last}, \
                         expires_at = {expiry} WHERE {target} AND {live} AND {due}"
                    ),
                    &all,
                    target,
                )
            }),
            look: ByTarget::new(|target, _| select(&all, format!("WHERE {target}"))),
            lock: ByTarget::new(|target, _| select(&all, format!("WHERE {target}{locked}"))),
            lock_two: select(
                &all,
                format!("WHERE s.id = $1 OR s.id = $2 ORDER BY s.id{locked}"),
            ),
            write: writes::<E>(table, false),
            write_returning: writes::<E>(table, true),
            remove: ByTarget::new(|target, _| {
                change(
                    format!("DELETE FROM {table} AS s WHERE {target} AND {live}"),
                    &bare,
                    target,
                )
            }),
            follow: {
                let next = |of: &str| {
                    format!(
                        "SELECT t.successor FROM {table} AS t \
                         WHERE t.id = {of} AND t.rotated_until >= {now}"
                    )
                };
                // A look into the index for each: no join, which might read the table instead. A
                // circle of them, which only another program can make, ends by the UNION.
                let target = format!(
                    "s.id IN (WITH RECURSIVE \"Chain\"(id) AS (\
                     SELECT t.id FROM {table} AS t WHERE t.id = $1 \
                     UNION SELECT ({}) FROM \"Chain\" AS chain WHERE chain.id IS NOT NULL) \
                     SELECT chain.id FROM \"Chain\" AS chain WHERE chain.id IS NOT NULL) AND {live}",
                    next("chain.id")
                );
                change(
                    format!("DELETE FROM {table} AS s WHERE {target}"),
                    &bare,
                    &target,
                )
            },
            reap: only(format!(
                "DELETE FROM {table} AS s WHERE s.id = $1 AND {expired}"
            )),
            insert: {
                let (ttl, lifetime) = ("CAST($2 AS BIGINT)", "CAST($3 AS BIGINT)");
                let deadline = format!("{now} + {lifetime}");
                let expiry = expiry::<E>(ttl, &deadline);
                let fields = E::json("$9");
                only(format!(
                    "INSERT INTO {table} AS s ({COLUMNS}, fields) VALUES ($1, {expiry}, \
                     {deadline}, {ttl}, $4, $5, $6, $7, \
                     CASE WHEN $6 IS NULL THEN NULL ELSE {now} END, \
                     CAST($8 AS BIGINT), NULL, NULL, {fields}) {}",
                    overwrite(&format!(" WHERE {expired}"))
                ))
            },
            put_new: only(put::<E>(table, &format!(" WHERE {expired}"))),
            put: only(put::<E>(table, "")),
            others: select(
                &bare,
                format!(
                    "WHERE {listed} AND s.id <> $2 ORDER BY s.login_at NULLS FIRST, s.public_id \
                     LIMIT CAST($3 AS BIGINT)"
                ),
            ),
            evict: only(format!(
                "DELETE FROM {table} AS s WHERE s.id IN (SELECT s.id FROM {table} AS s \
                 WHERE {} AND {live} ORDER BY s.id{left_out})",
                E::key_in("$1")
            )),
            list: list(&all),
            list_bare: list(&bare),
            revoke: change(revoke(locked), &bare, &format!("{listed} AND s.id <> $2")),
            revoke_unlocked: only(revoke(left_out)),
            page: select(
                &all,
                "WHERE s.id > $1 ORDER BY s.id LIMIT CAST($2 AS BIGINT)".to_owned(),
            ),
            revoke_unlisted: only(format!(
                "DELETE FROM {table} AS s WHERE s.id IN (SELECT s.id FROM {table} AS s WHERE {} \
                 AND (s.principal IS NULL OR s.public_id IS NULL) AND {live} ORDER BY s.id{locked})",
                E::key_in("$1")
            )),
            revoke_listed: only(format!(
                "DELETE FROM {table} AS s WHERE s.id IN (SELECT s.id FROM {table} AS s WHERE {} \
                 AND {live} ORDER BY s.id{locked})",
                E::listing_in("$1")
            )),
            // A row that another has slid meanwhile has not expired.
            purge: only(format!(
                "DELETE FROM {table} AS s WHERE {} AND {expired}",
                E::first_rows(
                    table,
                    E::EXPIRED_LONG_AGO,
                    E::EXPIRY_HOUR,
                    "CAST($1 AS BIGINT)"
                )
            )),
            ping: [
                sql(format!("UPDATE {table} SET ttl = ttl WHERE 1 = 0")),
                sql(format!("DELETE FROM {table} WHERE 1 = 0")),
                sql(format!(
                    "INSERT INTO {table} ({COLUMNS}, fields) \
                     SELECT {COLUMNS}, fields FROM {table} WHERE 1 = 0"
                )),
            ],
        }
    }
}

/// The statements of a write of few changes: the twin of what `rules::write` does of them. What it
/// would refuse, and more, changes nothing here: the rules decide then.
fn writes<E: Engine>(table: &TableName, is_returning: bool) -> Writes {
    let live = live::<E>();
    let of = |is_counting: bool| {
        ByTarget::new(|target, p| {
            let due = due::<E>(&p.int(1), &p.int(2));
            let (last, ttl) = (p.nth(3), format!("coalesce({}, s.ttl)", p.int(4)));
            let (added, most) = (p.int(6), p.int(7));
            let expiry = expiry::<E>(&ttl, "s.deadline");
            let mut fields = E::patched(&p.nth(5));
            let mut guard = format!("{} + {added} <= {most}", E::FIELD_COUNT);
            let mut returned = "'{}'".to_owned();
            if is_counting {
                let (name, by) = (p.nth(8), p.int(9));
                let current = format!("coalesce({}, '0')", E::field(&name));
                fields = E::with_field(&fields, &name, &E::sum(&current, &by));
                guard = format!("{guard} AND {}", E::can_grow(&current, &by));
                let counted = E::field(&name).replace("s.fields", "fields");
                returned = format!("CAST({} AS TEXT)", E::one_field(&name, &counted));
            }
            if is_returning {
                returned = "CAST(fields AS TEXT)".to_owned();
            }
            let body = format!(
                "UPDATE {table} AS s SET fields = {fields}, ttl = {ttl}, \
                 last_accessed_at = CASE WHEN {due} THEN {last} ELSE s.last_accessed_at END, \
                 expires_at = CASE WHEN {due} THEN {expiry} ELSE s.expires_at END \
                 WHERE {target} AND {live} AND {guard}"
            );
            change::<E>(table, &body, &columns(&returned), target)
        })
    };
    Writes {
        plain: of(false),
        counting: of(true),
    }
}

/// What an insertion does where there is a row already.
fn overwrite(condition: &str) -> String {
    let columns = COLUMNS.split(", ").skip(1).chain(["fields"]);
    let set: Vec<_> = columns
        .map(|column| format!("{column} = excluded.{column}"))
        .collect();
    format!(
        "ON CONFLICT (id) DO UPDATE SET {}{condition}",
        set.join(", ")
    )
}

fn put<E: Engine>(table: &TableName, condition: &str) -> String {
    let fields = E::json("$13");
    let overwrite = overwrite(condition);
    format!(
        "INSERT INTO {table} AS s ({COLUMNS}, fields) VALUES \
         ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, {fields}) {overwrite}"
    )
}
