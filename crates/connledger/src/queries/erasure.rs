//! `erasure`.

use clap::Args;
use ledger_contract::queries::{ErasureQuery, ErasureState, ErasureView};

use super::read_answer;
use crate::failure::Failure;
use crate::session::Session;
use crate::verbs::archived;

/// Shows how far the erasure of a connection is, and which copies are left.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger erasure 0199f0c2-6d1e-7cc0-8a51-2f1f6a1b7c3d
  connledger erasure old-openai --json | jq .master_keys")]
pub(crate) struct ErasureArgs {
    /// Id, or the slug that it had if no other erased connection had it
    name: String,
}

pub(super) async fn run(session: &Session, args: ErasureArgs) -> Result<(), Failure> {
    let connection = archived::erased_id(session, args.name).await?;
    let query = ErasureQuery { connection };
    let answer = match session.client.query(&session.workspace, "erasure", &query).await {
        Ok(answer) => answer,
        Err(error) => {
            return Err(archived::with_hint(session, error.into(), &query.connection).await);
        }
    };
    if session.out.is_json() {
        return session.out.raw(&answer);
    }
    let view: ErasureView = read_answer(&answer)?;
    lines(&view).into_iter().try_for_each(|line| session.out.line(line))
}

/// Returns what there is to say, line by line.
fn lines(view: &ErasureView) -> Vec<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let (id, slug) = (&view.connection, &view.slug);
    if view.state == ErasureState::None {
        return vec![format!("{id} ({slug}) is not erased")];
    }
    let (at, by) = (text(&view.erased_at), text(&view.erased_by));
    let position = view.position.unwrap_or_default();
    let mut lines = vec![format!("{id} ({slug}) was erased at {at} by {by}, position {position}")];
    lines.push(match &view.completed_at {
        Some(at) => format!("data directory: nothing is left since {at}"),
        None => "data directory: its files may still have something; that is under way".to_owned(),
    });
    lines.extend(view.left_stream.map(|left| {
        if left {
            "event stream: its earlier messages are gone".to_owned()
        } else {
            "event stream: its earlier messages, without secrets, stay until the window is \
             past them"
                .to_owned()
        }
    }));
    let keys: Vec<_> = view.master_keys.iter().map(String::as_str).collect();
    lines.push(if keys.is_empty() {
        "copies from before: no master key in use opens them".to_owned()
    } else {
        format!(
            "copies from before position {position}: master key {} opens them; retire and destroy \
             it to erase the connection there, too",
            keys.join(", ")
        )
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_said_in_words() {
        let mut view = ErasureView {
            connection: "c-1".to_owned(),
            slug: "main".to_owned(),
            state: ErasureState::UnderWay,
            erased_at: Some("2026-11-29T10:00:00.000000Z".to_owned()),
            erased_by: Some("user:admin".to_owned()),
            position: Some(42),
            completed_at: None,
            left_stream: Some(false),
            master_keys: ["0a1b2c3d".to_owned()].into(),
        };
        let text = lines(&view).join("\n");
        assert!(text.contains("position 42") && text.contains("0a1b2c3d"), "{text}");
        assert!(text.contains("under way") && text.contains("window"), "{text}");
        view.state = ErasureState::Complete;
        view.completed_at = Some("2026-11-29T10:00:01.000000Z".to_owned());
        view.left_stream = Some(true);
        view.master_keys.clear();
        let text = lines(&view).join("\n");
        assert!(!text.contains("under way") && text.contains("no master key"), "{text}");
        view.state = ErasureState::None;
        assert_eq!(lines(&view), ["c-1 (main) is not erased"]);
    }
}
