//! Plans, as people and programs read them.

use ledger_manifests::Drift;
use ledger_manifests::plan::{Action, FieldChange, Plan};
use serde_json::{Value, json};

use super::compare::Planned;
use crate::failure::Failure;
use crate::output::Output;

/// Plans that are shown to people before they are carried out.
const BEGINNING: usize = 50;
/// Characters of a value that people see.
const VALUE_CHARS: usize = 60;

/// How much of a plan is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    Beginning,
}

/// Shows what is to be done, and what was changed by hand.
pub(super) fn plans(out: Output, plans: &[Planned], extent: Extent) -> Result<(), Failure> {
    let is_told = |plan: &Plan| plan.action != Action::None || plan.drift.is_some();
    let told: Vec<&Plan> = plans.iter().map(|one| &one.plan).filter(|plan| is_told(plan)).collect();
    if out.is_json() {
        told.iter().try_for_each(|plan| out.object(&object(plan)))?;
        return out.object(&summary(plans));
    }
    let shown = if extent == Extent::Whole { usize::MAX } else { BEGINNING };
    for plan in told.iter().take(shown) {
        out.verbatim(line(plan))?;
        for change in &plan.changes {
            out.line(format!("    {}", field(change)))?;
        }
    }
    if told.len() > shown {
        out.line(format!("and {} more; --dry-run shows all", told.len() - shown))?;
    }
    for note in plans.iter().flat_map(|one| one.plan.notes.iter().map(move |note| (one, note))) {
        let (one, note) = note;
        out.say(format!("{}: {note}", one.plan.name));
    }
    let unseen = plans.iter().filter(|one| is_compared_there(&one.plan)).count();
    if unseen > 0 {
        out.say(format!(
            "{unseen} of the unchanged have secrets whose masks are the same; `apply` has the \
             ledger compare their values"
        ));
    }
    out.line(counts(plans))
}

/// Returns whether the ledger is to compare values of secrets.
fn is_compared_there(plan: &Plan) -> bool {
    plan.action == Action::None && !plan.steps.is_empty()
}

/// Returns how many there are of each action, as a line.
fn counts(plans: &[Planned]) -> String {
    let summary = summary(plans);
    let number = |name: &str| summary["plan"][name].as_u64().unwrap_or(0);
    let mut words = vec![format!("plan: {} to create", number("create"))];
    for (name, words_for) in [("update", "to update"), ("restore", "to restore")] {
        if name == "update" || number(name) > 0 {
            words.push(format!("{} {words_for}", number(name)));
        }
    }
    for (name, words_for) in [("archive", "to archive"), ("refused", "refused")] {
        if number(name) > 0 {
            words.push(format!("{} {words_for}", number(name)));
        }
    }
    words.push(format!("{} unchanged", number("unchanged")));
    if number("changed_by_hand") > 0 {
        words.push(format!("{} changed by hand", number("changed_by_hand")));
    }
    words.join(", ")
}

fn summary(plans: &[Planned]) -> Value {
    let count = |word: &str| plans.iter().filter(|one| one.plan.action.as_str() == word).count();
    let by_hand = |one: &&Planned| matches!(one.plan.drift, Some((Drift::ByHand, _)));
    json!({ "plan": {
        "create": count("create"),
        "update": count("update"),
        "restore": count("restore"),
        "archive": count("archive"),
        "refused": count("refused"),
        "unchanged": count("unchanged"),
        "changed_by_hand": plans.iter().filter(by_hand).count(),
    }})
}

fn object(plan: &Plan) -> Value {
    let mut object =
        json!({ "kind": plan.kind, "name": plan.name, "action": plan.action.as_str() });
    if !plan.changes.is_empty() {
        object["changes"] = json!(plan.changes);
    }
    if let Action::Refuse(reason) = &plan.action {
        object["reason"] = json!(reason);
    }
    if let Some((drift, by)) = &plan.drift {
        object["drift"] = json!({ "since_last_apply": drift_word(*drift), "by": by });
    }
    if !plan.notes.is_empty() {
        object["notes"] = json!(plan.notes);
    }
    object
}

const fn drift_word(drift: Drift) -> &'static str {
    match drift {
        Drift::ByHand => "changed_by_hand",
        Drift::Unfinished => "unfinished",
    }
}

fn line(plan: &Plan) -> String {
    let mark = match &plan.action {
        Action::Create => '+',
        Action::Update | Action::Restore => '~',
        Action::Archive => '-',
        Action::None => '=',
        Action::Refuse(_) => '!',
    };
    let (kind, name) = (plan.kind, &plan.name);
    let mut line = format!("{mark} {kind} {name}: {}", plan.action.as_str());
    if let Action::Refuse(reason) = &plan.action {
        line += &format!(", {reason}");
    }
    match &plan.drift {
        Some((Drift::ByHand, by)) => {
            line += &format!(" (changed by hand since the last apply, by {by})");
        }
        Some((Drift::Unfinished, _)) => line += " (the last apply did not finish it)",
        None => {}
    }
    line
}

fn field(change: &FieldChange) -> String {
    let FieldChange { field, before, after } = change;
    match (before, after) {
        (Some(before), Some(after)) => format!("{field}: {} -> {}", short(before), short(after)),
        (None, Some(after)) => format!("{field}: + {}", short(after)),
        (Some(before), None) => format!("{field}: - {}", short(before)),
        (None, None) => field.clone(),
    }
}

fn short(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    match text.char_indices().nth(VALUE_CHARS) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
