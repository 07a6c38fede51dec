//! Connections over TLS.

use std::error::Error as _;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, date_time_ymd};
use session_core::{Error, ErrorKind, NewSession, SessionBackend};
use session_redis::{TlsRefused, TlsUnusable};
use tempfile::TempDir;

use super::acl::use_all;
use super::{Subject, backend, create, fields, until_well};
use crate::harness::Connect;
use crate::ports::Port;
use crate::tls::{Authority, Issued, TlsEnd};
use crate::{Cluster, RedisServer};

/// Files that a URL can name.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(TempDir::new().expect("a directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
    }

    fn write_identity(&self, issued: &Issued) {
        self.write("cert.pem", &issued.certificate);
        self.write("key.pem", &issued.key);
    }

    /// What a URL says of the authority, and of the client's certificate if it is to show one.
    fn query(&self, shows_one: bool) -> String {
        let path = |name| self.path(name).to_string_lossy().into_owned();
        let mut query = format!("ca={}", path("ca.pem"));
        if shows_one {
            query += &format!("&cert={}&key={}", path("cert.pem"), path("key.pem"));
        }
        query
    }
}

fn reason<T: std::error::Error + Clone + 'static>(error: &Error) -> Option<T> {
    let mut next = error.source();
    while let Some(source) = next {
        if let Some(found) = source.downcast_ref::<T>() {
            return Some(found.clone());
        }
        next = source.source();
    }
    None
}

/// Each kind of bad certificate is refused with the reason; the good one is used, by its host's
/// name and by its address.
pub async fn bad_certificates_are_refused_by_name(connect: Connect) {
    type Change = fn(&mut CertificateParams);
    let server = RedisServer::start().await;
    let (authority, stranger, files) = (Authority::new(), Authority::new(), Files::new());
    files.write("ca.pem", &authority.pem);
    let cases: [(TlsRefused, &Authority, Change); 7] = [
        (TlsRefused::Expired, &authority, |it| {
            it.not_after = date_time_ymd(2020, 1, 1);
        }),
        (TlsRefused::NotValidYet, &authority, |it| {
            it.not_before = date_time_ymd(4000, 1, 1);
        }),
        (TlsRefused::OtherName, &authority, |it| {
            it.subject_alt_names.truncate(0);
            it.subject_alt_names.push(rcgen::SanType::DnsName(
                "redis.example".try_into().expect("a name"),
            ));
        }),
        (TlsRefused::UnknownAuthority, &stranger, |_| {}),
        (TlsRefused::OtherPurpose, &authority, |it| {
            it.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        }),
        // An authority's own certificate.
        (TlsRefused::OtherPurpose, &authority, |it| {
            it.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }),
        (TlsRefused::OtherName, &authority, |it| {
            it.subject_alt_names.clear();
        }),
    ];
    let good = authority.issue(|_| {});
    let end = TlsEnd::start(server.addr(), &good, None).await;
    let query = files.query(false);
    let at = |host: &str| {
        let url = format!("rediss://{host}:{}?{query}", end.addr().port());
        backend(connect, url)
    };
    for host in ["localhost", "127.0.0.1"] {
        use_all(&*at(host)).await;
    }
    let stored = server.ask::<u64>("DBSIZE").await;
    for (expected, by, change) in cases {
        end.restart(&by.issue(change), None);
        let error = at("localhost").ping().await.expect_err("it is refused");
        assert_eq!(reason(&error), Some(expected), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::Config);
    }
    // A name that only the URL says.
    let other = authority.issue(|it| {
        it.subject_alt_names = vec![rcgen::SanType::DnsName(
            "redis.example".try_into().expect("a name"),
        )];
    });
    end.restart(&other, None);
    let named = format!(
        "rediss://127.0.0.1:{}?{query}&server_name=redis.example",
        end.addr().port()
    );
    backend(connect, named)
        .ping()
        .await
        .expect("the name is right");
    // A certificate of the client's is wanted: none, a stranger's, and the right one.
    end.restart(&good, Some(&authority));
    let error = at("localhost").ping().await.expect_err("none is shown");
    assert_eq!(
        reason(&error),
        Some(TlsRefused::ClientCertificate),
        "{error:?}"
    );
    let query = files.query(true);
    let url = format!("rediss://localhost:{}?{query}", end.addr().port());
    files.write_identity(&stranger.issue(|_| {}));
    let error = backend(connect, url.clone())
        .ping()
        .await
        .expect_err("a stranger's");
    assert_eq!(
        reason(&error),
        Some(TlsRefused::ClientCertificate),
        "{error:?}"
    );
    files.write_identity(&authority.issue(|_| {}));
    backend(connect, url).ping().await.expect("the right one");
    assert_eq!(server.ask::<u64>("DBSIZE").await, stored);
}

