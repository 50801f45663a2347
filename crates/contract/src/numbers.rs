//! Numbers in JSON that stay what they were written as.

/// Digits that any number can have without losing one.
const SAFE_DIGITS: usize = 15;

/// Returns whether the ledger keeps every significant digit of the numbers in a JSON text, which
/// has been parsed before. It stores whole numbers of 64 bits and others as `f64`.
pub fn keeps_digits(json: &[u8]) -> bool {
    let mut rest = json;
    while let [first, after @ ..] = rest {
        rest = match first {
            b'"' => after_text(after),
            b'-' | b'0'..=b'9' => {
                let in_number =
                    |byte: &&u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                let (number, after) = rest.split_at(rest.iter().take_while(in_number).count());
                if !is_exact(number) {
                    return false;
                }
                after
            }
            _ => after,
        };
    }
    true
}

/// Returns what follows the end of a text.
fn after_text(text: &[u8]) -> &[u8] {
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = match byte {
            b'"' => return after,
            // Whatever is escaped does not end the text.
            b'\\' => after.get(1..).unwrap_or_default(),
            _ => after,
        };
    }
    rest
}

fn is_exact(number: &[u8]) -> bool {
    if number.len() <= SAFE_DIGITS && number.iter().all(u8::is_ascii_digit) {
        return true;
    }
    let Ok(text) = std::str::from_utf8(number) else { return false };
    if text.parse::<u64>().is_ok() || text.parse::<i64>().is_ok() {
        return true;
    }
    // Written with an exponent, a number has its significant digits only. Of two texts that are as
    // near to it, JSON has another one.
    text.parse::<f64>().is_ok_and(|parsed| {
        let in_json = serde_json::Number::from_f64(parsed).map(|number| number.to_string());
        let texts = [Some(format!("{parsed:e}")), in_json];
        texts.into_iter().flatten().any(|written| digits(&written) == digits(text))
    })
}

/// Returns the significant digits of a number before its exponent.
fn digits(text: &str) -> String {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_keep_their_digits_are_told_from_others() {
        for kept in [
            "0",
            "-1",
            "1.10",
            "0.7",
            "1e3",
            "1.5E-3",
            "18446744073709551615",
            "1.7976931348623157e308",
            "-1e308",
            "5e-324",
            "1000000000000000000000000",
            "0e400",
            "412246126.81182325",
            "-920997719343040.2",
            r#"{"a": [1, {"b": -2.50}], "c": "12345678901234567890123"}"#,
            r#""say \"12345678901234567890123\" \\""#,
            "",
        ] {
            assert!(keeps_digits(kept.as_bytes()), "{kept}");
        }
        for lost in [
            "12345678901234567890123",
            "0.1000000000000000055",
            "-18446744073709551617",
            "1e-400",
            "1e400",
            r#"{"a": {"b": ["\\", 12345678901234567890123]}}"#,
        ] {
            assert!(!keeps_digits(lost.as_bytes()), "{lost}");
        }
    }
}
