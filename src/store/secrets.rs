//! Secrets that stand elsewhere: variables, files, credentials of systemd.

use std::path::{Path, PathBuf};

use crate::sys::file;
use crate::wire::sink::Reference;

/// The longest secret, in bytes: tokens are a few hundred, a certificate is no secret of a URL.
const SECRET_MAX: usize = 16 * 1024;

/// Where systemd puts credentials.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// The secret that is meant.
///
/// # Errors
/// What is missing, by name, and never what it holds.
pub fn look_up(reference: Reference<'_>) -> Result<String, String> {
    let (value, what) = match reference {
        Reference::Variable(name) => {
            let value = std::env::var_os(name)
                .ok_or_else(|| format!("needs ${{{name}}}, and that variable is not set"))?;
            let value = value.into_string().map_err(|_| format!("${{{name}}} is not UTF-8"))?;
            (value, format!("${{{name}}}"))
        }
        Reference::File(path) => (from_file(Path::new(path))?, format!("file:{path}")),
        Reference::Credential(name) => {
            let folder = std::env::var_os(CREDENTIALS).ok_or_else(|| {
                format!("needs cred:{name}, and ${CREDENTIALS} is not set; add LoadCredential= to the unit")
            })?;
            (from_file(&PathBuf::from(folder).join(name))?, format!("cred:{name}"))
        }
    };
    let trimmed = value.trim();
    if trimmed.is_empty() {
        return Err(format!("needs {what}, and that is empty"));
    }
    if trimmed.chars().any(char::is_control) {
        return Err(format!("needs {what}, and that is more than one line"));
    }
    Ok(trimmed.to_owned())
}

fn from_file(path: &Path) -> Result<String, String> {
    let failed = |error: &dyn std::fmt::Display| format!("needs {}: {error}", path.display());
    let bytes = file::read(path, SECRET_MAX).map_err(|error| failed(&error))?;
    String::from_utf8(bytes).map_err(|_| failed(&"is not UTF-8"))
}

/// What shows that two resolved URLs are the same, and says nothing of what they are: BLAKE3, in hex.
#[must_use]
pub fn proof(resolved: &str) -> String {
    blake3::hash(resolved.as_bytes()).to_hex().to_string()
}
