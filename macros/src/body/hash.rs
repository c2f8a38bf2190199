//! FNV-1a in 128 bits, of tokens.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// Where it begins, and what it multiplies with: from <https://www.isthe.com/chongo/tech/comp/fnv/>.
const OFFSET_BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// Makes a number of tokens, without regard to where they stand.
pub(super) struct Hasher(u128);

impl Hasher {
    pub(super) const fn new() -> Self {
        Self(OFFSET_BASIS)
    }

    pub(super) const fn finish(&self) -> u128 {
        self.0
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(PRIME);
        }
    }

    /// Its length goes before it, so that two texts are not read as two others.
    pub(super) fn text(&mut self, text: &str) {
        self.bytes(&(text.len() as u64).to_le_bytes());
        self.bytes(text.as_bytes());
    }

    /// A comma at the end of a group is left out.
    pub(super) fn tokens(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Group(group) => {
                    let (open, close) = match group.delimiter() {
                        Delimiter::Parenthesis => (b"(", b")"),
                        Delimiter::Brace => (b"{", b"}"),
                        Delimiter::Bracket => (b"[", b"]"),
                        Delimiter::None => (b"<", b">"),
                    };
                    self.bytes(b"g");
                    self.bytes(open);
                    self.tokens(group.stream());
                    self.bytes(b"e");
                    self.bytes(close);
                }
                TokenTree::Ident(ident) => {
                    self.bytes(b"i");
                    self.text(&ident.to_string());
                }
                TokenTree::Punct(punct) if punct.as_char() == ',' && tokens.peek().is_none() => {}
                TokenTree::Punct(punct) => {
                    // `&&` is one operator, and `& &` are two.
                    self.bytes(match punct.spacing() {
                        Spacing::Alone => b"p",
                        Spacing::Joint => b"j",
                    });
                    self.text(punct.as_char().encode_utf8(&mut [0; 4]));
                }
                TokenTree::Literal(literal) => {
                    self.bytes(b"l");
                    self.text(&literal.to_string());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the specification's list of test vectors.
    #[test]
    fn it_is_the_function_that_others_compute() {
        for (text, expected) in [
            ("", OFFSET_BASIS),
            ("a", 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964),
            ("foobar", 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18),
        ] {
            let mut hasher = Hasher::new();
            hasher.bytes(text.as_bytes());
            assert_eq!(hasher.finish(), expected, "{text}");
        }
    }
}
