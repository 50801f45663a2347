//! Fields of bodies that may be absent, null or given.

use serde::{Deserialize, Deserializer};

/// Keeps the difference between an absent field (outer `None`) and a null (inner `None`). For
/// `#[serde(default, deserialize_with = "nullable")]`.
#[expect(clippy::option_option, reason = "absent, null and a value are three things in JSON")]
pub(crate) fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}
