//! Places in the journal as text: what events are called, and from where their lists go on.

use crate::store::Cursor;

/// A place in the journal: position, number in the batch, time.
pub(super) fn write(cursor: Cursor) -> String {
    format!("evt_{}_{}_{}", cursor.position, cursor.n, cursor.millis)
}

/// Reads what [`write`] wrote; `None` for anything else.
pub(super) fn read(text: &str) -> Option<Cursor> {
    let mut numbers = text.strip_prefix("evt_")?.split('_').map(number);
    let cursor =
        Cursor { position: numbers.next()??, n: numbers.next()??, millis: numbers.next()?? };
    numbers.next().is_none().then_some(cursor)
}

/// Digits alone: a sign would be another text for the same place.
fn number(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::{read, write};
    use crate::store::Cursor;

    #[test]
    fn a_place_reads_back_and_nothing_else_is_one() {
        for cursor in [
            Cursor::default(),
            Cursor { position: 7, n: 3, millis: 1_800_000_007_000 },
            Cursor { position: i64::MAX, n: i64::MAX, millis: i64::MAX },
        ] {
            assert_eq!(read(&write(cursor)), Some(cursor));
        }
        for text in [
            "",
            "evt_",
            "evt_1_2",
            "evt_1_2_3_4",
            "evt_1_2_x",
            "evt_-1_2_3",
            "evt_+1_2_3",
            "pay_1_2_3",
            "evt_1_2_9223372036854775808",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
