//! Fixed inputs for tests.

use ledger_domain::{ConnectionId, FieldName, LedgerId, WorkspaceName};
use rand::rngs::StdRng;
use rand::{CryptoRng, RngCore, SeedableRng};

use crate::Scope;

/// Returns a random generator that gives the same bytes in every run.
pub(crate) fn seeded(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// Gives 0, 1, 2 and so on, for golden vectors, which must not depend on a library's generator.
pub(crate) struct CountingRng(pub(crate) u8);

impl RngCore for CountingRng {
    fn next_u32(&mut self) -> u32 {
        rand::rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand::rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.0;
            self.0 = self.0.wrapping_add(1);
        }
    }
}

impl CryptoRng for CountingRng {}

pub(crate) fn workspace(name: &str) -> WorkspaceName {
    WorkspaceName::parse("workspace", name).unwrap()
}

pub(crate) fn field(name: &str) -> FieldName {
    FieldName::parse("field", name).unwrap()
}

pub(crate) fn scope(workspace: &WorkspaceName, connection: u8) -> Scope<'_> {
    Scope { workspace, connection: ConnectionId::from_bytes([connection; 16]) }
}

pub(crate) fn ledger(id: u8) -> LedgerId {
    LedgerId::from_bytes([id; 16])
}
