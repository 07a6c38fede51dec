//! The load, by wrk.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::drive::{Failure, Outcome};

/// What wrk saw.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) requests: f64,
    pub(crate) seconds: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) max_us: f64,
    pub(crate) errors: u64,
}

/// The script that rotates the cookies, and reports in one line.
const SCRIPT: &str = r#"
local requests, n = {}, 0
function init()
  for i, cookie in ipairs(cookies) do requests[i] = wrk.format("GET", path, { Cookie = cookie }) end
end
function request()
  n = n % #requests + 1
  return requests[n]
end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format("SEEN %d %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), latency.max,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"#;

/// Whether there is a wrk.
pub(crate) fn check() -> Outcome {
    // Without arguments it says how it is used, and fails.
    let mut command = Command::new("wrk");
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().map(drop).map_err(|error| {
        format!("cannot run wrk ({error}): install Debian's package wrk, or leave the group out")
            .into()
    })
}

/// A load on an application, with cookies of sessions that exist.
#[derive(Debug)]
pub(crate) struct Wrk {
    script: NamedTempFile,
    port: u16,
}

impl Wrk {
    pub(crate) fn new(port: u16, path: &str, sessions: usize) -> Outcome<Self> {
        let mut text = format!("path = \"{path}\"\ncookies = {{\n");
        for _ in 0..sessions {
            writeln!(text, "[=[{}]=],", new_cookie(port)?)?;
        }
        text.push_str("}\n");
        text.push_str(SCRIPT);
        let mut script = NamedTempFile::with_suffix(".lua")?;
        script.write_all(text.as_bytes())?;
        Ok(Self { script, port })
    }

    /// Runs for this long, in whole seconds.
    pub(crate) fn run(&self, connections: usize, length: Duration) -> Outcome<Seen> {
        let output = Command::new("wrk")
            .args(["-t1", &format!("-c{connections}"), "-s"])
            .arg(self.script.path())
            .arg(format!("-d{}s", length.as_secs()))
            .arg(format!("http://127.0.0.1:{}/", self.port))
            .stderr(Stdio::inherit())
            .output()?;
        parse(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| "wrk reported nothing".into())
    }
}

fn parse(output: &str) -> Option<Seen> {
    let line = output.lines().find_map(|line| line.strip_prefix("SEEN "))?;
    let numbers: Result<Vec<f64>, _> = line.split(' ').map(str::parse).collect();
    let [requests, micros, p50_us, p99_us, max_us, errors] = numbers.ok()?[..] else {
        return None;
    };
    Some(Seen {
        requests: requests - errors,
        seconds: micros / 1e6,
        p50_us,
        p99_us,
        max_us,
        errors: format!("{errors:.0}").parse().ok()?,
    })
}

/// What of many requests of one session at once came to nothing.
#[derive(Debug)]
pub(crate) struct Lost {
    /// Requests that succeeded, and that the page has not counted.
    pub(crate) lost: i64,
    pub(crate) failed: i64,
}

/// Opens the page so often by so many clients at once, in one session.
pub(crate) fn lost_counts(port: u16, clients: usize, requests: usize) -> Outcome<Lost> {
    let cookie = new_cookie(port)?;
    let before: i64 = open(port, "/", &cookie)?.1.trim().parse()?;
    let one_client = || {
        (0..requests)
            .filter(|_| open(port, "/", &cookie).is_ok())
            .count()
    };
    let succeeded: usize = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..clients).map(|_| scope.spawn(one_client)).collect();
        let counts = clients.into_iter().map(|it| it.join().unwrap_or(0));
        counts.sum()
    });
    let after: i64 = open(port, "/", &cookie)?.1.trim().parse()?;
    let succeeded = i64::try_from(succeeded)?;
    Ok(Lost {
        // The last page has counted itself.
        lost: succeeded - (after - before - 1),
        failed: i64::try_from(clients * requests)? - succeeded,
    })
}

/// Opens the page without a cookie; the cookies that the response sets, or one that says nothing.
fn new_cookie(port: u16) -> Outcome<String> {
    let cookies = open(port, "/", "")?.0;
    Ok(match cookies.is_empty() {
        true => format!("id={}", "A".repeat(43)),
        false => cookies,
    })
}

/// Opens the page three times in one session; what it counted last.
pub(crate) fn third_count(port: u16) -> Outcome<i64> {
    let cookie = new_cookie(port)?;
    open(port, "/", &cookie)?;
    Ok(open(port, "/", &cookie)?.1.trim().parse()?)
}

/// Opens the page; the cookies that the response sets, and its body.
fn open(port: u16, path: &str, cookie: &str) -> Outcome<(String, String)> {
    let mut connection = TcpStream::connect(("127.0.0.1", port))?;
    connection.set_read_timeout(Some(Duration::from_secs(10)))?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(request.as_bytes())?;
    let mut response = Vec::new();
    connection.read_to_end(&mut response)?;
    let response = String::from_utf8_lossy(&response);
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or((&response, ""));
    if !head.starts_with("HTTP/1.1 200") {
        let line = head.lines().next().unwrap_or_default();
        return Err(Failure::from(format!("an application replied {line}")));
    }
    let cookies = head.lines().filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("set-cookie").then_some(())?;
        value.split(';').next()
    });
    Ok((cookies.collect::<Vec<_>>().join("; "), body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_script_is_found_among_what_wrk_says() {
        let seen = parse("Running 2s test\nSEEN 1010 2000000 400 900 3000 10\n").unwrap();
        assert_eq!([seen.requests, seen.seconds], [1000.0, 2.0]);
        assert_eq!(
            [seen.p50_us, seen.p99_us, seen.max_us],
            [400.0, 900.0, 3000.0]
        );
        assert_eq!(seen.errors, 10);
        assert!(parse("SEEN 1 2\n").is_none() && parse("").is_none());
    }
}
