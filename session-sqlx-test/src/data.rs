//! A server's data: made once in a process, then copied.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use session_redis_test::ServerFiles;
use tokio::sync::OnceCell;

use crate::builder::PostgresServerBuilder;
use crate::programs::{owner, run};
use crate::server::PASSWORD;

/// Where a server's files have its data.
pub(crate) fn of(files: &ServerFiles) -> PathBuf {
    files.directory().join("data")
}

/// Makes the data that a server with these settings starts with.
pub(crate) async fn make(with: &PostgresServerBuilder) -> io::Result<ServerFiles> {
    let files = ServerFiles::new(owner()?)?;
    let data = of(&files);
    match &with.primary {
        Some(primary) => {
            let program = with.programs.join("pg_basebackup");
            let data = data.to_string_lossy();
            let args = [
                "--pgdata",
                &data,
                "--dbname",
                primary,
                "--write-recovery-conf",
                "--no-sync",
                "--checkpoint=fast",
                "--wal-method=stream",
            ];
            run(&program, &args, &files).await?;
        }
        None => {
            let template = of(template(&with.programs).await?);
            let args = ["-a", &template.to_string_lossy(), &data.to_string_lossy()];
            run(Path::new("cp"), &args, &files).await?;
        }
    }
    Ok(files)
}

/// `initdb` takes more than a second, a copy a tenth of one.
async fn template(programs: &Path) -> io::Result<&'static ServerFiles> {
    static TEMPLATE: OnceCell<ServerFiles> = OnceCell::const_new();
    let make = async || {
        let files = ServerFiles::new(owner()?)?;
        let (data, password) = (of(&files), files.directory().join("password"));
        fs::write(&password, PASSWORD)?;
        let (data, password) = (data.to_string_lossy(), password.to_string_lossy());
        let args = [
            "--pgdata",
            &data,
            "--pwfile",
            &password,
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
            "--auth=trust",
            "--no-sync",
        ];
        run(&programs.join("initdb"), &args, &files).await?;
        Ok(files)
    };
    TEMPLATE.get_or_try_init(make).await
}

/// Writes what the server on this port is told: ours, then the test's settings, so that these win.
pub(crate) fn configure(
    files: &ServerFiles,
    port: u16,
    with: &PostgresServerBuilder,
) -> io::Result<()> {
    let port = port.to_string();
    let directory = files.directory().to_string_lossy();
    let durable = if with.is_durable { "on" } else { "off" };
    let own = [
        ("listen_addresses", "127.0.0.1"),
        ("port", &*port),
        ("unix_socket_directories", &*directory),
        ("fsync", durable),
        ("full_page_writes", durable),
        ("max_connections", "300"),
        // For replicas, which have no slot.
        ("wal_keep_size", "256MB"),
        // In files of its own: what is shared by the system outlives a killed server.
        ("dynamic_shared_memory_type", "mmap"),
        // In which a port that is taken is recognized.
        ("lc_messages", "C"),
        ("timezone", "UTC"),
        ("log_timezone", "UTC"),
    ];
    let tests = with
        .settings
        .iter()
        .map(|(name, value)| (&**name, &**value));
    let line = |(name, value): (&str, &str)| format!("{name} = '{}'\n", value.replace('\'', "''"));
    let lines: String = own.into_iter().chain(tests).map(line).collect();
    fs::write(of(files).join("postgresql.conf"), lines)?;

    let by = if with.needs_password {
        "scram-sha-256"
    } else {
        "trust"
    };
    let access = format!(
        "local all all {by}\nhost all all 127.0.0.1/32 {by}\nhost replication all 127.0.0.1/32 {by}\n"
    );
    fs::write(of(files).join("pg_hba.conf"), access)
}
