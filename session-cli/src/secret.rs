//! What is read from files and the environment: URLs and passwords.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::failure::Failure;

/// The text of a file without blanks around it.
pub(crate) fn of_file(path: &Path, what: &str) -> Result<String, Failure> {
    let text = fs::read_to_string(path).map_err(|error| {
        let path = path.display();
        Failure::usage(format!("cannot read the {what} from {path}: {error}"))
    })?;
    let text = text.trim();
    if text.is_empty() {
        let path = path.display();
        return Err(Failure::usage(format!("{path} holds no {what}")));
    }
    Ok(text.to_owned())
}

/// The text of a variable of the environment.
pub(crate) fn of_variable(value: OsString, name: &str) -> Result<String, Failure> {
    let text = value.into_string();
    text.map_err(|_| Failure::usage(format!("{name} is not UTF-8")))
}

/// Whether everybody on this machine can read it.
#[cfg(unix)]
pub(crate) fn is_open_to_all(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o004 != 0)
}

/// Whether everybody on this machine can read it: not known here.
#[cfg(not(unix))]
pub(crate) fn is_open_to_all(_: &Path) -> bool {
    false
}
