//! What administrators see.

pub mod audit;
mod happening;
pub mod users;
