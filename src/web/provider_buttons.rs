//! The provider buttons, on the sign-in page and where people prove who they are.

use super::page::Page;
use super::redirect::begin_address;
use crate::local_path::LocalPath;
use crate::oauth::{Prompt, Provider};

/// A provider's button.
pub struct WayIn<'a> {
    pub label: String,
    pub color: Option<&'a str>,
    pub host: String,
    pub begin: String,
    pub is_available: bool,
    /// True for the first that is available: the one obvious next step.
    pub is_primary: bool,
}

/// Returns the buttons for all providers, including those that cannot be reached.
pub fn ways<'a>(
    page: &Page<'a>,
    next: &LocalPath,
    prompt: Prompt,
    is_wanted: impl Fn(&Provider) -> bool,
) -> Vec<WayIn<'a>> {
    let portal = page.portal;
    let wanted = portal.providers.all().iter();
    let mut ways: Vec<WayIn<'a>> = wanted
        .filter(|provider| is_wanted(provider))
        .map(|provider| {
            provider.nudge(portal.clock.now());
            WayIn {
                label: page.continue_with(provider),
                color: provider.settings().color.as_deref(),
                host: Page::host_of(provider),
                begin: begin_address(portal, next, prompt, Some(provider.id())),
                is_available: provider.is_available(),
                is_primary: false,
            }
        })
        .collect();
    if let Some(first) = ways.iter_mut().find(|way| way.is_available) {
        first.is_primary = true;
    }
    ways
}
