//! Identifiers on the command line.

/// Refuses what can't be an id, so that none changes the path of a request.
pub(super) fn parse(text: &str) -> Result<String, String> {
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if !text.is_empty() && text.len() <= 64 && text.bytes().all(is_id) {
        Ok(text.to_owned())
    } else {
        Err("an id is letters, digits and underscores".to_owned())
    }
}

/// Refuses what can't be a day, so that none changes the path of a request.
pub(super) fn date(text: &str) -> Result<String, String> {
    let is_date = |byte: u8| byte.is_ascii_digit() || byte == b'-';
    if text.len() == 10 && text.bytes().all(is_date) {
        Ok(text.to_owned())
    } else {
        Err("a day is written as 2026-11-22".to_owned())
    }
}

/// Refuses what the header `Idempotency-Key` can't carry.
pub(super) fn idempotency_key(text: &str) -> Result<String, String> {
    if (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err("an idempotency key is 1 to 255 visible ASCII characters".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{date, idempotency_key, parse};

    #[test]
    fn an_idempotency_key_is_what_a_header_can_carry() {
        idempotency_key("order-17/1").unwrap();
        for text in ["", "a b", "é", "a\n", &"a".repeat(256)] {
            idempotency_key(text).unwrap_err();
        }
    }

    #[test]
    fn a_day_never_changes_the_path_that_it_stands_in() {
        date("2026-11-22").unwrap();
        for text in
            ["", "today", "2026-11-2", "2026/11/22", "2026-11-22T", "..........", "２026-11"]
        {
            date(text).unwrap_err();
        }
    }

    #[test]
    fn an_id_never_changes_the_path_that_it_stands_in() {
        parse("pay_0192f0c1d2e3").unwrap();
        for text in ["", "..", "a/b", "a?b", "a%2fb", "é", &"a".repeat(65)] {
            parse(text).unwrap_err();
        }
    }
}
