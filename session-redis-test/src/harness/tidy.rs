//! Keys that are taken away when nobody needs them any more.

use redis::Client;
use session_redis::KeyPrefix;

const CLEAR: &str = r"
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do redis.call('UNLINK', key) end
";

/// Takes all keys below a prefix away when it is dropped. Whoever looks through a server that many tests share
/// meets all that they have left.
pub(crate) struct Tidy {
    pub(crate) urls: Vec<String>,
    pub(crate) prefix: KeyPrefix,
}

impl Drop for Tidy {
    fn drop(&mut self) {
        for url in &self.urls {
            // A server that a test has killed has nothing to take away.
            let connection = Client::open(url.as_str()).and_then(|it| it.get_connection());
            if let Ok(mut connection) = connection {
                let mut clear = redis::cmd("EVAL");
                clear.arg(CLEAR).arg(0).arg(self.prefix.as_str());
                let _ = clear.exec(&mut connection);
            }
        }
    }
}
