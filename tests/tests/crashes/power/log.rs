//! The log that `recorder.c` writes.

/// Something that the server did to a file, or a till was told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Write { file: String, offset: usize, bytes: Vec<u8> },
    Resize { file: String, length: usize },
    Flush { file: String },
    Remove { file: String },
    Acknowledged(String),
}

/// Reads a log to its end, which is where the server was killed: a last record may break off.
pub(super) fn read(mut log: &[u8]) -> Vec<Step> {
    let mut steps = Vec::new();
    while let Some(end) = log.iter().position(|byte| *byte == b'\n') {
        let line = std::str::from_utf8(&log[..end]).unwrap();
        log = &log[end + 1..];
        let mut words = line.split(' ');
        let (kind, name) = (words.next().unwrap(), words.next().unwrap().to_owned());
        let mut number = || words.next().unwrap().parse::<usize>().unwrap();
        steps.push(match kind {
            "W" => {
                let (offset, length) = (number(), number());
                let Some((bytes, rest)) = log.split_at_checked(length) else { break };
                log = rest;
                Step::Write { file: name, offset, bytes: bytes.to_vec() }
            }
            "T" => Step::Resize { file: name, length: number() },
            "S" => Step::Flush { file: name },
            "U" => Step::Remove { file: name },
            "A" => Step::Acknowledged(name),
            other => panic!("{other} is no record"),
        });
    }
    steps
}

#[test]
fn a_log_is_read_record_by_record_and_may_break_off() {
    let log = b"W /a 4096 3\nx\nyS /a\nA order-1\nT /a 9\nU /a-wal\nW /a 0 5\nab";
    let file = || "/a".to_owned();
    assert_eq!(
        read(log),
        [
            Step::Write { file: file(), offset: 4096, bytes: b"x\ny".to_vec() },
            Step::Flush { file: file() },
            Step::Acknowledged("order-1".to_owned()),
            Step::Resize { file: file(), length: 9 },
            Step::Remove { file: "/a-wal".to_owned() },
        ]
    );
}
