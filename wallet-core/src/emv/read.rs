//! From text to objects.

use super::crc::{CRC_HEADER, checksum};
use super::object::two_digits;
use super::rules::{Inspector, is_template};
use super::{DataObject, ObjectId, PAYLOAD_LENGTH_MAX, Path, Rule, Value, Violation};

const FORMAT_INDICATOR: u8 = 0;
const CHECKSUM: u8 = 63;
const FORMAT: &str = "01";

/// A place in a text: what is left of it, and how many characters were read.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a str,
    offset: usize,
}

impl<'a> Cursor<'a> {
    /// How many characters a length counts.
    pub(super) fn length_of(text: &str) -> usize {
        text.chars().count()
    }

    fn at(text: &'a str, offset: usize) -> Self {
        Self { rest: text, offset }
    }

    fn take(&mut self, count: usize) -> Option<&'a str> {
        let ends = self.rest.char_indices().map(|(index, _)| index).chain([self.rest.len()]);
        let (taken, rest) = self.rest.split_at(ends.take(count + 1).nth(count)?);
        self.rest = rest;
        self.offset = self.offset.saturating_add(count);
        Some(taken)
    }
}

/// Reads the objects of a payload, without the checksum.
pub(super) fn payload(text: &str, inspector: &mut Inspector) -> Result<Vec<DataObject>, Violation> {
    let text = without_line_break(text, inspector)?;
    // A character has at most four bytes, so nonsense of megabytes is not even counted.
    let length_max = PAYLOAD_LENGTH_MAX;
    if text.len() > length_max * 4 || Cursor::length_of(text) > length_max {
        return Err(Violation::new(Rule::PayloadLength, Path::default(), length_max));
    }
    let mut objects = flat(Cursor::at(text, 0), &Path::default(), inspector)?;
    let first = objects.first().map(|object| (object.id().number(), object.as_text()));
    if first != Some((FORMAT_INDICATOR, Some(FORMAT))) {
        return Err(Violation::new(Rule::FormatIndicator, known(FORMAT_INDICATOR), 0));
    }
    check_checksum(text, objects.pop(), inspector)?;
    objects.into_iter().map(|object| opened(object, &Path::default(), inspector)).collect()
}

fn without_line_break<'a>(text: &'a str, inspector: &mut Inspector) -> Result<&'a str, Violation> {
    let trimmed = text.trim_end_matches(['\r', '\n']);
    if trimmed.len() < text.len() {
        let offset = Cursor::length_of(trimmed);
        inspector.note(Violation::new(Rule::NoLineBreak, Path::default(), offset))?;
    }
    Ok(trimmed)
}

fn check_checksum(
    text: &str,
    last: Option<DataObject>,
    inspector: &mut Inspector,
) -> Result<(), Violation> {
    let offset = last.as_ref().map_or(0, DataObject::offset);
    let broken = |rule| Violation::new(rule, known(CHECKSUM), offset);
    let written = last
        .filter(|object| object.id().number() == CHECKSUM)
        .and_then(|object| object.as_text().map(str::to_owned))
        .filter(|value| Cursor::length_of(value) == 4)
        .ok_or_else(|| broken(Rule::ChecksumLast))?;
    // The last object was read to the end of the text, so the text ends in its value.
    let covered = text.strip_suffix(written.as_str()).unwrap_or(text);
    let right = checksum(covered);
    if !covered.ends_with(CRC_HEADER) || !written.eq_ignore_ascii_case(&right) {
        return Err(broken(Rule::Checksum));
    }
    if written == right { Ok(()) } else { inspector.note(broken(Rule::ChecksumCapitals)) }
}

/// Reads objects, without looking into their values.
fn flat(
    mut cursor: Cursor<'_>,
    around: &Path,
    inspector: &mut Inspector,
) -> Result<Vec<DataObject>, Violation> {
    let mut objects: Vec<DataObject> = Vec::new();
    while !cursor.rest.is_empty() {
        let offset = cursor.offset;
        let broken = |rule, path: &Path| Violation::new(rule, path.clone(), offset);
        let id = cursor.take(2).ok_or_else(|| broken(Rule::Complete, around))?;
        let id = ObjectId::parse(id).ok_or_else(|| broken(Rule::Id, around))?;
        let path = around.child(id);
        let length = cursor.take(2).ok_or_else(|| broken(Rule::Complete, &path))?;
        let length = two_digits(length).ok_or_else(|| broken(Rule::Length, &path))?;
        let value =
            cursor.take(usize::from(length)).ok_or_else(|| broken(Rule::Complete, &path))?;
        if objects.iter().any(|object| object.id() == id) {
            return Err(broken(Rule::NoRepeats, &path));
        }
        if value.is_empty() {
            inspector.note(broken(Rule::NotEmpty, &path))?;
        }
        if value.chars().any(char::is_control) {
            return Err(broken(Rule::NoControlCharacters, &path));
        }
        objects.push(DataObject::read(id, Value::Text(value.to_owned()), offset));
    }
    Ok(objects)
}

/// The object with its value read as more objects, if it is a template.
fn opened(
    object: DataObject,
    around: &Path,
    inspector: &mut Inspector,
) -> Result<DataObject, Violation> {
    let (id, offset) = (object.id(), object.offset());
    let path = around.child(id);
    let Some(text) = object.as_text().filter(|_| is_template(&path)) else { return Ok(object) };
    // Two digits of the id and two of the length stand before the value.
    let within = flat(Cursor::at(text, offset.saturating_add(4)), &path, inspector)?;
    let within: Result<Vec<_>, _> =
        within.into_iter().map(|object| opened(object, &path, inspector)).collect();
    Ok(DataObject::read(id, Value::Template(within?), offset))
}

fn known(number: u8) -> Path {
    Path::default().child(ObjectId::known(number))
}
