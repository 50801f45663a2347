//! `verify bundle`: checks a proof without any server.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use ledger_contract::records::Frame;
use ledger_domain::Position;
use ledger_proof::{BUNDLE_BYTES_MAX, Bundle, BundleError, Leaf, digest_of};

use super::arguments::{KeyArgs, NO_WITNESS, Shown, read_file, witnessed};
use crate::failure::Failure;
use crate::output::Output;

/// Checks a proof.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit code 1 if the proof does not hold. With the stored record, which exports have, it is also checked
that the proof is about that record.

Examples:
  connledger verify bundle event.proof --log-key log.key
  connledger verify bundle event.proof --log-key log.key --witness witness.key --record record.json")]
pub(crate) struct BundleArgs {
    /// The proof
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    keys: KeyArgs,
    /// File with the record of the event, exactly as it is stored
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

pub(super) fn run(args: &BundleArgs, out: Output) -> Result<(), Failure> {
    let key = args.keys.required()?;
    let text = read_file(&args.file, BUNDLE_BYTES_MAX)?;
    let checked = Bundle::parse(&text).and_then(|bundle| bundle.check(&key));
    let (leaf, checkpoint) = match checked {
        Err(BundleError::Malformed) => {
            let shown = args.file.display();
            return Err(Failure::usage(format!("{shown} is not a proof of a ledger")));
        }
        Err(error) => return wrong(error.to_string()).write(out),
        Ok(checked) => checked,
    };
    let cosigned = args.keys.cosigned(&checkpoint)?;
    let Leaf { position, digest } = leaf;
    let digits = digest.iter().fold(String::with_capacity(64), |mut digits, byte| {
        // Writing to a string cannot fail.
        let (Ok(()) | Err(_)) = write!(digits, "{byte:02x}");
        digits
    });
    let (size, origin) = (checkpoint.checkpoint().size, key.origin());
    let mut shown = Shown {
        verified: true,
        proved: vec![
            format!("event {position} is in the log {origin}, of which {size} events are signed"),
            format!("its record, as it was first stored, has the SHA-256 digest {digits}"),
        ],
        wrong: Vec::new(),
        not_proved: Vec::new(),
    };
    shown.proved.extend(witnessed(&cosigned));
    if let Some(path) = &args.record {
        compare(&mut shown, &leaf, &read_file(path, BUNDLE_BYTES_MAX)?);
    } else {
        let what = "what the event says: that takes the stored record, with --record";
        shown.not_proved.push(what.to_owned());
    }
    if cosigned.is_empty() {
        shown.not_proved.push(NO_WITNESS.to_owned());
    }
    shown.not_proved.push("that what was recorded is true".to_owned());
    shown.write(out)
}

fn wrong(what: String) -> Shown {
    Shown { verified: false, proved: Vec::new(), wrong: vec![what], not_proved: Vec::new() }
}

/// Compares the proof with a record, or with what is left of one.
fn compare(shown: &mut Shown, leaf: &Leaf, record: &[u8]) {
    let record = record.strip_suffix(b"\n").unwrap_or(record);
    let frame = Frame::read(Position::new(leaf.position), record);
    let emptied = frame.and_then(Frame::emptied_digest).ok().flatten();
    if digest_of(record) == leaf.digest {
        shown.proved.push("the given record is that of the event, byte for byte".to_owned());
    } else if emptied == Some(leaf.digest) {
        shown.proved.push("the given record is what an erasure left of that event".to_owned());
        shown.not_proved.push("what else the event said before it was erased".to_owned());
    } else {
        shown.verified = false;
        shown.wrong.push("the given record is not that of the event".to_owned());
    }
}
