//! What the machine gives: room on the disk, its file system, and open files.

use std::path::Path;

use ledger_engine::{ROOM_NEEDED_BYTES, open_files_max};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::statfs::{self, FsType, statfs};
use nix::sys::statvfs::statvfs;

use super::finding::Finding;

const ROOM: &str = "disk_room";
const FILE_SYSTEM: &str = "file_system";
const FILES: &str = "open_files";
/// Below this part of the disk, in percent, it is time to make room.
const FREE_PERCENT_MIN: u64 = 10;
/// Files that a server needs besides those of the database.
const FILES_MIN: u64 = 1_024;

/// File systems on which a sync may not do what it says, or nothing lasts.
const DOUBTFUL: [(FsType, &str); 5] = [
    (statfs::NFS_SUPER_MAGIC, "NFS"),
    (statfs::SMB_SUPER_MAGIC, "SMB"),
    (statfs::FUSE_SUPER_MAGIC, "FUSE"),
    (statfs::TMPFS_MAGIC, "tmpfs"),
    (statfs::OVERLAYFS_SUPER_MAGIC, "overlay"),
];

pub(super) fn look_at_disk(folder: &Path) -> Vec<Finding> {
    let room = statvfs(folder).map(|disk| {
        let bytes = |blocks: u64| blocks.saturating_mul(disk.fragment_size());
        (bytes(disk.blocks_available()), bytes(disk.blocks()))
    });
    let room = room.ok().map(|(free, size)| of_room(free, size));
    let kind = statfs(folder).ok().map(|disk| of_file_system(disk.filesystem_type()));
    room.into_iter().chain(kind).collect()
}

pub(super) fn of_room(free: u64, size: u64) -> Finding {
    let mib = |bytes: u64| bytes / (1024 * 1024);
    let about = format!("{} MiB of {} MiB are free", mib(free), mib(size));
    let to_do = "make room, or move the directory to a larger disk (deploy/runbooks/disk.md)";
    if free < ROOM_NEEDED_BYTES {
        let least = mib(ROOM_NEEDED_BYTES);
        return Finding::problem(ROOM, format!("{about}; a start takes {least} MiB"), to_do);
    }
    if free < size / 100 * FREE_PERCENT_MIN {
        return Finding::warning(ROOM, about, to_do);
    }
    Finding::ok(ROOM, about)
}

pub(super) fn of_file_system(kind: FsType) -> Finding {
    match DOUBTFUL.iter().find(|(doubtful, _)| *doubtful == kind) {
        None => Finding::ok(FILE_SYSTEM, "the file system is a local one"),
        Some((_, name)) => Finding::warning(
            FILE_SYSTEM,
            format!("the data directory is on {name}"),
            "use a file system of a local disk or volume, such as ext4 or XFS: what was \
             acknowledged may be lost on this one",
        ),
    }
}

pub(super) fn look_at_files() -> Finding {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((u64::MAX, u64::MAX));
    of_files(soft.max(hard))
}

pub(super) fn of_files(limit: u64) -> Finding {
    let needed = FILES_MIN + open_files_max();
    let about = format!("{limit} files may be open");
    if limit >= needed {
        return Finding::ok(FILES, about);
    }
    let to_do = format!("raise the limit: LimitNOFILE={} in the service, or ulimit -n", 65_536);
    Finding::warning(FILES, format!("{about}, and {needed} are needed for many clients"), to_do)
}
