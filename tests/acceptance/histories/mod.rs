//! Positions of another history: who held one learns of it, starts anew, and ends equal.
//!
//! A restore makes another history of a ledger. Here a copy of the data directory gets another
//! incarnation, then the ledger and its copy go on differently from the same position. The event
//! stream and the bucket are made anew by an administrator of NATS.

pub(crate) mod follower;
mod gateway;
mod listed;
mod positions;
mod refilled;
mod restored;
mod stage;
mod window;
