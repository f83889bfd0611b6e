//! What systems do differently.

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub use other::{spawn_between_streams, until_stopped};
#[cfg(unix)]
pub use unix::{spawn_between_streams, until_stopped};
