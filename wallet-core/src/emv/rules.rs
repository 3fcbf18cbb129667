//! The form of each object's value, and which objects must be there.

use super::object::find;
use super::read::Cursor;
use super::{DataObject, ObjectId, Path, Rule, Strictness, VALUE_LENGTH_MAX, Violation};

/// Decides of each rule broken whether reading goes on.
pub(super) struct Inspector {
    strictness: Strictness,
    pub(super) findings: Vec<Violation>,
}

impl Inspector {
    pub(super) fn new(strictness: Strictness) -> Self {
        Self { strictness, findings: Vec::new() }
    }

    /// Writes it down, or gives it back as what the payload is refused for.
    pub(super) fn note(&mut self, violation: Violation) -> Result<(), Violation> {
        let goes_on = match self.strictness {
            Strictness::Strict => violation.rule().is_advice(),
            Strictness::Lenient => violation.rule().is_forgivable(),
        };
        if !goes_on {
            return Err(violation);
        }
        self.findings.push(violation);
        Ok(())
    }
}

/// Whether the object at this path holds more objects.
pub(super) fn is_template(path: &Path) -> bool {
    matches!(path.numbers().as_slice(), [26..=51 | 62 | 64 | 80..=99] | [62, 50..=99])
}

/// Whether the template at this path says in 00 whose it is.
fn has_guid(path: &Path) -> bool {
    is_template(path) && !matches!(path.numbers().as_slice(), [62 | 64])
}

/// Which characters a value may have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    /// Printable ASCII: EMVCo's "ans".
    Printable,
    /// Any but control characters: EMVCo's "S".
    Any,
}

/// What the value of an object looks like.
struct Form {
    set: Set,
    length_max: usize,
    fits: fn(&str) -> bool,
}

fn form(path: &Path) -> Form {
    let text = |length_max| Form { set: Set::Printable, length_max, fits: |_| true };
    let local = |length_max| Form { set: Set::Any, ..text(length_max) };
    let fixed = |length_max, fits| Form { fits, ..text(length_max) };
    match path.numbers().as_slice() {
        [0] => fixed(2, |value| value == "01"),
        [1] => fixed(2, |value| matches!(value, "11" | "12")),
        [52] => fixed(4, |value| is_digits(value, 4)),
        [53] => fixed(3, |value| is_digits(value, 3)),
        [54 | 56] => fixed(13, is_decimal),
        [55] => fixed(2, |value| matches!(value, "01" | "02" | "03")),
        [57] => fixed(5, is_percentage),
        [58] => fixed(2, |value| value.len() == 2 && value.bytes().all(|b| b.is_ascii_uppercase())),
        [59] | [62, 1..=8] => text(25),
        [60] => text(15),
        [61] => text(10),
        [62, 9] => fixed(3, is_consumer_data_request),
        [62, 10] => text(20),
        [62, 11] => fixed(3, |value| Cursor::length_of(value) == 3),
        [64, 0] => {
            fixed(2, |value| value.len() == 2 && value.bytes().all(|b| b.is_ascii_alphabetic()))
        }
        [64, 1] => local(25),
        [64, 2] => local(15),
        [26..=51 | 80..=99, 0] | [62, 50..=99, 0] => text(32),
        [2..=25] | [62, 12..=49] => text(VALUE_LENGTH_MAX),
        _ => local(VALUE_LENGTH_MAX),
    }
}

fn is_digits(value: &str, count: usize) -> bool {
    value.len() == count && value.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digits, with at most one point after the first of them.
fn is_decimal(value: &str) -> bool {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    !whole.is_empty() && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit())
}

/// More than nothing and less than a hundred, with at most two decimals.
fn is_percentage(value: &str) -> bool {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    is_decimal(value) && whole.len() <= 2 && fraction.len() <= 2 && !is_zero(value)
}

fn is_zero(value: &str) -> bool {
    value.bytes().all(|byte| matches!(byte, b'0' | b'.'))
}

