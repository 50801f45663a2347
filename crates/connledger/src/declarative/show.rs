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
    if unseen > 0 && extent == Extent::Whole {
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
    let words = [
        ("create", "to create", true),
        ("update", "to update", true),
        ("restore", "to restore", false),
        ("archive", "to archive", false),
        ("refused", "refused", false),
        ("unchanged", "unchanged", true),
    ];
    let counted = words.map(|(action, words, always)| (count(plans, action), words, always));
    let by_hand = (by_hand(plans), "changed by hand", false);
    let told =
        counted.into_iter().chain([by_hand]).filter(|(number, _, always)| *always || *number > 0);
    let told: Vec<String> = told.map(|(number, words, _)| format!("{number} {words}")).collect();
    format!("plan: {}", told.join(", "))
}

/// Returns how many plans have an action.
fn count(plans: &[Planned], action: &str) -> usize {
    plans.iter().filter(|one| one.plan.action.as_str() == action).count()
}

/// Returns how many connections were changed by hand.
fn by_hand(plans: &[Planned]) -> usize {
    plans.iter().filter(|one| matches!(one.plan.drift, Some((Drift::ByHand, _)))).count()
}

fn summary(plans: &[Planned]) -> Value {
    json!({ "plan": {
        "create": count(plans, "create"),
        "update": count(plans, "update"),
        "restore": count(plans, "restore"),
        "archive": count(plans, "archive"),
        "refused": count(plans, "refused"),
        "unchanged": count(plans, "unchanged"),
        "changed_by_hand": by_hand(plans),
    }})
}

fn object(plan: &Plan) -> Value {
    let reason = match &plan.action {
        Action::Refuse(reason) => Some(json!(reason)),
        _ => None,
    };
    let drift = plan.drift.as_ref();
    let drift =
        drift.map(|(drift, by)| json!({ "since_last_apply": drift_word(*drift), "by": by }));
    let members = [
        ("kind", Some(json!(plan.kind))),
        ("name", Some(json!(plan.name))),
        ("action", Some(json!(plan.action.as_str()))),
        ("changes", (!plan.changes.is_empty()).then(|| json!(plan.changes))),
        ("reason", reason),
        ("drift", drift),
        ("notes", (!plan.notes.is_empty()).then(|| json!(plan.notes))),
    ];
    let given = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect())
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
    let reason = match &plan.action {
        Action::Refuse(reason) => format!(", {reason}"),
        _ => String::new(),
    };
    let drift = match &plan.drift {
        Some((Drift::ByHand, by)) => format!(" (changed by hand since the last apply, by {by})"),
        Some((Drift::Unfinished, _)) => " (the last apply did not finish it)".to_owned(),
        None => String::new(),
    };
    format!("{mark} {kind} {name}: {}{reason}{drift}", plan.action.as_str())
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
