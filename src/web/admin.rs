//! The admin pages. Staff may look; changes come with pages of their own.

pub mod users;
