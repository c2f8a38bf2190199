//! The known name that an unknown one was probably meant to be.

/// The name among `known` that is nearest to `name`, if it is near enough for a typing mistake.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    // A third of the letters may be wrong, at least one, or half of them behind the same beginning:
    // beyond that a suggestion is a guess.
    let tolerance = |candidate: &str| {
        if begin_alike(name, candidate) {
            name.len().max(candidate.len()) / 2
        } else {
            (name.len() / 3).max(1)
        }
    };
    known
        .iter()
        .map(|candidate| (distance(name, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= tolerance(candidate))
        .min()
        .map(|(_, candidate)| candidate)
}

fn begin_alike(left: &str, right: &str) -> bool {
    const BEGINNING: usize = 3;
    left.chars()
        .zip(right.chars())
        .take_while(|(left, right)| left == right)
        .count()
        >= BEGINNING
}

/// How many letters must be inserted, removed or replaced to make one name the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, left_letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, right_letter) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(left_letter != *right_letter);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_letters_that_differ() {
        assert_eq!(distance("retries", "retries"), 0);
        assert_eq!(distance("retry", "retries"), 3);
        assert_eq!(distance("", "name"), 4);
        assert_eq!(distance("lable", "label"), 2);
    }

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["executor", "label", "name", "retries"];
        assert_eq!(nearest("executors", &known), Some("executor"));
        assert_eq!(nearest("retry", &known), Some("retries"));
        assert_eq!(nearest("exec", &known), Some("executor"));
        assert_eq!(nearest("walltime", &known), None);
    }
}
