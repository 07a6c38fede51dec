//! The table's versions.

use std::cmp::Ordering;
use std::fmt::Write as _;

use sqlx::migrate::{Migrate as _, MigrateError, Migration, MigrationType};
use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use crate::engine::Engine;
use crate::error::{Because, Failure};
use crate::table::TableName;

/// The migrations of a table, and where sqlx notes which of them were applied.
#[derive(Debug)]
pub(crate) struct Schema {
    migrations: Vec<Migration>,
    table: TableName,
    applied: SqlStr,
}

impl Schema {
    pub(crate) fn new<E: Engine>(table: &TableName) -> Self {
        let versions = (1..).zip(E::migrations(table));
        let migrations = versions.map(|(version, (name, sql))| {
            let sql = AssertSqlSafe(sql).into_sql_str();
            Migration::new(version, name.into(), MigrationType::Simple, sql, false)
        });
        let applied = format!("SELECT version FROM {} WHERE success", table.migrations());
        Self {
            migrations: migrations.collect(),
            table: table.clone(),
            applied: AssertSqlSafe(applied).into_sql_str(),
        }
    }

    /// The SQL that makes the table, and notes that it was made.
    pub(crate) fn sql<E: Engine>(&self) -> String {
        let noted = self.table.migrations();
        let mut sql = String::new();
        if let Some(schema) = self.table.schema() {
            let _ = writeln!(sql, "CREATE SCHEMA IF NOT EXISTS {schema};");
        }
        let (bytes, time) = (E::TYPES.bytes, E::TYPES.time);
        let _ = writeln!(
            sql,
            "CREATE TABLE IF NOT EXISTS {noted} (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on {time} NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum {bytes} NOT NULL,
    execution_time BIGINT NOT NULL
);"
        );
        for migration in &self.migrations {
            let (version, name) = (migration.version, &migration.description);
            let (open, close) = E::TYPES.hex;
            let _ = write!(
                sql,
                "{}\nINSERT INTO {noted} (version, description, success, checksum, execution_time)\
                 \n    VALUES ({version}, '{name}', TRUE, {open}",
                migration.sql.as_str(),
            );
            for byte in migration.checksum.iter() {
                let _ = write!(sql, "{byte:02x}");
            }
            let _ = writeln!(sql, "{close}, 0);");
        }
        sql
    }

    /// Sees to it that the table is there and of this version; makes it, or renews it, if that is
    /// wanted.
    pub(crate) async fn prepare<E: Engine>(
        &self,
        connection: &mut E::Connection,
        may_migrate: bool,
    ) -> Result<(), Failure> {
        let newest = self.migrations.last().map_or(0, |it| it.version);
        let applied = self.applied::<E>(connection).await?;
        match applied.cmp(&newest) {
            Ordering::Equal => return Ok(()),
            Ordering::Greater => return Err(Failure::config(Because::NewerSchema)),
            Ordering::Less if may_migrate => {}
            Ordering::Less if applied == 0 => return Err(Failure::config(Because::NoTable)),
            Ordering::Less => return Err(Failure::config(Because::OlderSchema)),
        }
        let Err(error) = self.migrate::<E>(connection).await else {
            return Ok(());
        };
        // Another process may have done it meanwhile.
        match self.applied::<E>(connection).await {
            Ok(applied) if applied == newest => Ok(()),
            _ => Err(refused::<E>(error)),
        }
    }

    /// What `sqlx migrate run` does.
    async fn migrate<E: Engine>(&self, connection: &mut E::Connection) -> Result<(), MigrateError> {
        connection.lock().await?;
        let applied = self.apply::<E>(connection).await;
        // The lock is the connection's, and other programs wait for it.
        let unlocked = connection.unlock().await;
        applied.and(unlocked)
    }

    async fn apply<E: Engine>(&self, connection: &mut E::Connection) -> Result<(), MigrateError> {
        let noted = self.table.migrations();
        // Who may create tables in a schema need not be allowed to create schemas.
        if let Some(schema) = self.table.schema() {
            let is_there = match E::schemas(schema) {
                Some(sql) => {
                    let sql = AssertSqlSafe(sql).into_sql_str();
                    E::numbers(connection, sql, Vec::new()).await? == [1]
                }
                None => false,
            };
            if !is_there {
                connection.create_schema_if_not_exists(schema).await?;
            }
        }
        connection.ensure_migrations_table(&noted).await?;
        let applied = connection.list_applied_migrations(&noted).await?;
        for migration in &self.migrations {
            let version = migration.version;
            match applied.iter().find(|applied| applied.version == version) {
                Some(applied) if applied.checksum == migration.checksum => {}
                Some(_) => return Err(MigrateError::VersionMismatch(version)),
                None => drop(connection.apply(&noted, migration).await?),
            }
        }
        Ok(())
    }

    /// The newest version that was applied; 0 where there is none.
    async fn applied<E: Engine>(&self, connection: &mut E::Connection) -> Result<i64, Failure> {
        match E::numbers(connection, self.applied.clone(), Vec::new()).await {
            Ok(applied) => Ok(applied.into_iter().max().unwrap_or(0)),
            Err(sqlx::Error::Database(error)) if E::failure(&*error).is_of(Because::NoTable) => {
                Ok(0)
            }
            Err(error) => Err(foreign::<E>(error)),
        }
    }
}

fn refused<E: Engine>(error: MigrateError) -> Failure {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            foreign::<E>(error)
        }
        _ => Failure::config(Because::OtherSchema),
    }
}

/// A table of the versions that lacks their columns, or has others' types, is another's.
fn foreign<E: Engine>(error: sqlx::Error) -> Failure {
    let is_foreign = match &error {
        sqlx::Error::Database(error) => E::failure(&**error).is_of(Because::NoTable),
        sqlx::Error::ColumnDecode { .. } => true,
        _ => false,
    };
    match is_foreign {
        true => Failure::config(Because::ForeignTable),
        false => error.into(),
    }
}
