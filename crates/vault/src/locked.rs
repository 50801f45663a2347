//! Memory that is not written to swap.

use std::fmt;
use std::ops::Deref;

use crate::master_key::{KEY_BYTES, KeyMaterial};

/// The bytes of a master key at a fixed place in memory, which is locked there if the system
/// permits it (`RLIMIT_MEMLOCK`).
pub(crate) struct LockedKey(Box<KeyMaterial>);

impl LockedKey {
    /// Copies the bytes to their place. They are never a local variable there.
    pub(crate) fn copy_of(bytes: &[u8; KEY_BYTES]) -> Self {
        let mut material = Box::new(KeyMaterial::default());
        if let Ok(guard) = region::lock(material.as_ptr(), KEY_BYTES) {
            // The system locks whole pages. Unlocking this one would unlock it for every other key
            // in it, so it stays locked as long as the process lives.
            std::mem::forget(guard);
        }
        material.copy_from_slice(bytes);
        Self(material)
    }
}

impl Deref for LockedKey {
    type Target = KeyMaterial;

    fn deref(&self) -> &KeyMaterial {
        &self.0
    }
}

impl fmt::Debug for LockedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LockedKey(..)")
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::master_key::draw_key;
    use crate::testing::seeded;

    #[test]
    fn the_memory_of_a_master_key_is_locked() {
        let key = LockedKey::copy_of(&draw_key(&mut seeded(1)));
        let about = std::fs::read_to_string("/proc/self/status").unwrap();
        let locked = about.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
        let kib: u64 = locked.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(kib > 0, "{key:?}: {locked}");
    }
}
