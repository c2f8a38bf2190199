//! Keeps what a failure says within bounds. A reader refuses frames that are too long, so that a
//! failure in many words would never arrive, and its task be run again for ever.

/// The most bytes of text in one failure, apart from the notes on what was cut.
const MOST_TEXT: usize = 64 << 10;

/// The most bytes of the words that come first: an error's own, or a panic's.
pub(super) const MOST_WORDS: usize = 32 << 10;

/// The most bytes of each of the other texts: a cause, a path.
pub(super) const MOST_DETAIL: usize = 8 << 10;

/// The most causes.
const MOST_CAUSES: usize = 64;

/// The most bytes of an encoded error.
pub(super) const MOST_VALUE: usize = 512 << 10;

/// What may still be said in one failure.
pub(super) struct Allowance {
    left: usize,
}

impl Allowance {
    pub(super) fn new() -> Self {
        Self { left: MOST_TEXT }
    }

    /// The beginning of a text, all of it if it is short.
    pub(super) fn beginning(&mut self, text: &str, most: usize) -> String {
        let Some(most) = self.cuts(text, most) else {
            return text.to_owned();
        };
        let mut end = most;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        format!("{} [{}]", &text[..end], Cut(text.len() - end))
    }

    /// The end of a text, all of it if it is short.
    pub(super) fn end(&mut self, text: &str, most: usize) -> String {
        let Some(most) = self.cuts(text, most) else {
            return text.to_owned();
        };
        let mut start = text.len() - most;
        while !text.is_char_boundary(start) {
            start += 1;
        }
        format!("[{}] {}", Cut(start), &text[start..])
    }

    /// The nearest causes.
    pub(super) fn causes(&mut self, causes: &[String]) -> Vec<String> {
        let mut kept = Vec::new();
        for cause in causes {
            if kept.len() == MOST_CAUSES || self.left == 0 {
                let count = causes.len() - kept.len();
                kept.push(format!("[{count} more causes were left out]"));
                break;
            }
            kept.push(self.beginning(cause, MOST_DETAIL));
        }
        kept
    }

    /// Takes up room for a text; tells to how many bytes it must be cut, if it must.
    fn cuts(&mut self, text: &str, most: usize) -> Option<usize> {
        let most = most.min(self.left);
        self.left -= most.min(text.len());
        (text.len() > most).then_some(most)
    }
}

/// The note on what was cut.
struct Cut(usize);

impl std::fmt::Display for Cut {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} bytes were cut", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_stays() {
        let mut allowance = Allowance::new();
        assert_eq!(allowance.beginning("words", 5), "words");
        assert_eq!(allowance.end("words", 5), "words");
        let causes = ["one".to_owned(), "two".to_owned()];
        assert_eq!(allowance.causes(&causes), causes);
    }

    #[test]
    fn what_is_long_is_cut_between_letters_and_says_so() {
        let mut allowance = Allowance::new();
        assert_eq!(allowance.beginning("aäb", 2), "a [3 bytes were cut]");
        assert_eq!(allowance.end("aäb", 2), "[3 bytes were cut] b");
    }

    #[test]
    fn the_farthest_causes_are_left_out() {
        let causes: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        let kept = Allowance::new().causes(&causes);
        assert_eq!(kept[..MOST_CAUSES], causes[..MOST_CAUSES]);
        assert_eq!(kept[MOST_CAUSES..], ["[36 more causes were left out]"]);
        // Long ones use up what may be said.
        let causes = vec!["x".repeat(MOST_DETAIL); 10];
        let kept = Allowance::new().causes(&causes);
        assert_eq!(kept[..8], causes[..8]);
        assert_eq!(kept[8..], ["[2 more causes were left out]"]);
    }
}