/// Address, mobile number, e-mail address: each at most once.
fn is_consumer_data_request(value: &str) -> bool {
    value.chars().all(|letter| "AME".contains(letter) && value.matches(letter).count() == 1)
}

/// Checks values and presence in a payload whose objects were read.
pub(super) fn check(objects: &[DataObject], inspector: &mut Inspector) -> Result<(), Violation> {
    for object in objects {
        check_object(object, &Path::default(), inspector)?;
    }
    check_presence(objects, inspector)?;
    check_tip(objects)
}

fn check_object(
    object: &DataObject,
    around: &Path,
    inspector: &mut Inspector,
) -> Result<(), Violation> {
    let path = around.child(object.id());
    if let Some(value) = object.as_text() {
        return check_text(value, &path, object.offset(), inspector);
    }
    for within in object.objects() {
        check_object(within, &path, inspector)?;
    }
    let missing =
        |rule, number| Violation::new(rule, path.child(ObjectId::known(number)), object.offset());
    // An empty template was noted when it was read; it has no identifier that could be missing.
    if has_guid(&path) && !object.objects().is_empty() && object.guid().is_none() {
        return Err(missing(Rule::Guid, 0));
    }
    if path.numbers() == [64] && !object.objects().is_empty() {
        let absent = [0, 1].into_iter().find(|number| find(object.objects(), *number).is_none());
        return absent.map_or(Ok(()), |number| Err(missing(Rule::Present, number)));
    }
    Ok(())
}

fn check_text(
    value: &str,
    path: &Path,
    offset: usize,
    inspector: &mut Inspector,
) -> Result<(), Violation> {
    // Noted when it was read.
    if value.is_empty() {
        return Ok(());
    }
    let Form { set, length_max, fits } = form(path);
    let broken = |rule| Violation::new(rule, path.clone(), offset);
    let printable = || value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if set == Set::Printable && !printable() {
        inspector.note(broken(Rule::Characters))?;
    }
    if !fits(value) {
        return Err(broken(Rule::Form));
    }
    if Cursor::length_of(value) > length_max {
        inspector.note(broken(Rule::ValueLength))?;
    }
    if matches!(path.numbers().as_slice(), [54 | 56]) && is_zero(value) {
        inspector.note(broken(Rule::PositiveAmount))?;
    }
    Ok(())
}

fn check_presence(objects: &[DataObject], inspector: &mut Inspector) -> Result<(), Violation> {
    let root = |number| Path::default().child(ObjectId::known(number));
    // What is missing is missing at the end.
    let end = objects.last().map_or(0, |last| {
        last.offset().saturating_add(4).saturating_add(Cursor::length_of(&last.encoded_value()))
    });
    if !objects.iter().any(|object| matches!(object.id().number(), 2..=51)) {
        return Err(Violation::new(Rule::Account, Path::default(), end));
    }
    if let Some(number) = [53, 58].into_iter().find(|number| find(objects, *number).is_none()) {
        return Err(Violation::new(Rule::Present, root(number), end));
    }
    for number in [52, 59, 60].into_iter().filter(|number| find(objects, *number).is_none()) {
        inspector.note(Violation::new(Rule::Recommended, root(number), end))?;
    }
    Ok(())
}

/// 56 stands there with `02` in 55 only and always, 57 with `03`.
fn check_tip(objects: &[DataObject]) -> Result<(), Violation> {
    let kind = find(objects, 55).and_then(DataObject::as_text);
    for (number, announced) in [(56, "02"), (57, "03")] {
        let found = find(objects, number);
        if found.is_some() != (kind == Some(announced)) {
            let offset = found.or(find(objects, 55)).map_or(0, DataObject::offset);
            let path = Path::default().child(ObjectId::known(number));
            return Err(Violation::new(Rule::Tip, path, offset));
        }
    }
    Ok(())
}
