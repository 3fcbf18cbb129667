//! What a disk holds, and what is on its way there.

use std::collections::BTreeMap;
use std::path::Path;

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

use super::log::Step;

/// What a disk writes as a whole.
const SECTOR: usize = 512;

/// What becomes of a change that was not flushed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unflushed {
    /// Nothing of it is kept.
    Lost,
    /// All of it is kept.
    Kept,
    /// As a whole it is kept or not.
    Some,
    /// Each of its sectors is kept or not.
    Torn,
}

impl Unflushed {
    pub(super) const ALL: [Self; 4] = [Self::Lost, Self::Kept, Self::Some, Self::Torn];
}

#[derive(Debug)]
enum Change<'a> {
    Write(usize, &'a [u8]),
    Resize(usize),
}

#[derive(Default, Debug)]
struct File<'a> {
    flushed: Vec<u8>,
    pending: Vec<Change<'a>>,
}

/// A disk at some moment.
#[derive(Default, Debug)]
pub(super) struct Disk<'a>(BTreeMap<&'a str, File<'a>>);

fn write(bytes: &mut Vec<u8>, offset: usize, new: &[u8]) {
    let end = offset + new.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(new);
}

impl<'a> Disk<'a> {
    /// The disk after these steps.
    pub(super) fn after(steps: &'a [Step]) -> Self {
        let mut disk = Self::default();
        for step in steps {
            match step {
                Step::Write { file, offset, bytes } => {
                    disk.0.entry(file).or_default().pending.push(Change::Write(*offset, bytes));
                }
                Step::Resize { file, length } => {
                    disk.0.entry(file).or_default().pending.push(Change::Resize(*length));
                }
                Step::Flush { file } => {
                    let File { flushed, pending } = disk.0.entry(file).or_default();
                    for change in pending.drain(..) {
                        match change {
                            Change::Write(offset, bytes) => write(flushed, offset, bytes),
                            Change::Resize(length) => flushed.resize(length, 0),
                        }
                    }
                }
                Step::Remove { file } => drop(disk.0.remove(file.as_str())),
                Step::Acknowledged(_) => {}
            }
        }
        disk
    }

    /// Cuts the power.
    pub(super) fn cut(mut self, unflushed: Unflushed, rng: &mut ChaCha20Rng) -> Self {
        let mut heads = || rng.next_u32().is_multiple_of(2);
        for File { flushed, pending } in self.0.values_mut() {
            for change in pending.drain(..) {
                let is_kept = match unflushed {
                    Unflushed::Lost => false,
                    Unflushed::Kept | Unflushed::Torn => true,
                    Unflushed::Some => heads(),
                };
                match change {
                    Change::Write(offset, bytes) if unflushed == Unflushed::Torn => {
                        tear(flushed, offset, bytes, &mut heads);
                    }
                    Change::Write(offset, bytes) if is_kept => write(flushed, offset, bytes),
                    Change::Resize(length) if is_kept => flushed.resize(length, 0),
                    Change::Write(..) | Change::Resize(_) => {}
                }
            }
        }
        self
    }

    /// Writes its files, the shortest name as `path` and the others beside it.
    pub(super) fn write(&self, path: &Path) {
        let shortest = self.0.keys().min_by_key(|name| name.len()).unwrap();
        for (name, file) in &self.0 {
            let ending = name.strip_prefix(shortest).unwrap();
            let place = format!("{}{ending}", path.display());
            std::fs::write(place, &file.flushed).unwrap();
        }
    }
}

fn tear(bytes: &mut Vec<u8>, offset: usize, new: &[u8], heads: &mut impl FnMut() -> bool) {
    let mut begin = 0;
    while begin < new.len() {
        // Sectors are where the disk has them, whatever the write's own offset.
        let end = new.len().min((offset + begin) / SECTOR * SECTOR + SECTOR - offset);
        if heads() {
            write(bytes, offset + begin, &new[begin..end]);
        }
        begin = end;
    }
}

#[cfg(test)]
mod tests {
    use rand_core::SeedableRng;

    use super::*;

    fn steps() -> Vec<Step> {
        let file = || "/a".to_owned();
        vec![
            Step::Write { file: file(), offset: 0, bytes: vec![1; 1024] },
            Step::Flush { file: file() },
            Step::Write { file: file(), offset: 256, bytes: vec![2; 1024] },
        ]
    }

    #[test]
    fn what_was_flushed_is_kept_and_of_the_rest_whole_sectors() {
        let steps = steps();
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut cut =
            |unflushed| Disk::after(&steps).cut(unflushed, &mut rng).0["/a"].flushed.clone();
        assert_eq!(cut(Unflushed::Lost), [1; 1024]);
        assert_eq!(cut(Unflushed::Kept), [[1; 256].as_slice(), &[2; 1024]].concat());
        for _ in 0..20 {
            let torn = cut(Unflushed::Torn);
            for (bytes, part) in [(1, 0..256), (2, 256..512), (2, 512..1024)] {
                let part = torn.get(part).unwrap();
                assert!(part.iter().all(|byte| *byte == part[0] && [1, bytes].contains(byte)));
            }
        }
    }
}
