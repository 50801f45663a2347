//! Generations of secret values.

use ledger_domain::{Generation, InvalidField, WantedGeneration};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AtLeastOne, Rule};

/// The number of a generation. Whether it exists is checked against the connection.
#[derive(Debug)]
pub enum GenerationNumber {}

impl Rule for GenerationNumber {
    type Raw = u64;
    type Value = Generation;
    fn check(field: &str, raw: u64) -> Result<Generation, InvalidField> {
        if raw == 0 {
            return Err(InvalidField::new(field, "must be at least 1"));
        }
        Ok(Generation::new(raw))
    }
    fn schema() -> Value {
        AtLeastOne::schema()
    }
}

/// A generation as JSON has it: a number or a word.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum NumberOrWord {
    /// A number.
    Number(u64),
    /// A word.
    Word(String),
}

/// Which generation is wanted: `current`, `former` or a number.
#[derive(Debug)]
pub enum GenerationRule {}

impl Rule for GenerationRule {
    type Raw = NumberOrWord;
    type Value = WantedGeneration;
    fn check(field: &str, raw: NumberOrWord) -> Result<WantedGeneration, InvalidField> {
        match raw {
            NumberOrWord::Number(number) if number > 0 => {
                Ok(WantedGeneration::Exactly(Generation::new(number)))
            }
            NumberOrWord::Word(word) if word == "current" => Ok(WantedGeneration::Current),
            NumberOrWord::Word(word) if word == "former" => Ok(WantedGeneration::Former),
            NumberOrWord::Number(_) | NumberOrWord::Word(_) => {
                Err(InvalidField::new(field, "must be current, former or a number of at least 1"))
            }
        }
    }
    fn schema() -> Value {
        json!({ "anyOf": [
            { "type": "string", "enum": ["current", "former"] },
            GenerationNumber::schema(),
        ] })
    }
}
