//! Who may use a file, by its mode and its access list.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;

use rustix::process::{Gid, getegid, geteuid, getgroups};

const READ: u32 = 4;
/// Largest access list that is read, in bytes: a thousand entries.
const LIST_BYTES_MAX: usize = 8 * 1024;
/// The extended attribute that holds a file's access list.
const LIST: &str = "system.posix_acl_access";

/// Returns the mode of a file that other users may use.
pub(super) fn excess(file: &File) -> io::Result<Option<u32>> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(None);
    }
    let mode = metadata.mode() & 0o777;
    let list = access_list(file);
    let access = list.and_then(|list| Access::of_list(&list, metadata.gid()));
    let access = access.unwrap_or_else(|| Access::of_mode(mode, metadata.gid()));
    let mut own_groups: Vec<u32> = getgroups()?.into_iter().map(Gid::as_raw).collect();
    own_groups.push(getegid().as_raw());
    let is_private = access.is_private(geteuid().as_raw(), &own_groups);
    Ok((!is_private).then_some(mode))
}

/// Returns the file's access list, if it has one and the file system knows such lists.
fn access_list(file: &File) -> Option<Vec<u8>> {
    let mut list = vec![0; LIST_BYTES_MAX];
    let bytes = rustix::fs::fgetxattr(file, LIST, &mut list).ok()?;
    list.truncate(bytes);
    Some(list)
}

/// Who may do what with a file, besides its owner. Rights are bits as in a mode.
#[derive(Debug, Default, PartialEq, Eq)]
struct Access {
    users: Vec<(u32, u32)>,
    groups: Vec<(u32, u32)>,
    others: u32,
}

impl Access {
    fn of_mode(mode: u32, group: u32) -> Self {
        Self { users: Vec::new(), groups: vec![(group, mode >> 3 & 7)], others: mode & 7 }
    }

    /// Parses a POSIX access list: a version of four bytes, then entries of a tag, rights and an
    /// id. A file with such a list shows the list's mask in the place of its group's rights.
    fn of_list(list: &[u8], group: u32) -> Option<Self> {
        const VERSION_BYTES: usize = 4;
        const ENTRY_BYTES: usize = 8;
        let (entries, []) = list.get(VERSION_BYTES..)?.as_chunks::<ENTRY_BYTES>() else {
            return None;
        };
        let (mut access, mut mask) = (Self::default(), 7);
        for &[tag, tag_high, rights, rights_high, id @ ..] in entries {
            let id = u32::from_le_bytes(id);
            let rights = u32::from(u16::from_le_bytes([rights, rights_high]));
            match u16::from_le_bytes([tag, tag_high]) {
                0x01 => {} // the owner
                0x02 => access.users.push((id, rights)),
                0x04 => access.groups.push((group, rights)),
                0x08 => access.groups.push((id, rights)),
                0x10 => mask = rights,
                0x20 => access.others = rights,
                _ => return None,
            }
        }
        for (_, rights) in access.users.iter_mut().chain(&mut access.groups) {
            *rights &= mask;
        }
        Some(access)
    }

    /// Returns whether no other user has rights, and no group but one of the process's own, which
    /// may read.
    fn is_private(&self, own_user: u32, own_groups: &[u32]) -> bool {
        let user = |&(id, rights): &(u32, u32)| rights == 0 || id == own_user;
        let group = |&(id, rights): &(u32, u32)| {
            rights == 0 || (rights == READ && own_groups.contains(&id))
        };
        self.others == 0 && self.users.iter().all(user) && self.groups.iter().all(group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN_USER: u32 = 1000;
    const OWN_GROUPS: [u32; 2] = [1000, 2000];

    #[test]
    fn a_group_may_only_read_and_only_if_it_is_one_of_the_process() {
        let private = |mode, group| Access::of_mode(mode, group).is_private(OWN_USER, &OWN_GROUPS);
        for (mode, group) in [(0o600, 3000), (0o440, 2000), (0o640, 1000), (0o400, 0)] {
            assert!(private(mode, group), "{mode:o} {group}");
        }
        for (mode, group) in [(0o640, 3000), (0o660, 2000), (0o650, 2000), (0o644, 2000)] {
            assert!(!private(mode, group), "{mode:o} {group}");
        }
    }

    /// An access list of a file whose owner may read.
    fn list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let mut list = 2_u32.to_le_bytes().to_vec();
        for (tag, rights, id) in [(1, 4, u32::MAX)].iter().chain(entries) {
            list.extend(tag.to_le_bytes());
            list.extend(rights.to_le_bytes());
            list.extend(id.to_le_bytes());
        }
        list
    }

    #[test]
    fn an_access_list_says_who_is_behind_the_bits_of_the_group() {
        let private = |entries: &[(u16, u16, u32)]| {
            let access = Access::of_list(&list(entries), 0).expect("well formed");
            access.is_private(OWN_USER, &OWN_GROUPS)
        };
        let rest = [(4, 0, u32::MAX), (16, 4, u32::MAX), (32, 0, u32::MAX)];
        let with = |entry| [&[entry][..], &rest].concat();
        assert!(private(&with((2, 4, OWN_USER))), "a credential of systemd");
        assert!(!private(&with((2, 4, 1001))), "another user");
        assert!(private(&with((8, 4, 2000))) && !private(&with((8, 4, 3000))));
        assert!(private(&[(2, 4, 1001), (4, 0, 0), (16, 0, 0), (32, 0, 0)]), "masked");
        assert!(!private(&[(4, 0, 0), (16, 4, 0), (32, 4, 0)]), "everybody");
        for bad in [&b""[..], &[2, 0, 0], &[2, 0, 0, 0, 1], &list(&[(64, 7, 0)])] {
            assert_eq!(Access::of_list(bad, 0), None, "{bad:?}");
        }
    }
}
