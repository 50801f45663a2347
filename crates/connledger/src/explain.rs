//! `explain`: the meaning of error codes.

use clap::Args;
use ledger_contract::errors::Code;
use serde_json::json;

use crate::failure::Failure;
use crate::output::Output;
use crate::table::Table;

/// Explains an error code and its remedy.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger explain                     every code
  connledger explain version_conflict    one code, with its remedy")]
pub(crate) struct ExplainArgs {
    /// Error code; lists all codes if omitted
    code: Option<String>,
}

pub(crate) fn run(args: &ExplainArgs, out: Output) -> Result<(), Failure> {
    match &args.code {
        Some(text) => one(text, out),
        None => all(out),
    }
}

fn one(text: &str, out: Output) -> Result<(), Failure> {
    let code = Code::parse(text).ok_or_else(|| {
        Failure::usage(format!("there is no error code `{text}`"))
            .hint("`connledger explain` lists all codes")
    })?;
    if out.is_json() {
        return out.object(&json!({
            "code": code.as_str(),
            "class": code.class().as_str(),
            "summary": code.summary(),
            "page": code.page(),
        }));
    }
    out.verbatim(code.page().trim_end())
}

fn all(out: Output) -> Result<(), Failure> {
    if out.is_json() {
        return Code::ALL.iter().try_for_each(|code| {
            out.object(&json!({
                "code": code.as_str(),
                "class": code.class().as_str(),
                "summary": code.summary(),
            }))
        });
    }
    let mut table = Table::of_texts(&["CODE", "CLASS", "MEANING"]);
    for code in Code::ALL {
        table.row([
            code.as_str().to_owned(),
            code.class().as_str().to_owned(),
            code.summary().to_owned(),
        ]);
    }
    out.table(&table)
}
