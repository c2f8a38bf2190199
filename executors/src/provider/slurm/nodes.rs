//! Slurm's way of writing many node names as one: `n[1-3,07],m1`.

/// More than any block has: what a list stands for is far longer than the list.
const MOST: usize = 100_000;

/// Every name that a list stands for; of one that makes no sense, or too much, what it says itself.
pub(in crate::provider) fn expand(list: &str) -> Vec<String> {
    let list = list.trim();
    if matches!(list, "" | "(null)" | "None assigned" | "N/A") {
        return Vec::new();
    }
    let mut names = Vec::new();
    for item in split(list) {
        if expand_item(item, &mut names).is_none() {
            return vec![list.to_owned()];
        }
    }
    names
}

/// The items between the commas that stand outside of brackets.
fn split(list: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    list.split(move |character| {
        match character {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    })
    .filter(|item| !item.is_empty())
}

/// Adds what an item stands for, which may have several brackets; `None` if it makes no sense.
fn expand_item(item: &str, names: &mut Vec<String>) -> Option<()> {
    let mut begun = vec![String::new()];
    let mut rest = item;
    while let Some((before, within)) = rest.split_once('[') {
        let (ranges, after) = within.split_once(']')?;
        let mut longer = Vec::new();
        for beginning in &begun {
            for range in ranges.split(',') {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                let (from, to) = (number(first)?, number(last)?);
                for number in from..=to {
                    if names.len() + longer.len() >= MOST {
                        return None;
                    }
                    let width = first.len();
                    longer.push(format!("{beginning}{before}{number:0width$}"));
                }
            }
        }
        begun = longer;
        rest = after;
    }
    if rest.contains(']') || names.len() + begun.len() > MOST {
        return None;
    }
    names.extend(begun.into_iter().map(|beginning| beginning + rest));
    Some(())
}

fn number(digits: &str) -> Option<u64> {
    let plain = digits.len() <= 9 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_are_expanded() {
        for (list, names) in [
            ("n1", "n1"),
            ("n[1-3,7],m01", "n1 n2 n3 n7 m01"),
            ("n[08-11]", "n08 n09 n10 n11"),
            ("r[1-2]n[1-2]-ib", "r1n1-ib r1n2-ib r2n1-ib r2n2-ib"),
            ("", ""),
            ("(null)", ""),
            ("a,,b", "a b"),
        ] {
            assert_eq!(expand(list).join(" "), names, "{list}");
        }
    }

    #[test]
    fn what_makes_no_sense_stays_as_it_is() {
        for list in [
            "n[1-",
            "n[a-b]",
            "n]",
            "n[1-99999999]",
            "n[0-99999][0-99999]",
            "n[99999999999]",
        ] {
            assert_eq!(expand(list), [list]);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken(list in "[a-z0-9\\[\\],-]{0,40}|.*") {
            prop_assert!(expand(&list).len() <= MOST);
        }
    }
}
