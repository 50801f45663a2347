//! Cluster mode: three nats-servers and three ledgers, really running, that are killed and stopped
//! under clients at all of them.

mod doors;
mod faults;
mod keys;
mod linear;
mod links;
mod machine;
mod moving;
mod nodes;
mod refusals;
mod repair;
mod servers;
mod ways;
