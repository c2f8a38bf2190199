/// The name among `known` that `name` was probably meant to be.
///
/// Case and the choice between `_`, `-` and a space do not count; beyond that, one slip for each
/// three letters is forgiven, so that short names are not guessed wildly.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = fold(name);
    let allowed = (name.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&name, &fold(candidate)), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn fold(name: &str) -> String {
    let same = |character: char| {
        if matches!(character, '-' | ' ') {
            '_'
        } else {
            character
        }
    };
    name.chars()
        .take(100)
        .map(same)
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgives_spelling_but_does_not_guess() {
        let known = ["partition", "queue", "mpi", "max_blocks", "min_blocks"];
        assert_eq!(nearest("partiton", known), Some("partition"));
        assert_eq!(nearest("Max-Blocks", known), Some("max_blocks"));
        assert_eq!(nearest("max blocks", known), Some("max_blocks"));
        assert_eq!(nearest("mpl", known), Some("mpi"));
        assert_eq!(nearest("gpu", known), None);
        assert_eq!(nearest("", known), None);
    }
}
