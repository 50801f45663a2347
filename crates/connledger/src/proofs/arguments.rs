//! Arguments that checks have in common, and the files that they name.

use std::path::{Path, PathBuf};

use clap::Args;
use ledger_proof::{
    BUNDLE_BYTES_MAX, CHECKPOINT_BYTES_MAX, Cosigned, LogKey, SignedCheckpoint, WitnessKey,
};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::Output;

/// The keys that are trusted.
#[derive(Debug, Args)]
pub(super) struct KeyArgs {
    /// Public key of the log, as `log key` shows it, or a file with it. Get it by a way that you
    /// trust
    #[arg(long, env = "CONNLEDGER_LOG_KEY", value_name = "KEY")]
    log_key: Option<String>,
    /// Public key of a witness that must have signed the checkpoint, or a file with it. May be
    /// given several times
    #[arg(long = "witness", value_name = "KEY")]
    witnesses: Vec<String>,
}

impl KeyArgs {
    /// Returns the key of the log, if it is given.
    pub(super) fn log_key(&self) -> Result<Option<LogKey>, Failure> {
        self.log_key.as_deref().map(|text| parsed("--log-key", text)).transpose()
    }

    /// Returns the key of the log, which must be given.
    pub(super) fn required(&self) -> Result<LogKey, Failure> {
        self.log_key()?.ok_or_else(|| {
            Failure::usage("--log-key is required")
                .hint("whoever runs the ledger finds it with: connledger log key")
        })
    }

    /// Returns who has signed a checkpoint, which all given witnesses must have.
    pub(super) fn cosigned(&self, checkpoint: &SignedCheckpoint) -> Result<Vec<Cosigned>, Failure> {
        let keys = self.witnesses.iter().map(|text| parsed("--witness", text));
        let keys = keys.collect::<Result<Vec<WitnessKey>, _>>()?;
        let cosigned = checkpoint.cosigned(&keys);
        // Each key counts: a witness that changes its key has two of one name.
        let has_signed =
            |key: &WitnessKey| !checkpoint.cosigned(std::slice::from_ref(key)).is_empty();
        match keys.iter().find(|key| !has_signed(key)) {
            None => Ok(cosigned),
            Some(missing) => {
                let name = missing.name();
                Err(Failure::refused(format!("the witness {name} has not signed the checkpoint")))
            }
        }
    }
}

/// Parses a key, or reads it from a file.
fn parsed<K: std::str::FromStr>(flag: &str, text: &str) -> Result<K, Failure>
where
    K::Err: std::fmt::Display,
{
    let path = Path::new(text);
    let read = if path.is_file() { read_text(path, CHECKPOINT_BYTES_MAX)? } else { text.into() };
    let line = read.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    line.trim().parse().map_err(|error| Failure::usage(format!("{flag}: {error}")))
}

/// Reads a file of at most so many bytes.
pub(super) fn read_file(path: &Path, bytes_max: usize) -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    let failed = |error| Failure::file("read", path, &error);
    let mut bytes = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > bytes_max {
        let shown = path.display();
        return Err(Failure::usage(format!("{shown} is larger than {bytes_max} bytes")));
    }
    Ok(bytes)
}

fn read_text(path: &Path, bytes_max: usize) -> Result<String, Failure> {
    let bytes = read_file(path, bytes_max)?;
    String::from_utf8(bytes).map_err(|_| Failure::usage(format!("{} is not text", path.display())))
}

/// Reads a checkpoint, whose signatures nobody has checked. A proof of `prove` will do as well.
pub(super) fn read_checkpoint(path: &Path) -> Result<SignedCheckpoint, Failure> {
    let text = read_file(path, BUNDLE_BYTES_MAX)?;
    let read = SignedCheckpoint::parse(&text)
        .ok()
        .or_else(|| ledger_proof::Bundle::parse(&text).ok()?.checkpoint().ok());
    read.ok_or_else(|| Failure::usage(format!("{} is not a checkpoint", path.display())))
}

/// Reads the checkpoints to compare with.
pub(super) fn read_checkpoints(paths: &[PathBuf]) -> Result<Vec<SignedCheckpoint>, Failure> {
    paths.iter().map(|path| read_checkpoint(path)).collect()
}

/// What a check has shown.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    /// Whether everything was right.
    pub(super) verified: bool,
    /// What is proved.
    pub(super) proved: Vec<String>,
    /// What is wrong.
    pub(super) wrong: Vec<String>,
    /// What is not proved.
    pub(super) not_proved: Vec<String>,
}

impl Shown {
    /// Writes it. If something is wrong, that is the negative answer.
    pub(super) fn write(&self, out: Output) -> Result<(), Failure> {
        if out.is_json() {
            out.object(self)?;
        } else {
            let lines = [("proved", &self.proved), ("wrong", &self.wrong)];
            for (word, texts) in lines.into_iter().chain([("not proved", &self.not_proved)]) {
                texts.iter().try_for_each(|text| out.line(format!("{word}: {text}")))?;
            }
        }
        if self.verified { Ok(()) } else { Err(Failure::told_no()) }
    }
}

/// Returns how witnesses are told.
pub(super) fn witnessed(cosigned: &[Cosigned]) -> impl Iterator<Item = String> + '_ {
    cosigned.iter().map(|Cosigned { witness, at }| {
        let micros = i64::try_from(*at).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        let at = ledger_contract::time::format(ledger_domain::Micros::new(micros));
        format!("the witness {witness} has signed this checkpoint, as it says at {at}")
    })
}

/// What no checkpoint of one log alone can show.
pub(super) const NO_WITNESS: &str = "that everybody was shown the same log: no witness was asked \
                                     for with --witness";
