//! Closed sets of words, each with its stable text and its JSON Schema.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal, {
        $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)+
        }

        impl $name {
            /// Every value, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the stable word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// Reads the stable word.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| {
                    de::Error::custom(concat!(
                        $what, " must be one of", $(" ", $text),+
                    ))
                })
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "enum": [$($text),+] })
            }
        }
    };
}

words!(
    /// One of the five products whose API the ledger speaks.
    Facade, "a product", {
        /// Blaxel: integration connections.
        Blaxel = "blaxel",
        /// Pica: vault connections.
        Pica = "pica",
        /// Umbraco.AI: Management API connections.
        Umbraco = "umbraco",
        /// Portkey: integrations.
        Portkey = "portkey",
        /// ElevenLabs: workspace auth connections.
        ElevenLabs = "elevenlabs",
    }
);

words!(
    /// What a provider, or a model of it, can be used for.
    Capability, "a capability", {
        /// Answers in a conversation.
        Chat = "chat",
        /// Vectors of texts.
        Embedding = "embedding",
        /// Pictures, sound or film.
        Media = "media",
        /// Judging whether content is acceptable.
        Moderation = "moderation",
        /// Text of speech.
        SpeechToText = "speech_to_text",
    }
);

impl Capability {
    /// Returns the word that a product uses.
    pub const fn name_at(self, facade: Facade) -> &'static str {
        match (facade, self) {
            (Facade::Umbraco, Self::Chat) => "Chat",
            (Facade::Umbraco, Self::Embedding) => "Embedding",
            (Facade::Umbraco, Self::Media) => "Media",
            (Facade::Umbraco, Self::Moderation) => "Moderation",
            (Facade::Umbraco, Self::SpeechToText) => "SpeechToText",
            _ => self.as_str(),
        }
    }

    /// Finds a capability by any product's word for it, in any case.
    pub fn find(name: &str) -> Option<Self> {
        let called = |capability: &Self| {
            capability.as_str().eq_ignore_ascii_case(name)
                || capability.name_at(Facade::Umbraco).eq_ignore_ascii_case(name)
        };
        Self::ALL.iter().copied().find(called)
    }
}

words!(
    /// What values a field takes.
    FieldType, "a type", {
        /// Text.
        String = "string",
        /// A whole number.
        Integer = "integer",
        /// A number.
        Number = "number",
        /// True or false.
        Boolean = "boolean",
        /// Names with values.
        Object = "object",
        /// Several values.
        List = "list",
    }
);

words!(
    /// The method of an HTTP request.
    Method, "a method", {
        /// Reads.
        Get = "GET",
        /// Reads the headers only.
        Head = "HEAD",
        /// Sends.
        Post = "POST",
        /// Replaces.
        Put = "PUT",
        /// Changes a part.
        Patch = "PATCH",
        /// Removes.
        Delete = "DELETE",
        /// Asks what is possible.
        Options = "OPTIONS",
    }
);
