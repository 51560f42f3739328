//! The admin area: what admins see, and the forms through which they act.

pub mod act;
pub mod app_people;
pub mod apps;
pub mod audit;
pub mod bulk;
pub mod export;
pub mod new_user;
pub mod sessions;
pub mod start_page;
pub mod status;
pub mod user;
pub mod users;
pub mod webhooks;
