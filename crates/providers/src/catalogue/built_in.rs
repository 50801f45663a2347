//! The built-in descriptions.

use super::{CatalogueError, Entry, FileFault, Origin};
use crate::provider::Provider;

macro_rules! files {
    ($($name:literal,)+) => {
        /// File names and contents.
        pub(super) const FILES: &[(&str, &str)] = &[
            $((
                concat!($name, ".json"),
                include_str!(concat!("../../../../schemas/providers/", $name, ".json")),
            ),)+
        ];
    };
}

files!(
    "anthropic",
    "azure-ai",
    "azure-openai",
    "bedrock",
    "cohere",
    "cortex",
    "custom-host",
    "exa",
    "github",
    "google",
    "groq",
    "huggingface",
    "mistral",
    "mongodb",
    "mysql",
    "ollama",
    "openai",
    "postgresql",
    "redis",
    "resend",
    "sagemaker",
    "slack",
    "stripe",
    "vertex-ai",
    "workers-ai",
);

/// Parses the built-in descriptions.
pub(super) fn entries() -> Result<Vec<Entry>, CatalogueError> {
    let mut entries = Vec::with_capacity(FILES.len());
    let mut faults = Vec::new();
    for (name, text) in FILES {
        match Provider::read(text) {
            Ok(provider) => entries.push(Entry { provider, origin: Origin::BuiltIn }),
            Err(found) => faults
                .extend(found.into_iter().map(|fault| FileFault { path: (*name).into(), fault })),
        }
    }
    if faults.is_empty() { Ok(entries) } else { Err(CatalogueError::Faults(faults)) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::catalogue::Catalogue;

    #[test]
    fn every_built_in_description_follows_the_rules() {
        let entries = entries().unwrap_or_else(|error| panic!("{error}"));
        Catalogue::of_entries(entries).unwrap_or_else(|error| panic!("{error}"));
    }

    #[test]
    fn every_description_in_the_folder_is_in_the_program_and_named_after_its_id() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/providers");
        let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let there: BTreeSet<_> =
            paths.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
        let embedded = FILES.iter().map(|(name, _)| *name).chain(["README.md"]);
        let embedded: BTreeSet<_> = embedded.map(str::to_owned).collect();
        assert_eq!(embedded, there, "list the files in catalogue/built_in.rs");
        for (name, text) in FILES {
            let provider = Provider::read(text).unwrap();
            assert_eq!(*name, format!("{}.json", provider.id));
        }
    }
}
