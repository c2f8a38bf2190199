//! Files that hold the bytes of messages, for the tests of each protocol.

use std::collections::BTreeSet;
use std::fmt::{Debug, Write as _};
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec;
use super::examples::Example;
use super::frame::{Message, read_message};

/// The files of one version of a protocol, in a folder named by its number.
///
/// After a change raise that number, remove the old folder, and run the tests once with
/// `WRITE_GOLDEN=1`: they write the files that are not there, and never change one that is.
pub(crate) struct Golden {
    folder: PathBuf,
    protocol: String,
    names: BTreeSet<String>,
}

impl Golden {
    /// The files in this folder of the crate.
    pub(crate) fn new(folder: &str, protocol: u32) -> Self {
        Self {
            folder: Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
            protocol: protocol.to_string(),
            names: BTreeSet::new(),
        }
    }

    /// Checks that messages of one direction are what their files say.
    pub(crate) fn check<M: Message + Debug + PartialEq>(
        &mut self,
        direction: &str,
        examples: &[Example<M>],
    ) {
        for example in examples {
            let name = format!("{direction}_{}.hex", example.name);
            let golden = self.bytes(name, &example.message, &example.frame());
            let frame = Bytes::from(golden).slice(4..);
            let (message, body) = read_message::<M>(&frame).unwrap();
            assert_eq!((&message, &body[..]), (&example.message, example.body));
        }
    }

    /// Checks that these are the bytes of a file, and gives them.
    pub(crate) fn bytes(&mut self, name: String, shown: &impl Debug, bytes: &[u8]) -> Vec<u8> {
        let protocol = self.folder.join(&self.protocol);
        let path = protocol.join(&name);
        if std::env::var_os("WRITE_GOLDEN").is_some() && !path.exists() {
            fs::create_dir_all(&protocol).unwrap();
            fs::write(&path, print(shown, bytes)).unwrap();
        }
        let golden = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}; see `Golden`", path.display()));
        let golden = parse(&golden);
        assert_eq!(
            print(shown, bytes),
            print(shown, &golden),
            "the bytes of `{name}` have changed: processes of different builds would misread each \
             other. Raise the protocol's number; see `Golden`"
        );
        self.names.insert(name);
        golden
    }

    /// Checks that there are no other files.
    pub(crate) fn end(self) {
        let listed = |folder: &Path| -> BTreeSet<String> {
            let entries = fs::read_dir(folder).unwrap();
            let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
            entries.map(|entry| name(entry.unwrap())).collect()
        };
        assert_eq!(listed(&self.folder.join(&self.protocol)), self.names);
        assert_eq!(listed(&self.folder), BTreeSet::from([self.protocol]));
    }
}

/// What a file says of these bytes: the message for people, then the bytes.
fn print(message: &impl Debug, frame: &[u8]) -> String {
    let mut text = format!("# {message:?}\n");
    for line in frame.chunks(16) {
        let bytes: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(text, "{}", bytes.join(" ")).unwrap();
    }
    text
}

/// The bytes of a file.
fn parse(text: &str) -> Vec<u8> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_whitespace)
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}

/// Fails where there is a variant without an example.
#[track_caller]
pub(crate) fn all_variants_among<T: Serialize + DeserializeOwned + 'static>(examples: &[T]) {
    let index = |example: &T| {
        let mut bytes = Vec::new();
        codec::encode(example, &mut bytes).unwrap();
        bytes[0]
    };
    let indices: BTreeSet<_> = examples.iter().map(index).collect();
    let count = indices.len() as u8;
    assert_eq!(indices, (0..count).collect::<BTreeSet<_>>());
    let next = codec::decode::<T>(&[count]).map(|_| ()).unwrap_err();
    assert!(
        next.to_string().contains("expected variant index"),
        "there are more: {next}"
    );
}
