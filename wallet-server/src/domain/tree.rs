//! The Merkle tree over the journal (RFC 6962, section 2.1): growing it, and the hashes that a proof
//! consists of.
//!
//! Entries have indexes from 0: the batch at position *p* has index *p* − 1. Of the inner nodes only
//! each eighth level is stored, the roots of complete groups of 256, of 256 groups, and so on: one
//! row for 256 batches. Every other node is computed from 256 stored hashes at the most.

use std::ops::Range;

use sha2::{Digest, Sha256};
use wallet_core::proof::TreeHash;

/// How many entries a group has, as a power of two.
const GROUP_BITS: u32 = 8;
/// How many entries a group has, and how many groups one of the next level.
pub const GROUP_SIZE: u64 = 1 << GROUP_BITS;
/// The highest level that is stored: 256^7 entries are more than any journal has.
pub const LEVEL_MAX: u32 = 7;

/// The hash of an entry.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> TreeHash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// The hash of a node with two children.
#[must_use]
pub fn node_hash(left: &TreeHash, right: &TreeHash) -> TreeHash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root over hashes, of entries or of complete subtrees of one size.
#[must_use]
pub fn root(hashes: &[TreeHash]) -> TreeHash {
    match hashes {
        [] => Sha256::digest([]).into(),
        [hash] => *hash,
        _ => {
            let (left, right) = hashes.split_at(split(hashes.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// The path from one of these hashes to the root over them, from below (RFC 6962, section 2.1.1).
#[must_use]
pub fn path(hashes: &[TreeHash], index: usize) -> Vec<TreeHash> {
    if hashes.len() <= 1 {
        return Vec::new();
    }
    let (left, right) = hashes.split_at(split(hashes.len()));
    let (mut path, sibling) = match index.checked_sub(left.len()) {
        None => (self::path(left, index), root(right)),
        Some(index) => (self::path(right, index), root(left)),
    };
    path.push(sibling);
    path
}

/// The largest power of two smaller than a number of hashes of at least 2.
fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}

fn split_entries(count: u64) -> u64 {
    count.next_power_of_two() / 2
}

/// A tree of which only the right edge is kept: it grows, and knows its root.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct GrowingTree {
    size: u64,
    /// The roots of the complete subtrees that the entries make up, from the left: as many as the
    /// size has binary ones.
    peaks: Vec<TreeHash>,
}

impl GrowingTree {
    /// A tree as it was kept; `None` if there cannot be so many peaks.
    #[must_use]
    pub fn resume(size: u64, peaks: Vec<TreeHash>) -> Option<Self> {
        let wanted = usize::try_from(size.count_ones()).ok()?;
        (peaks.len() == wanted).then_some(Self { size, peaks })
    }

    /// Adds the hash of an entry, and returns the groups that it has completed, from below.
    pub fn push(&mut self, leaf: TreeHash) -> Vec<Group> {
        let (mut hash, mut groups) = (leaf, Vec::new());
        for height in 1..=self.size.trailing_ones() {
            let Some(left) = self.peaks.pop() else { break };
            hash = node_hash(&left, &hash);
            if height % GROUP_BITS == 0 {
                groups.push(Group {
                    level: height / GROUP_BITS,
                    number: self.size >> height,
                    hash,
                });
            }
        }
        self.peaks.push(hash);
        self.size += 1;
        groups
    }

    /// The root over everything so far.
    #[must_use]
    pub fn root(&self) -> TreeHash {
        join(&self.peaks)
    }

    /// How many entries there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, from the left.
    #[must_use]
    pub fn peaks(&self) -> &[TreeHash] {
        &self.peaks
    }
}

/// A complete group whose root is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Group {
    /// From 1: 256 entries, 256 such groups, and so on.
    pub level: u32,
    /// Its number at this level, from 0.
    pub number: u64,
    /// The root over it.
    pub hash: TreeHash,
}

/// The root over complete subtrees that become smaller to the right.
fn join(peaks: &[TreeHash]) -> TreeHash {
    let mut peaks = peaks.iter().rev();
    let Some(last) = peaks.next() else { return Sha256::digest([]).into() };
    peaks.fold(*last, |right, left| node_hash(left, &right))
}

/// Stored hashes that follow one another and make up a complete subtree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece {
    /// Of which level: 0 are the journal's entries.
    pub level: u32,
    /// The number of the first one at its level.
    pub first: u64,
    /// How many: a power of two, up to 128.
    pub count: u64,
}

/// The complete subtrees that make up a range of entries, from the left. The range begins where a
/// subtree of its size can begin.
#[must_use]
pub fn pieces(entries: &Range<u64>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut begin = entries.start;
    while begin < entries.end {
        let size = 1_u64 << (entries.end - begin).ilog2();
        let height = size.trailing_zeros();
        let level = (height / GROUP_BITS).min(LEVEL_MAX);
        let bits = level * GROUP_BITS;
        pieces.push(Piece { level, first: begin >> bits, count: size >> bits });
        begin += size;
    }
    pieces
}

/// The root over a range of entries, from the hashes of its [`pieces`].
#[must_use]
pub fn root_of_pieces(hashes: &[Vec<TreeHash>]) -> TreeHash {
    join(&hashes.iter().map(|piece| root(piece)).collect::<Vec<_>>())
}

/// The ranges over which the hashes of an inclusion proof are roots, from below (RFC 6962, section
/// 2.1.1).
#[must_use]
pub fn inclusion_ranges(index: u64, size: u64) -> Vec<Range<u64>> {
    let (mut begin, mut end, mut ranges) = (0, size, Vec::new());
    while end - begin > 1 {
        let middle = begin + split_entries(end - begin);
        if index < middle {
            ranges.push(middle..end);
            end = middle;
        } else {
            ranges.push(begin..middle);
            begin = middle;
        }
    }
    ranges.reverse();
    ranges
}

/// The ranges over which the hashes of a consistency proof are roots (RFC 6962, section 2.1.2), for
/// sizes from 1 up of which the older is not the larger.
#[must_use]
pub fn consistency_ranges(older: u64, newer: u64) -> Vec<Range<u64>> {
    let (mut begin, mut end, mut ranges) = (0, newer, Vec::new());
    // Whether everything from the left was part of the way so far: then the older root is known to
    // whoever verifies.
    let mut known = true;
    while older != end {
        let middle = begin + split_entries(end - begin);
        if older <= middle {
            ranges.push(middle..end);
            end = middle;
        } else {
            ranges.push(begin..middle);
            begin = middle;
            known = false;
        }
    }
    if !known {
        ranges.push(begin..end);
    }
    ranges.reverse();
    ranges
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ops::Range;

    use proptest::prelude::*;
    use wallet_core::proof::TreeHash;

    use super::{
        GROUP_SIZE, GrowingTree, consistency_ranges, inclusion_ranges, leaf_hash, path, pieces,
        root, root_of_pieces,
    };

    fn leaves(count: u64) -> Vec<TreeHash> {
        (0..count).map(|number| leaf_hash(&number.to_be_bytes())).collect()
    }

    fn part(leaves: &[TreeHash], range: &Range<u64>) -> TreeHash {
        let [begin, end] = [range.start, range.end].map(|index| usize::try_from(index).unwrap());
        root(&leaves[begin..end])
    }

    /// PROOF of RFC 6962, section 2.1.2, as it is defined.
    fn proof_as_defined(older: usize, leaves: &[TreeHash], known: bool) -> Vec<TreeHash> {
        if older == leaves.len() {
            return if known { vec![] } else { vec![root(leaves)] };
        }
        let split = leaves.len().next_power_of_two() / 2;
        let (mut proof, last) = if older <= split {
            (proof_as_defined(older, &leaves[..split], known), root(&leaves[split..]))
        } else {
            (proof_as_defined(older - split, &leaves[split..], false), root(&leaves[..split]))
        };
        proof.push(last);
        proof
    }

    #[test]
    fn one_entry_completes_a_group_at_each_level() {
        let mut tree = GrowingTree::default();
        let mut groups = Vec::new();
        for leaf in leaves(GROUP_SIZE * GROUP_SIZE) {
            groups = tree.push(leaf);
        }
        let places: Vec<_> = groups.iter().map(|group| (group.level, group.number)).collect();
        assert_eq!(places, [(1, GROUP_SIZE - 1), (2, 0)]);
        assert_eq!(groups[1].hash, tree.root());
    }

    proptest! {
        #[test]
        fn a_growing_tree_has_the_root_of_all_its_leaves(size in 0_u64..700) {
            let leaves = leaves(size);
            let mut tree = GrowingTree::default();
            for leaf in &leaves {
                drop(tree.push(*leaf));
            }
            prop_assert_eq!(tree.root(), root(&leaves));
            prop_assert_eq!(GrowingTree::resume(size, tree.peaks().to_vec()), Some(tree));
        }

        #[test]
        fn ranges_of_an_inclusion_proof_are_its_path(size in 1_u64..700, index in 0_u64..700) {
            let (leaves, index) = (leaves(size), index % size);
            let ranges = inclusion_ranges(index, size);
            let hashes: Vec<_> = ranges.iter().map(|range| part(&leaves, range)).collect();
            prop_assert_eq!(hashes, path(&leaves, usize::try_from(index).unwrap()));
        }

        #[test]
        fn ranges_of_a_consistency_proof_are_those_of_its_definition(
            newer in 1_u64..700, older in 1_u64..700,
        ) {
            let (leaves, older) = (leaves(newer), (older - 1) % newer + 1);
            let ranges = consistency_ranges(older, newer);
            let hashes: Vec<_> = ranges.iter().map(|range| part(&leaves, range)).collect();
            let defined = proof_as_defined(usize::try_from(older).unwrap(), &leaves, true);
            prop_assert_eq!(hashes, defined);
        }

        #[test]
        fn stored_groups_give_the_root_of_every_range(size in 1_u64..1400, index in 0_u64..1400) {
            let leaves = leaves(size);
            let mut stored: BTreeMap<(u32, u64), TreeHash> = BTreeMap::new();
            let mut tree = GrowingTree::default();
            for leaf in &leaves {
                let groups = tree.push(*leaf).into_iter();
                stored.extend(groups.map(|group| ((group.level, group.number), group.hash)));
            }
            prop_assert_eq!(u64::try_from(stored.len()).unwrap(), size / GROUP_SIZE);
            let mut ranges = inclusion_ranges(index % size, size);
            ranges.push(0..size);
            for range in ranges {
                let hashes: Vec<Vec<TreeHash>> = pieces(&range)
                    .iter()
                    .map(|piece| {
                        (piece.first..piece.first + piece.count)
                            .map(|number| match piece.level {
                                0 => leaves[usize::try_from(number).unwrap()],
                                level => stored[&(level, number)],
                            })
                            .collect()
                    })
                    .collect();
                prop_assert_eq!(root_of_pieces(&hashes), part(&leaves, &range));
            }
        }
    }
}
