//! The body of `PUT {r}/power-levels` (client specification, section 7). May use `rooms::core`.

use std::collections::BTreeMap;
use std::fmt;

use garde::Validate;
use serde::de::{self, IgnoredAny, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::core::levels::{LevelKey, OWNER};

/// Any subset of the thresholds; unknown keys are ignored.
#[derive(Debug, Default, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub struct NewLevels(
    /// The new ones, each from 0 to 100.
    pub BTreeMap<LevelKey, u8>,
);

impl<'de> Deserialize<'de> for NewLevels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Levels)
    }
}

/// Reads keys as text, so that a refusal names the key that it is about.
struct Levels;

impl<'de> Visitor<'de> for Levels {
    type Value = NewLevels;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NewLevels, A::Error> {
        let mut new = NewLevels::default();
        while let Some(key) = map.next_key::<String>()? {
            match known(&key) {
                Some(key) => {
                    let Level(level) = map.next_value()?;
                    new.0.insert(key, level);
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(new)
    }
}

fn known(key: &str) -> Option<LevelKey> {
    let key: de::value::StrDeserializer<'_, de::value::Error> = key.into_deserializer();
    LevelKey::deserialize(key).ok()
}

/// A level from 0 to 100.
struct Level(u8);

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let level = i64::deserialize(deserializer)?;
        match u8::try_from(level) {
            Ok(level @ 0..=OWNER) => Ok(Level(level)),
            _ => Err(de::Error::invalid_value(
                de::Unexpected::Signed(level),
                &"a level from 0 to 100",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(body: Value) -> Result<BTreeMap<LevelKey, u8>, String> {
        serde_path_to_error::deserialize(body)
            .map(|new: NewLevels| new.0)
            .map_err(|error| error.path().to_string())
    }

    #[test]
    fn any_subset_is_read_and_unknown_keys_are_ignored() {
        let new = read(json!({"send": 100, "kick": 0, "fly": "high"})).unwrap();
        let expected = BTreeMap::from([(LevelKey::Send, 100), (LevelKey::Kick, 0)]);
        assert_eq!(new, expected);
        assert_eq!(read(json!({})).unwrap(), BTreeMap::new());
    }

    #[test]
    fn a_bad_level_is_refused_under_its_key() {
        for level in [json!(-1), json!(101), json!("5"), json!(null), json!(1.5)] {
            assert_eq!(read(json!({"ban": 1, "send": level})), Err("send".into()));
        }
    }
}
