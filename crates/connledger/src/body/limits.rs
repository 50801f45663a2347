//! The flags for the limits of a grant.

use clap::Args;
use serde_json::{Value, json};

use super::{Body, number};

/// How much a workspace may use.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Amount at which use stops; a cost may have decimals
    #[arg(long, value_name = "AMOUNT", value_parser = parse_number)]
    credit_limit: Option<Value>,
    /// What the amount counts: cost or tokens
    #[arg(long, value_name = "TYPE", default_value = "cost", requires = "credit_limit")]
    usage_type: String,
    /// Amount at which a warning is due
    #[arg(long, value_name = "AMOUNT", value_parser = parse_number, requires = "credit_limit")]
    alert_threshold: Option<Value>,
    /// When usage resets: weekly, monthly, or a number of days such as 30d
    #[arg(long, value_name = "PERIOD", requires = "credit_limit")]
    reset: Option<String>,
    /// Time of the next reset (UTC)
    #[arg(long, value_name = "TIME", requires = "credit_limit")]
    next_reset_at: Option<String>,
    /// Requests or tokens allowed per unit of time
    #[arg(long, value_name = "NUMBER", value_parser = parse_number)]
    rate: Option<Value>,
    /// What the rate counts: requests or tokens
    #[arg(long, value_name = "TYPE", default_value = "requests", requires = "rate")]
    rate_type: String,
    /// Unit of time: rpm (minute), rph (hour) or rpd (day)
    #[arg(long, value_name = "UNIT", default_value = "rpm", requires = "rate")]
    rate_unit: String,
}

fn parse_number(text: &str) -> Result<Value, &'static str> {
    number(text).ok_or("must be a number, such as 10 or 0.5")
}

impl LimitArgs {
    /// Returns the limits given.
    pub(crate) fn body(self) -> Value {
        let mut limits = Body::new();
        if let Some(credit_limit) = self.credit_limit {
            let mut usage = Body::new();
            usage.insert("type".to_owned(), json!(self.usage_type));
            usage.insert("credit_limit".to_owned(), credit_limit);
            let optional = [
                ("alert_threshold", self.alert_threshold),
                ("reset", self.reset.map(Value::from)),
                ("next_reset_at", self.next_reset_at.map(Value::from)),
            ];
            for (field, value) in optional {
                if let Some(value) = value {
                    usage.insert(field.to_owned(), value);
                }
            }
            limits.insert("usage".to_owned(), Value::Object(usage));
        }
        if let Some(rate) = self.rate {
            limits.insert(
                "rate".to_owned(),
                json!({ "type": self.rate_type, "unit": self.rate_unit, "value": rate }),
            );
        }
        Value::Object(limits)
    }
}
