//! The last lines of a stream.

use std::collections::VecDeque;

/// How many lines are kept.
const LINES: usize = 20;

/// How many bytes are kept.
pub(super) const BYTES: usize = 8 << 10;

/// Keeps the end of what is pushed into it: at most [`LINES`] lines and [`BYTES`] bytes.
#[derive(Debug, Default)]
pub(super) struct Tail {
    bytes: VecDeque<u8>,
    /// Something before `bytes` was left out.
    cut: bool,
}

impl Tail {
    /// A tail of which the beginning was already left out.
    pub(super) fn cut() -> Self {
        Self {
            bytes: VecDeque::new(),
            cut: true,
        }
    }

    /// Adds what comes next.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let kept = &bytes[bytes.len().saturating_sub(BYTES)..];
        let excess = (self.bytes.len() + kept.len()).saturating_sub(BYTES);
        self.cut |= kept.len() < bytes.len() || excess > 0;
        self.bytes.drain(..excess);
        self.bytes.extend(kept);
    }

    /// The last lines, without the newline at the end.
    ///
    /// A line that lacks its beginning is left out, unless it is the only one.
    pub(super) fn text(&mut self) -> String {
        let bytes = &*self.bytes.make_contiguous();
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let newlines = bytes
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, byte)| **byte == b'\n');
        let mut starts: Vec<_> = newlines.map(|(index, _)| index + 1).take(LINES).collect();
        if starts.len() < LINES && (!self.cut || starts.is_empty()) {
            starts.push(0);
        }
        let start = starts.last().copied().unwrap_or(0);
        let mut last = &bytes[start..];
        if self.cut && start == 0 {
            // The cut may have gone through a character, which has at most three more bytes.
            let broken = last
                .iter()
                .take(3)
                .take_while(|byte| **byte & 0xC0 == 0x80)
                .count();
            last = &last[broken..];
        }
        String::from_utf8_lossy(last).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(pushes: &[&[u8]]) -> String {
        let mut tail = Tail::default();
        pushes.iter().for_each(|bytes| tail.push(bytes));
        tail.text()
    }

    #[test]
    fn twenty_lines_are_kept() {
        let all: Vec<_> = (1..=25).map(|line| format!("line {line}\n")).collect();
        let kept = text(&[all.concat().as_bytes()]);
        assert_eq!(kept, all[5..].concat().trim_end());
        assert_eq!(text(&[all[..20].concat().as_bytes()]).lines().count(), 20);
        assert_eq!(
            text(&[all[..21].concat().trim_end().as_bytes()])
                .lines()
                .next(),
            Some("line 2")
        );
    }

    #[test]
    fn little_is_kept_whole() {
        assert_eq!(text(&[]), "");
        assert_eq!(text(&[b"\n"]), "");
        assert_eq!(text(&[b"one", b" line"]), "one line");
        assert_eq!(text(&[b"\xFFx\n"]), "\u{FFFD}x");
    }

    #[test]
    fn a_line_without_its_beginning_is_left_out() {
        let long = vec![b'x'; BYTES];
        assert_eq!(text(&[&long, b"\nlast\n"]), "last");
        assert_eq!(
            text(&[b"first", &long]),
            "x".repeat(BYTES),
            "unless it is the only one"
        );
    }

    #[test]
    fn a_cut_through_a_character_leaves_no_trace() {
        let umlauts = "ä".repeat(BYTES);
        assert_eq!(
            text(&[umlauts.as_bytes(), b"x"]),
            "ä".repeat(BYTES / 2 - 1) + "x"
        );
    }

    proptest! {
        #[test]
        fn the_end_of_the_stream_in_whole_lines(
            lines in proptest::collection::vec("[a-zäß]{0,900}", 0..40),
            pieces in proptest::collection::vec(1_usize..5_000, 1..8),
        ) {
            let stream = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
            let mut tail = Tail::default();
            let mut rest = stream.as_bytes();
            for size in pieces.into_iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, behind) = rest.split_at(size.min(rest.len()));
                tail.push(piece);
                rest = behind;
            }
            let text = tail.text();
            prop_assert!(text.len() <= BYTES);
            let kept: Vec<_> = if text.is_empty() && lines.is_empty() {
                Vec::new()
            } else {
                text.split('\n').collect()
            };
            prop_assert!(kept.len() <= LINES);
            prop_assert!(lines.iter().rev().zip(kept.iter().rev()).all(|(line, kept)| line == kept));
            let more = kept.len() < lines.len();
            let next = lines.iter().rev().nth(kept.len()).map_or(0, |line| line.len() + 1);
            prop_assert!(!more || kept.len() == LINES || text.len() + 1 + next > BYTES - 1);
        }
    }
}
