//! The enum of verbs, made of the list in `mod.rs`.

use std::fmt;

use ledger_domain::WorkspaceName;

use super::verb::Address;
use super::{ConnectionRef, ParsedCommand, Verb};
use crate::errors::{Code, Problem};

/// Defines the enum of verbs and those of its functions that go over all of them. Entries are
/// `verb in file`, in the order of a connection's life. They are grouped by the enum of domain
/// commands that they belong to, of which every variant must be listed.
macro_rules! verbs {
    (
        Command { $($change:ident in $change_file:ident,)+ }
        others { $($other:ident in $other_file:ident,)+ }
        PrincipalCommand { $($principal:ident [$variant:ident] in $principal_file:ident,)+ }
        ledger { $($ledger:ident in $ledger_file:ident,)+ }
    ) => {
        $crate::commands::registry::verbs! {
            @all $($change in $change_file,)+ $($other in $other_file,)+
            $($principal in $principal_file,)+ $($ledger in $ledger_file,)+
        }

        impl Verb {
            /// Returns the verb of a command to a connection.
            const fn of_connection(command: &ledger_domain::Command) -> Self {
                match command {
                    $(ledger_domain::Command::$change { .. } => Self::$change,)+
                }
            }

            /// Returns the verb of a command to a principal.
            const fn of_principal(command: &ledger_domain::PrincipalCommand) -> Self {
                match command {
                    $(ledger_domain::PrincipalCommand::$variant { .. } => Self::$principal,)+
                }
            }
        }
    };
    (@all $($name:ident in $file:ident,)+) => {
        /// A verb. Listed in the order of a connection's life, with those about principals and the
        /// ledger itself last.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Verb {
            $(
                #[doc = concat!("Defined in `", stringify!($file), ".rs`.")]
                $name,
            )+
        }

        impl Verb {
            /// Every verb.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Returns the properties that the verb's file declares.
            pub const fn spec(self) -> &'static VerbSpec {
                match self {
                    $(Self::$name => &<$file::$name as verb::VerbDefinition>::SPEC,)+
                }
            }

            /// Reads a body.
            ///
            /// Errors: `body_malformed`, `field_invalid`; neither repeats the body.
            pub fn parse(
                self,
                address: &Address,
                body: &[u8],
            ) -> Result<ParsedCommand, $crate::errors::Problem> {
                use verb::VerbDefinition as _;

                match self {
                    $(Self::$name => {
                        $file::$name::read(address, $crate::errors::read_json(body)?)
                    })+
                }
            }

            /// Returns the JSON Schema of the verb's body.
            pub fn schema(self) -> serde_json::Value {
                match self {
                    $(Self::$name => {
                        schemars::schema_for!(<$file::$name as verb::VerbDefinition>::Body)
                            .to_value()
                    })+
                }
            }

            /// Writes the content of a command of the verb.
            fn content<'a>(
                self,
                command: &ParsedCommand,
                to: content::Content<'a>,
            ) -> Option<content::Content<'a>> {
                use verb::VerbDefinition as _;

                match self {
                    $(Self::$name => $file::$name::content(command, to),)+
                }
            }
        }
    };
}
pub(super) use verbs;

impl Verb {
    /// Returns the verb as subjects, routes and the command line spell it.
    pub const fn as_str(self) -> &'static str {
        self.spec().name
    }

    /// Finds a verb by its name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|verb| verb.as_str() == name)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Parses the body of the verb called `name`. `connection` is the connection that the path names,
/// if it does; otherwise the body must name it.
///
/// Errors: `verb_unknown`; those of [`Verb::parse`].
pub fn parse(
    name: &str,
    workspace: &WorkspaceName,
    connection: Option<ConnectionRef>,
    body: &[u8],
) -> Result<ParsedCommand, Problem> {
    let verb = Verb::find(name).ok_or_else(unknown)?;
    verb.parse(&Address { connection, ..Address::of(workspace.clone()) }, body)
}

fn unknown() -> Problem {
    let known: Vec<_> = Verb::ALL.iter().map(|verb| verb.as_str()).collect();
    let message = format!("there is no such command; known are {}", known.join(", "));
    Problem::because(Code::VerbUnknown, message)
}
