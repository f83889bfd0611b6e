//! What systems do differently.

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub use other::until_stopped;
#[cfg(unix)]
pub use unix::until_stopped;
