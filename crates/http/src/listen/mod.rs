//! Connections: who may open how many, and what is spoken on them.