/// What cannot be read is named, as soon as it is needed; and is read when it can be.
pub async fn files_that_cannot_be_used_are_named(connect: Connect) {
    let server = RedisServer::start().await;
    let (authority, files) = (Authority::new(), Files::new());
    let end = TlsEnd::start(server.addr(), &authority.issue(|_| {}), None).await;
    let url = format!(
        "rediss://localhost:{}?{}",
        end.addr().port(),
        files.query(true)
    );
    let identity = |it: &TlsUnusable| matches!(it, TlsUnusable::Identity(_));
    let file = |it: &TlsUnusable| matches!(it, TlsUnusable::File(..));
    let authorities = |it: &TlsUnusable| *it == TlsUnusable::NoAuthority;
    let subject = backend(connect, url);
    let refused = async |expected: &dyn Fn(&TlsUnusable) -> bool| {
        let error = until_refused(&*subject, expected).await;
        assert_eq!(error.kind(), ErrorKind::Config);
    };
    refused(&file).await;
    files.write_identity(&authority.issue(|_| {}));
    files.write("ca.pem", "nothing");
    refused(&authorities).await;
    // In this order, for a connection may be tried between: never are all of them good.
    files.write("key.pem", "nothing");
    files.write("ca.pem", &authority.pem);
    refused(&identity).await;
    files.write("key.pem", &authority.issue(|_| {}).key);
    refused(&identity).await;
    files.write_identity(&authority.issue(|_| {}));
    until_well("good files", || subject.ping()).await;
}

/// The refusal for the reason that is expected, which may follow an earlier one.
async fn until_refused(
    subject: &dyn SessionBackend,
    expected: &dyn Fn(&TlsUnusable) -> bool,
) -> Error {
    let look = async || match subject.ping().await {
        Err(error) if reason(&error).is_some_and(|it| expected(&it)) => Ok(error),
        other => Err(other),
    };
    crate::connect::until("the reason", Duration::from_secs(5), look).await
}

/// New certificates, of a new authority, for the server and for the client: what is read then
/// counts for the next connection.
pub async fn renewed_certificates_need_no_restart(connect: Connect) {
    let server = RedisServer::start().await;
    let (first, second, files) = (Authority::new(), Authority::new(), Files::new());
    files.write("ca.pem", &first.pem);
    files.write_identity(&first.issue(|_| {}));
    let end = TlsEnd::start(server.addr(), &first.issue(|_| {}), Some(&first)).await;
    let query = files.query(true);
    let url = format!("rediss://localhost:{}?{query}", end.addr().port());
    let subject = backend(connect, url);
    use_all(&*subject).await;
    files.write("ca.pem", &second.pem);
    files.write_identity(&second.issue(|_| {}));
    // The connection that is up stays up.
    use_all(&*subject).await;
    end.restart(&second.issue(|_| {}), Some(&second));
    until_well("new certificates", || subject.ping()).await;
    use_all(&*subject).await;
}

/// Every node of a cluster is spoken to over TLS, and its certificate checked.
pub async fn a_cluster_is_used_over_tls(connect: Connect) {
    let (authority, files) = (Authority::new(), Files::new());
    files.write("ca.pem", &authority.pem);
    let (_cluster, ends) = Cluster::start_behind_tls(3, &authority.issue(|_| {})).await;
    let [first, second, _] = &*ends else {
        panic!("three nodes");
    };
    // Its name; the others are named by the cluster, which knows addresses.
    let url = format!(
        "rediss-cluster://localhost:{}?{}",
        first.addr().port(),
        files.query(false)
    );
    let subject = Subject::at(connect, url);
    use_all(&*subject.backend).await;
    for _ in 0..60 {
        create(&*subject.backend).await;
    }
    // One that cannot be trusted is not used, and the others are.
    second.restart(&Authority::new().issue(|_| {}), None);
    let (mut stored, mut refused) = (0, 0);
    for _ in 0..60 {
        match subject
            .backend
            .create_session(NewSession::new(fields()))
            .await
        {
            Ok(_) => stored += 1,
            Err(error) if error.kind() == ErrorKind::Config => {
                assert_eq!(
                    reason(&error),
                    Some(TlsRefused::UnknownAuthority),
                    "{error:?}"
                );
                refused += 1;
            }
            // Its end was met before the next attempt.
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}"),
        }
    }
    assert!(
        stored > 0 && refused > 0,
        "{stored} were stored, {refused} refused"
    );
}

/// A server's own TLS, which wants a certificate of its clients.
pub async fn a_server_with_tls_of_its_own_is_used(connect: Connect) {
    let (authority, files, port) = (Authority::new(), Files::new(), Port::reserve());
    files.write("ca.pem", &authority.pem);
    files.write_identity(&authority.issue(|_| {}));
    let path = |name| files.path(name).to_string_lossy().into_owned();
    // The others are built without.
    let server = RedisServer::builder()
        .binary("redis-server")
        .arg("tls-port", port.number().to_string())
        .arg("tls-ca-cert-file", path("ca.pem"))
        .arg("tls-cert-file", path("cert.pem"))
        .arg("tls-key-file", path("key.pem"))
        .start()
        .await;
    let url = |shows_one| {
        format!(
            "rediss://localhost:{}?{}",
            port.number(),
            files.query(shows_one)
        )
    };
    use_all(&*backend(connect, url(true))).await;
    let error = backend(connect, url(false))
        .ping()
        .await
        .expect_err("none is shown");
    assert_eq!(
        reason(&error),
        Some(TlsRefused::ClientCertificate),
        "{error:?}"
    );
    drop(server);
}
