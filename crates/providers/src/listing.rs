//! The models in an answer of a provider.
//!
//! An answer is somebody else's text, so it is never turned into values as a whole: the list is
//! found in it, and its items are read one by one.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use ledger_domain::limits::MODEL_CHARS;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::endpoint::{KindRule, Listing};
use crate::limits::{ITEM_BYTES, ITEMS, PAGE_NAME_BYTES};
use crate::words::Capability;

/// A model that a provider lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedModel {
    /// Its id in requests, in 1 to 255 characters.
    pub id: String,
    /// Its name for people, in at most 255 characters.
    pub name: Option<String>,
    /// What it can be used for, as far as the answer tells it.
    pub capabilities: Vec<Capability>,
}

/// What one answer has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The models, in the order of the answer.
    pub models: Vec<ListedModel>,
    /// The name of the next page, if the answer has one.
    pub next: Option<String>,
    /// Whether items were left out, because there are too many.
    pub truncated: bool,
}

/// Why an answer is no list of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// It is not JSON.
    #[error("the answer is not JSON")]
    NotJson,
    /// There is no list at its place.
    #[error("the answer has no list of models at its place")]
    NoList,
    /// What names the next page is too long, or no text or number.
    #[error("the answer names the next page in a way that cannot be used")]
    BadPage,
}

impl Listing {
    /// Reads an answer. Items without a good id are left out.
    ///
    /// # Errors
    /// It is no list of models.
    pub fn read(&self, body: &[u8]) -> Result<Page, PageError> {
        let whole: &RawValue = serde_json::from_slice(body).map_err(|_| PageError::NotJson)?;
        let list = at(whole, &self.items).ok_or(PageError::NoList)?;
        let mut page = Page::default();
        let mut deserializer = serde_json::Deserializer::from_str(list.get());
        let items = Items { listing: self, page: &mut page };
        deserializer.deserialize_seq(items).map_err(|_| PageError::NoList)?;
        page.next = self.next(whole)?;
        Ok(page)
    }

    /// Returns the name of the next page.
    fn next(&self, whole: &RawValue) -> Result<Option<String>, PageError> {
        let Some(pages) = &self.pages else { return Ok(None) };
        let Some(next) = &pages.next else { return Ok(None) };
        let is_true = |place: &String| at(whole, place).is_some_and(|more| more.get() == "true");
        if pages.more.as_ref().is_some_and(|more| !is_true(more)) {
            return Ok(None);
        }
        let Some(found) = at(whole, next) else { return Ok(None) };
        if found.get().len() > PAGE_NAME_BYTES {
            return Err(PageError::BadPage);
        }
        match serde_json::from_str(found.get()) {
            Ok(Value::Null) => Ok(None),
            Ok(Value::String(name)) => Ok(Some(name).filter(|name| !name.is_empty())),
            Ok(Value::Number(number)) => Ok(Some(number.to_string())),
            _ => Err(PageError::BadPage),
        }
    }

    /// Returns the model that an item is.
    fn model(&self, item: &Value) -> Option<ListedModel> {
        let id = item.pointer(&self.id)?.as_str()?;
        let id = match &self.id_prefix {
            Some(prefix) => id.strip_prefix(prefix.as_str()).unwrap_or(id),
            None => id,
        };
        let id = line(id)?;
        let name = self.name.as_ref().and_then(|name| line(item.pointer(name)?.as_str()?));
        let mut capabilities: Vec<Capability> =
            self.kinds.iter().filter(|rule| rule.holds(item)).map(|rule| rule.capability).collect();
        capabilities.sort_unstable();
        capabilities.dedup();
        Some(ListedModel { id, name, capabilities })
    }
}

impl KindRule {
    fn holds(&self, item: &Value) -> bool {
        let fits = |text: &str| {
            self.matches.as_ref().is_none_or(|pattern| pattern.fits(text))
                && !self.unless.as_ref().is_some_and(|pattern| pattern.fits(text))
        };
        match item.pointer(&self.at) {
            Some(Value::Bool(is)) => *is,
            Some(Value::String(text)) => fits(text),
            Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).any(fits),
            _ => false,
        }
    }
}

/// Returns a text of one line, if it is neither empty nor too long.
fn line(text: &str) -> Option<String> {
    let text = text.trim();
    let is_good = !text.is_empty()
        && text.chars().count() <= MODEL_CHARS
        && !text.chars().any(char::is_control);
    is_good.then(|| text.to_owned())
}

/// Returns what is at a JSON pointer, which goes through members of objects only.
fn at<'r>(whole: &'r RawValue, pointer: &str) -> Option<&'r RawValue> {
    let mut found = whole;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        let mut members: BTreeMap<Cow<'_, str>, &'r RawValue> =
            serde_json::from_str(found.get()).ok()?;
        found = members.remove(token.as_str())?;
    }
    Some(found)
}

