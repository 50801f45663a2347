//! The standard output of a program.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use ledger_vault::KeyText;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, ChildStderr, Command};
use zeroize::Zeroizing;

use crate::quote::quote;

/// Time limit of a program.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(30);
/// How much of what it says on its standard error is kept, in bytes.
const SAID_BYTES_MAX: usize = 4 * 1024;
/// The exit code by which a program says that it may succeed later (`EX_TEMPFAIL`).
const TRY_AGAIN: i32 = 75;

/// Why a program gave no text. Never has its standard output.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// It cannot be started.
    #[error("{program} cannot be started: {source}")]
    Start {
        /// The program.
        program: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Its output cannot be read.
    #[error("the output of {program} cannot be read: {source}")]
    Read {
        /// The program.
        program: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// It did not end in time.
    #[error("{program} did not end within {seconds} s")]
    TooSlow {
        /// The program.
        program: String,
        /// The limit.
        seconds: u64,
    },
    /// It prints too much.
    #[error("{program} prints more than {bytes_max} bytes")]
    TooLong {
        /// The program.
        program: String,
        /// The limit.
        bytes_max: usize,
    },
    /// It does not print text.
    #[error("{program} does not print text")]
    NotText {
        /// The program.
        program: String,
    },
    /// It failed.
    #[error("{program} failed ({status}): {said}")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said on its standard error, in short.
        said: String,
    },
}

impl ProgramError {
    /// Returns whether the same program may succeed later.
    pub(crate) fn is_away(&self) -> bool {
        match self {
            Self::TooSlow { .. } => true,
            Self::Failed { status, .. } => status.code() == Some(TRY_AGAIN),
            _ => false,
        }
    }
}

/// Runs a program, which is given with its arguments, and returns what it prints. It has no
/// standard input, and inherits the environment.
pub(crate) async fn output(
    words: &[String],
    time_max: Duration,
) -> Result<Zeroizing<String>, ProgramError> {
    let (name, arguments) = words.split_first().map_or(("", &[][..]), |(name, rest)| (name, rest));
    let program = name.to_owned();
    let mut command = Command::new(name);
    command.args(arguments).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().map_err(|source| {
        let program = program.clone();
        ProgramError::Start { program, source }
    })?;
    // When time is up, the child is dropped and thereby killed.
    match tokio::time::timeout(time_max, follow(child, &program)).await {
        Ok(printed) => printed,
        Err(_) => Err(ProgramError::TooSlow { program, seconds: time_max.as_secs() }),
    }
}

async fn follow(mut child: Child, program: &str) -> Result<Zeroizing<String>, ProgramError> {
    const BYTES_MAX: usize = KeyText::BYTES_MAX;
    let unreadable = |source| ProgramError::Read { program: program.to_owned(), source };
    let listening = tokio::spawn(listen(child.stderr.take()));
    let printed = head(child.stdout.take(), BYTES_MAX + 1).await.map_err(unreadable)?;
    if printed.len() > BYTES_MAX {
        // It is not waited for, as it may go on printing for ever.
        return Err(ProgramError::TooLong { program: program.to_owned(), bytes_max: BYTES_MAX });
    }
    let status = child.wait().await.map_err(unreadable)?;
    if !status.success() {
        let said = listening.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        let said = quote(&said.map_err(unreadable)?, &[]);
        return Err(ProgramError::Failed { program: program.to_owned(), status, said });
    }
    match std::str::from_utf8(&printed) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(ProgramError::NotText { program: program.to_owned() }),
    }
}

/// Reads what a program says on its standard error: the beginning for a message, the rest so that
/// the program does not wait for a reader.
async fn listen(mut stderr: Option<ChildStderr>) -> io::Result<Zeroizing<Vec<u8>>> {
    let said = head(stderr.as_mut(), SAID_BYTES_MAX).await?;
    if let Some(mut rest) = stderr {
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
    }
    Ok(said)
}

/// Reads up to so many bytes.
async fn head(
    from: Option<impl AsyncRead + Unpin>,
    bytes_max: usize,
) -> io::Result<Zeroizing<Vec<u8>>> {
    // The buffer gets its full capacity from the start, because growing would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(bytes_max));
    if let Some(from) = from {
        from.take(bytes_max as u64).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sh(script: &str) -> Result<Zeroizing<String>, ProgramError> {
        let words = ["sh", "-c", script].map(str::to_owned);
        output(&words, TIME_MAX).await
    }

    #[tokio::test]
    async fn what_a_program_prints_is_returned_as_it_is() {
        assert_eq!(sh("echo a; echo noise >&2; echo b").await.unwrap().as_str(), "a\nb\n");
        let words = ["echo", "$HOME;", "a b"].map(str::to_owned);
        let printed = output(&words, TIME_MAX).await.unwrap();
        assert_eq!(printed.as_str(), "$HOME; a b\n", "there is no shell");
        let much = "head -c 200000 /dev/zero >&2; echo done";
        assert_eq!(sh(much).await.unwrap().as_str(), "done\n", "its noise does not block it");
    }

    #[tokio::test]
    async fn what_a_program_prints_is_in_no_error() {
        let failed = sh("echo canary-on-stdout; echo vault is sealed >&2; exit 3").await;
        let failed = failed.unwrap_err();
        let shown = failed.to_string();
        assert!(
            shown.contains("exit status: 3") && shown.ends_with(": vault is sealed"),
            "{shown}"
        );
        let binary = sh("printf 'canary-\\377'").await.unwrap_err();
        assert!(matches!(binary, ProgramError::NotText { .. }), "{binary}");
        for error in [failed, binary] {
            assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
            assert!(!error.is_away());
        }
    }

    #[tokio::test]
    async fn a_program_has_limits_of_size_and_time() {
        let endless = sh("yes").await.unwrap_err();
        assert!(matches!(endless, ProgramError::TooLong { .. }), "{endless}");
        let words = ["sleep", "600"].map(str::to_owned);
        let slow = output(&words, Duration::from_millis(50)).await.unwrap_err();
        assert!(matches!(slow, ProgramError::TooSlow { .. }) && slow.is_away(), "{slow}");
        let words = ["/nowhere/at-all".to_owned()];
        let missing = output(&words, TIME_MAX).await.unwrap_err();
        assert!(matches!(missing, ProgramError::Start { .. }) && !missing.is_away(), "{missing}");
    }

    #[tokio::test]
    async fn a_program_can_say_that_it_may_succeed_later() {
        assert!(sh("exit 75").await.unwrap_err().is_away());
        assert!(!sh("exit 1").await.unwrap_err().is_away());
    }
}
