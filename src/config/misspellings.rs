//! The names of variables: which are settings, and which look like a misspelt setting.

use std::collections::HashMap;

use super::reader::Reader;
use super::settings::OPTIONS;

/// Returns names that look like a misspelt setting, each with that setting. Those with our prefixes
/// are faults; others may belong to other programs.
pub fn near_misses(variables: &HashMap<String, String>) -> Vec<(String, &'static str)> {
    let mut found: Vec<(String, &'static str)> = variables
        .keys()
        .filter(|name| !has_our_prefix(name) && !is_known(name))
        .filter_map(|name| Some((name.clone(), nearest(name)?)))
        .collect();
    found.sort();
    found
}

impl Reader<'_> {
    /// Reports each name with our prefix that is not a setting, except those that Kubernetes
    /// injects for a service called frontdesk.
    pub(super) fn refuse_unknown(&mut self) {
        let is_injected = |name: &str| {
            name == "FRONTDESK_PORT"
                || name.starts_with("FRONTDESK_PORT_")
                || name.starts_with("FRONTDESK_SERVICE_")
        };
        for name in self.variables.keys() {
            if !has_our_prefix(name) || is_injected(name) || is_known(name) {
                continue;
            }
            let hint = nearest(name).map_or_else(
                || "see `frontdesk --help` for the list".to_owned(),
                |near| format!("did you mean {near}?"),
            );
            self.fault(name, format!("is not a setting; {hint}"));
        }
    }
}

fn has_our_prefix(name: &str) -> bool {
    name.starts_with("OAUTH2_") || name.starts_with("FRONTDESK_")
}

fn is_known(name: &str) -> bool {
    OPTIONS.iter().any(|option| {
        option.name == name || (option.is_secret && name.strip_suffix("_FILE") == Some(option.name))
    }) || (cfg!(feature = "failpoints") && name == "FRONTDESK_FAILPOINT")
}

/// Returns the setting whose name differs by one letter, or by two neighbouring letters swapped.
fn nearest(name: &str) -> Option<&'static str> {
    let mut names = OPTIONS.iter().map(|option| option.name);
    names.find(|known| strsim::osa_distance(name, known) <= 1)
}
