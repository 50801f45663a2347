//! The past as it is told, against the past as it was remembered.

mod limits;
mod past;
mod random_past;
mod undo;
mod who;
