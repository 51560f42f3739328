//! The admin area: what admins see, and the forms through which they act.

pub mod act;
pub mod audit;
pub mod bulk;
pub mod export;
pub mod new_user;
pub mod sessions;
pub mod status;
pub mod user;
pub mod users;
pub mod webhooks;
