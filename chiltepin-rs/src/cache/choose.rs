//! Which results go when a cache is too large.

use std::collections::{HashMap, HashSet};

use super::CacheKey;

/// A result, as far as choosing goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) key: CacheKey,
    pub(super) used: u64,
    /// Bytes that it alone takes.
    pub(super) own: u64,
    /// Files that it may share with others, with their sizes.
    pub(super) objects: Vec<([u8; 32], u64)>,
}

/// The bytes that some results need, with each shared file counted once.
pub(super) fn needed<'c>(candidates: impl Iterator<Item = &'c Candidate>) -> u64 {
    let mut counted = HashSet::new();
    candidates.fold(0, |total, candidate| {
        let new = candidate.objects.iter();
        let new = new.filter(|(hash, _)| counted.insert(*hash));
        let objects = new.fold(0, |sum: u64, (_, size)| sum.saturating_add(*size));
        total.saturating_add(candidate.own).saturating_add(objects)
    })
}

/// The results to remove so that the rest takes at most `most` bytes: the oldest used first.
pub(super) fn choose(mut candidates: Vec<Candidate>, most: u64) -> Vec<CacheKey> {
    let mut users: HashMap<[u8; 32], (u64, u64)> = HashMap::new();
    let mut total: u64 = 0;
    for candidate in &candidates {
        total = total.saturating_add(candidate.own);
        for (hash, size) in &candidate.objects {
            let (count, _) = users.entry(*hash).or_insert((0, *size));
            if *count == 0 {
                total = total.saturating_add(*size);
            }
            *count += 1;
        }
    }
    candidates.sort_by_key(|candidate| (candidate.used, candidate.key));
    let mut gone = Vec::new();
    for candidate in candidates {
        if total <= most {
            break;
        }
        total = total.saturating_sub(candidate.own);
        for (hash, _) in &candidate.objects {
            if let Some((count, size)) = users.get_mut(hash) {
                *count -= 1;
                if *count == 0 {
                    total = total.saturating_sub(*size);
                }
            }
        }
        gone.push(candidate.key);
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(name: u8, used: u64, own: u64, objects: &[(u8, u64)]) -> Candidate {
        Candidate {
            key: CacheKey([name; 32]),
            used,
            own,
            objects: objects
                .iter()
                .map(|(hash, size)| ([*hash; 32], *size))
                .collect(),
        }
    }

    fn chosen(candidates: Vec<Candidate>, most: u64) -> Vec<u8> {
        choose(candidates, most)
            .iter()
            .map(|key| key.0[0])
            .collect()
    }

    #[test]
    fn the_oldest_used_go_until_the_rest_fits() {
        let all = || {
            vec![
                candidate(1, 30, 10, &[]),
                candidate(2, 10, 10, &[]),
                candidate(3, 20, 10, &[]),
            ]
        };
        assert!(chosen(all(), 30).is_empty());
        assert_eq!(chosen(all(), 29), [2]);
        assert_eq!(chosen(all(), 10), [2, 3]);
        assert_eq!(chosen(all(), 0), [2, 3, 1]);
    }

    #[test]
    fn a_shared_file_counts_once_and_until_its_last_user_goes() {
        let all = || {
            vec![
                candidate(1, 1, 1, &[(9, 100)]),
                candidate(2, 2, 1, &[(9, 100)]),
                candidate(3, 3, 1, &[(8, 100), (8, 100)]),
            ]
        };
        assert_eq!(needed(all().iter()), 203);
        assert_eq!(needed(all()[1..].iter()), 202, "the other needs it still");
        assert!(chosen(all(), 203).is_empty());
        assert_eq!(chosen(all(), 202), [1], "one byte is enough");
        assert_eq!(chosen(all(), 200), [1, 2]);
    }
}
