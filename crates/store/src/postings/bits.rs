//! The numbers of one term in one chunk, in stored form.

use roaring::RoaringBitmap;

const BITMAP_BYTES: usize = 8_192;
const LIST_NUMBERS_MAX: u64 = 4_096;
const TAG_LIST: u8 = 1;
const TAG_BITMAP: u8 = 2;
const WORDS: usize = BITMAP_BYTES / 8;

pub(super) fn encode(bits: &RoaringBitmap) -> Vec<u8> {
    let lows = bits.iter().map(|low| u16::try_from(low).unwrap_or(u16::MAX));
    if bits.len() < LIST_NUMBERS_MAX {
        return list(lows);
    }
    let mut words = Box::new([0; WORDS]);
    for low in lows {
        set(&mut words, low);
    }
    bitmap(&words)
}

pub(super) fn decode(bytes: &[u8]) -> Option<RoaringBitmap> {
    match bytes.split_first()? {
        (&TAG_LIST, list) => {
            let (pairs, rest) = list.as_chunks::<2>();
            let numbers = pairs.iter().map(|pair| u32::from(u16::from_le_bytes(*pair)));
            rest.is_empty().then(|| RoaringBitmap::from_sorted_iter(numbers).ok())?
        }
        (&TAG_BITMAP, map) if map.len() == BITMAP_BYTES => {
            Some(RoaringBitmap::from_lsb0_bytes(0, map))
        }
        _ => None,
    }
}

fn list(lows: impl Iterator<Item = u16>) -> Vec<u8> {
    let mut bytes = vec![TAG_LIST];
    for low in lows {
        bytes.extend_from_slice(&low.to_le_bytes());
    }
    bytes
}

fn bitmap(words: &[u64; WORDS]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(BITMAP_BYTES + 1);
    bytes.push(TAG_BITMAP);
    for word in words {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    bytes
}

fn set(words: &mut [u64; WORDS], low: u16) {
    if let Some(word) = words.get_mut(usize::from(low / 64)) {
        *word |= 1 << (low % 64);
    }
}

/// Numbers being gathered, in any order and with repetitions. Becomes a bitmap at the length from
/// which that is smaller.
#[derive(Debug)]
pub(super) enum Numbers {
    /// In order of arrival.
    List(Vec<u16>),
    /// One bit for each number.
    Bitmap(Box<[u64; WORDS]>),
}

impl Numbers {
    pub(super) const fn new() -> Self {
        Self::List(Vec::new())
    }

    pub(super) fn add(&mut self, low: u16) {
        match self {
            Self::List(lows) if lows.len() < BITMAP_BYTES / 2 => lows.push(low),
            Self::List(lows) => {
                let mut words = Box::new([0; WORDS]);
                for low in lows.drain(..).chain([low]) {
                    set(&mut words, low);
                }
                *self = Self::Bitmap(words);
            }
            Self::Bitmap(words) => set(words, low),
        }
    }

    /// Merges another part of the same term and chunk.
    pub(super) fn unite(&mut self, mut other: Self) {
        if let (Self::List(_), Self::Bitmap(_)) = (&*self, &other) {
            std::mem::swap(self, &mut other);
        }
        match other {
            Self::List(lows) => {
                for low in lows {
                    self.add(low);
                }
            }
            Self::Bitmap(others) => {
                if let Self::Bitmap(words) = self {
                    for (word, other) in words.iter_mut().zip(others.iter()) {
                        *word |= other;
                    }
                }
            }
        }
    }

    /// Returns the stored form, equal to that of [`encode`] for the same numbers.
    pub(super) fn encode(self) -> Vec<u8> {
        match self {
            Self::List(mut lows) => {
                lows.sort_unstable();
                lows.dedup();
                if u64::try_from(lows.len()).is_ok_and(|length| length < LIST_NUMBERS_MAX) {
                    return list(lows.into_iter());
                }
                let mut words = Box::new([0; WORDS]);
                for low in lows {
                    set(&mut words, low);
                }
                bitmap(&words)
            }
            Self::Bitmap(words) => {
                let length: u64 = words.iter().map(|word| u64::from(word.count_ones())).sum();
                if length < LIST_NUMBERS_MAX { list(numbers(&words)) } else { bitmap(&words) }
            }
        }
    }
}

fn numbers(words: &[u64; WORDS]) -> impl Iterator<Item = u16> {
    (0..=u16::MAX).filter(|low| {
        words.get(usize::from(low / 64)).is_some_and(|word| word & (1 << (low % 64)) != 0)
    })
}
