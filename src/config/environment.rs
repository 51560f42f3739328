//! The variables, from the environment and the `.env` file.

use std::collections::HashMap;

use super::reader::Faults;

/// A file in the working directory, where Diesel's CLI also reads it.
pub const ENV_FILE: &str = ".env";

/// Reads the variables from the environment and from the `.env` file in the working directory. The
/// environment takes precedence.
pub fn environment() -> Result<HashMap<String, String>, Faults> {
    let mut variables = HashMap::new();
    match dotenvy::from_path_iter(ENV_FILE) {
        Ok(lines) => {
            for line in lines {
                let (name, value) = line.map_err(|error| unreadable_line(&error))?;
                variables.insert(name, value);
            }
        }
        Err(error) if error.not_found() => {}
        Err(error) => return Err(Faults(vec![format!("{ENV_FILE}: {error}")])),
    }
    // A name that is not Unicode cannot be one of ours; bad bytes in a value are replaced.
    for (name, value) in std::env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        variables.insert(name.to_owned(), value.to_string_lossy().into_owned());
    }
    Ok(variables)
}

/// The parser's error quotes the line, which may hold a secret, so only its number is given.
fn unreadable_line(error: &dotenvy::Error) -> Faults {
    let line =
        line_of(error).map_or_else(|| "a line".to_owned(), |number| format!("line {number}"));
    Faults(vec![format!(
        "{ENV_FILE}: {line} cannot be read; each line must be NAME=value, with quotes around a value that has spaces"
    )])
}

/// Returns the number of the line that the parser could not read.
fn line_of(error: &dotenvy::Error) -> Option<usize> {
    let dotenvy::Error::LineParse(line, _) = error else {
        return None;
    };
    let text = std::fs::read_to_string(ENV_FILE).ok()?;
    // The parser returns the line, or only the end of it.
    let end = line.lines().next()?.trim();
    let index = text.lines().position(|given| {
        !given.trim_start().starts_with('#') && given.trim_end().ends_with(end)
    })?;
    Some(index + 1)
}
