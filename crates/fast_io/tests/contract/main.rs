//! The contract of the completion pump, run on every driver that this system has.
//!
//! Each module holds one chapter of the contract as functions over a [`driver::Subject`];
//! `driver.rs` makes a test of each of them for each driver. A new driver is one line there.

mod driver;

mod bounds;
mod cancelling;
mod cold;
mod ending;
mod moving_bytes;
mod network;
mod panics;
mod read_ahead;
mod sockets;
mod sockets_ending;
mod streams;
mod stress;
mod syncing;
mod write_batch;
