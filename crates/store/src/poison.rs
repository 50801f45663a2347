//! Why a store accepts no more writes.

/// What has made a store stop writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poison {
    /// The disk is full. Opening the store again helps once there is room.
    DiskFull,
    /// Another failed write, or a writer that ended halfway.
    Fault,
}

impl Poison {
    /// The number of a store that writes.
    pub(crate) const NONE: u8 = 0;

    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::DiskFull => 1,
            Self::Fault => 2,
        }
    }

    pub(crate) const fn parse(number: u8) -> Option<Self> {
        match number {
            Self::NONE => None,
            1 => Some(Self::DiskFull),
            _ => Some(Self::Fault),
        }
    }

    /// Classifies a failed write. RocksDB passes on the text of the operating system.
    pub(crate) fn of(error: &rocksdb::Error) -> Self {
        Self::of_text(error.as_ref())
    }

    pub(crate) fn of_text(error: &str) -> Self {
        let full = ["No space left on device", "Disk quota exceeded"];
        if full.iter().any(|text| error.contains(text)) { Self::DiskFull } else { Self::Fault }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_failures() {
        let full = "IO error: No space left on device: While appending to file: /d/000004.log";
        assert_eq!(Poison::of_text(full), Poison::DiskFull);
        let other = "IO error: Input/output error: While fdatasync: /d/000004.log";
        assert_eq!(Poison::of_text(other), Poison::Fault);
        for poison in [Poison::DiskFull, Poison::Fault] {
            assert_eq!(Poison::parse(poison.number()), Some(poison));
        }
        assert_eq!(Poison::parse(Poison::NONE), None);
    }
}
