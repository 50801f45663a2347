//! What is wrong with shares. No message contains a part of one.

use super::{Share, ShareSetId};

/// The reason why master keys are not split, or shares do not give them back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShareError {
    /// There cannot be so many shares, or so few.
    #[error(
        "there can be 2 to {} shares, and the threshold is from 2 to their number",
        Share::SHARES_MAX
    )]
    Numbers,
    /// The text of the keys is too long.
    #[error("the keys take more than {} bytes; retire some first", Share::SHARED_BYTES_MAX)]
    TooLong,
    /// The text is not that of a share.
    #[error(
        "this is not a share, which is one line of the form connledger-share-v1:<set>:<number>:\
         <threshold>:<shares>:<base64>:<checksum>"
    )]
    NotAShare,
    /// The checksum is not that of the share.
    #[error("the share is damaged: its checksum does not fit; compare it with the original")]
    Damaged,
    /// It was not made together with the others.
    #[error("this is a share of set {given}, and the others are of set {wanted}")]
    Foreign {
        /// The set of the others.
        wanted: ShareSetId,
        /// Its set.
        given: ShareSetId,
    },
    /// It was given already.
    #[error("share {number} of this set was given already; another one is needed")]
    Repeated {
        /// Its number.
        number: u8,
    },
    /// There are not enough.
    #[error("{given} of {threshold} shares were given")]
    TooFew {
        /// How many there are.
        given: u8,
        /// How many it takes.
        threshold: u8,
    },
    /// They do not give the text that was split.
    #[error("the shares do not fit together: at least one of them is not as it was made")]
    False,
}
