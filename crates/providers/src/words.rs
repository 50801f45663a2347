//! Enums whose variants have stable texts, with their JSON Schemas.

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
            /// All values, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the stable word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// Parses the stable word.
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
    /// One of the five products whose APIs the ledger offers.
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
        /// Conversations.
        Chat = "chat",
        /// Embeddings of texts.
        Embedding = "embedding",
        /// Images, audio or video.
        Media = "media",
        /// Classification of harmful content.
        Moderation = "moderation",
        /// Transcription of speech.
        SpeechToText = "speech_to_text",
    }
);

impl Capability {
    /// Returns a product's word for it.
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
    /// Type of a field's values.
    FieldType, "a type", {
        /// Text.
        String = "string",
        /// A whole number.
        Integer = "integer",
        /// A number.
        Number = "number",
        /// True or false.
        Boolean = "boolean",
        /// Values by name.
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
        /// Asks for the supported methods.
        Options = "OPTIONS",
    }
);

words!(
    /// How a database is spoken to.
    Protocol, "a protocol", {
        /// PostgreSQL, and what speaks like it.
        PostgreSql = "postgresql",
        /// MySQL and MariaDB.
        MySql = "mysql",
        /// Redis and Valkey.
        Redis = "redis",
    }
);