/// Reads the items of a list one by one.
struct Items<'a> {
    listing: &'a Listing,
    page: &'a mut Page,
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of models")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        for _ in 0..ITEMS {
            let Some(item) = items.next_element::<&RawValue>()? else { return Ok(()) };
            if item.get().len() > ITEM_BYTES {
                continue;
            }
            let item = serde_json::from_str(item.get()).ok();
            self.page.models.extend(item.and_then(|item| self.listing.model(&item)));
        }
        while items.next_element::<IgnoredAny>()?.is_some() {
            self.page.truncated = true;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Catalogue;

    fn read(provider: &str, answer: &Value) -> Page {
        let (_, listing) = Catalogue::built_in().of(provider).listing().expect("a listing");
        listing.read(answer.to_string().as_bytes()).expect("a list")
    }

    fn shown(page: &Page) -> Vec<(&str, Option<&str>, Vec<&str>)> {
        let words =
            |model: &ListedModel| model.capabilities.iter().map(|one| one.as_str()).collect();
        let models = page.models.iter();
        models.map(|model| (&*model.id, model.name.as_deref(), words(model))).collect()
    }

    #[test]
    fn the_answers_that_providers_document_are_read() {
        let openai = json!({ "object": "list", "data": [
            { "id": "gpt-4o", "object": "model", "created": 1, "owned_by": "system" },
            { "id": "text-embedding-3-small", "object": "model" },
            { "id": "gpt-4o-transcribe" }, { "id": "ft:gpt-4o:acme::1" }, { "id": "sora-2" },
        ] });
        assert_eq!(
            shown(&read("openai", &openai)),
            [
                ("gpt-4o", None, vec!["chat"]),
                ("text-embedding-3-small", None, vec!["embedding"]),
                ("gpt-4o-transcribe", None, vec!["speech_to_text"]),
                ("ft:gpt-4o:acme::1", None, vec!["chat"]),
                ("sora-2", None, vec!["media"]),
            ]
        );
        let anthropic = json!({
            "data": [{ "type": "model", "id": "claude-x", "display_name": "Claude X" }],
            "first_id": "claude-x", "last_id": "claude-x", "has_more": true,
        });
        let page = read("anthropic", &anthropic);
        assert_eq!(shown(&page), [("claude-x", Some("Claude X"), vec!["chat"])]);
        assert_eq!(page.next.as_deref(), Some("claude-x"));
        let google = json!({ "models": [
            { "name": "models/gemini-x", "displayName": "Gemini X",
              "supportedGenerationMethods": ["generateContent", "countTokens"] },
            { "name": "models/embed-x", "supportedGenerationMethods": ["embedContent"] },
        ], "nextPageToken": "abc" });
        let page = read("google", &google);
        assert_eq!(
            shown(&page),
            [("gemini-x", Some("Gemini X"), vec!["chat"]), ("embed-x", None, vec!["embedding"])]
        );
        assert_eq!(page.next.as_deref(), Some("abc"));
        let cohere = json!({ "models": [
            { "name": "command-x", "endpoints": ["generate", "chat"] },
            { "name": "embed-x", "endpoints": ["embed"] },
            { "name": "rerank-x", "endpoints": ["rerank"] },
        ], "next_page_token": "" });
        let page = read("cohere", &cohere);
        assert_eq!(
            shown(&page),
            [
                ("command-x", None, vec!["chat"]),
                ("embed-x", None, vec!["embedding"]),
                ("rerank-x", None, vec![]),
            ]
        );
        assert_eq!(page.next, None);
        let mistral = json!({ "object": "list", "data": [
            { "id": "mistral-x", "name": "Mistral X", "capabilities": { "completion_chat": true } },
            { "id": "mistral-embed", "capabilities": { "completion_chat": false } },
        ] });
        assert_eq!(
            shown(&read("mistral", &mistral)),
            [
                ("mistral-x", Some("Mistral X"), vec!["chat"]),
                ("mistral-embed", None, vec!["embedding"]),
            ]
        );
        let ollama = json!({ "models": [{ "name": "llama3:8b", "size": 1 }] });
        assert_eq!(shown(&read("ollama", &ollama)), [("llama3:8b", None, vec![])]);
    }

    #[test]
    fn what_is_no_list_is_refused_and_bad_items_are_left_out() {
        let (_, listing) = Catalogue::built_in().of("openai").listing().expect("a listing");
        for (body, error) in [
            ("", PageError::NotJson),
            ("<html>", PageError::NotJson),
            ("{\"data\":[", PageError::NotJson),
            ("[]", PageError::NoList),
            ("{}", PageError::NoList),
            ("{\"data\": 7}", PageError::NoList),
            ("{\"data\": {\"id\": 1}}", PageError::NoList),
        ] {
            assert_eq!(listing.read(body.as_bytes()), Err(error), "{body}");
        }
        let deep = format!("{{\"data\": [{}{}]}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(listing.read(deep.as_bytes()), Ok(Page::default()), "an item too large");
        let long = "x".repeat(MODEL_CHARS + 1);
        let mixed = json!({ "data": [
            7, null, {}, { "id": 7 }, { "id": "" }, { "id": "a\nb" }, { "id": long },
            { "id": "good", "owned_by": long },
        ] });
        assert_eq!(shown(&read("openai", &mixed)), [("good", None, vec![])]);
        let many: Vec<Value> = (0..ITEMS + 3).map(|n| json!({ "id": format!("m-{n}") })).collect();
        let page = read("openai", &json!({ "data": many }));
        assert!(page.truncated && page.models.len() == ITEMS);
    }

    #[test]
    fn a_page_has_a_name_that_can_be_sent() {
        let (_, listing) = Catalogue::built_in().of("google").listing().expect("a listing");
        let name = |next: Value| {
            let answer = json!({ "models": [], "nextPageToken": next });
            listing.read(answer.to_string().as_bytes()).map(|page| page.next)
        };
        assert_eq!(name(Value::Null), Ok(None));
        assert_eq!(name(json!("")), Ok(None));
        assert_eq!(name(json!(3)), Ok(Some("3".to_owned())));
        assert_eq!(name(json!({})), Err(PageError::BadPage));
        assert_eq!(name(json!("x".repeat(PAGE_NAME_BYTES))), Err(PageError::BadPage));
    }
}
