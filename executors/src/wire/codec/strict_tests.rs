//! What serde's attributes write, and what becomes of it: refused on the way out where it shows
//! there, else on the way in; never a wrong value.

use std::collections::{BTreeMap, HashMap};

use serde::de::DeserializeOwned;
use serde::ser::{SerializeMap as _, SerializeSeq as _, SerializeTuple as _};
use serde::{Deserialize, Serialize, Serializer};

use super::{CodecErrorKind, DEEPEST, MOST_EMPTY_ELEMENTS, decode, encode};

#[track_caller]
fn encoded<T: Serialize + 'static>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    encode(value, &mut out).unwrap();
    out
}

#[track_caller]
fn refused_to_encode<T: Serialize + 'static>(value: &T) -> (CodecErrorKind, String) {
    let error = encode(value, &mut Vec::new()).unwrap_err();
    assert_eq!(error.byte(), None);
    (error.kind().clone(), error.to_string())
}

#[track_caller]
fn refused_to_decode<T: Serialize + DeserializeOwned + 'static>(value: &T) -> CodecErrorKind {
    let Err(error) = decode::<T>(&encoded(value)) else {
        panic!("it was decoded");
    };
    error.kind().clone()
}

#[derive(Serialize, Deserialize)]
struct Inner {
    depth: u32,
}

#[test]
fn flattened_fields_are_refused() {
    #[derive(Serialize, Deserialize)]
    struct Flat {
        width: u32,
        #[serde(flatten)]
        inner: Inner,
    }
    #[derive(Serialize, Deserialize)]
    struct Outer {
        grid: Flat,
    }
    #[derive(Serialize, Deserialize)]
    enum Variant {
        Named {
            width: u32,
            #[serde(flatten)]
            more: HashMap<String, u32>,
        },
    }

    let grid = Flat {
        width: 1,
        inner: Inner { depth: 2 },
    };
    let (kind, words) = refused_to_encode(&Outer { grid });
    assert_eq!(kind, CodecErrorKind::UnknownLength { of: "map" });
    assert_eq!(
        words,
        "in field `grid`: a map of a length that is not known beforehand cannot be encoded: \
         instead of `#[serde(flatten)]` let the inner structure be an ordinary field; of an \
         iterator, collect the elements first"
    );
    let more = HashMap::new();
    let (kind, _) = refused_to_encode(&Variant::Named { width: 1, more });
    assert_eq!(kind, CodecErrorKind::UnknownLength { of: "map" });
    // What a peer sends nevertheless is refused as well: an empty map, and one with an entry.
    for bytes in [&[0][..], &[1, 5]] {
        assert!(decode::<Flat>(bytes).is_err());
    }
}

#[test]
fn a_field_left_out_is_refused_and_one_that_is_there_is_not() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Options {
        rows: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<String>,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Plot {
        options: Vec<Options>,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Step {
        Draw {
            #[serde(skip_serializing_if = "Vec::is_empty")]
            lines: Vec<u32>,
        },
    }

    let plot = |title: Option<&str>| Plot {
        options: vec![Options {
            rows: 1,
            title: title.map(str::to_owned),
        }],
    };
    let (kind, words) = refused_to_encode(&plot(None));
    let field = "title";
    let structure = "Options";
    assert_eq!(kind, CodecErrorKind::SkippedField { structure, field });
    assert_eq!(
        words,
        "in field `options`: field `title` of `Options` is left out, as `skip_serializing_if` \
         asks, and then `Options` could not be read back: remove that attribute, or pass a type \
         without it"
    );
    let there = plot(Some("tides"));
    assert_eq!(decode::<Plot>(&encoded(&there)).unwrap(), there);

    let (kind, _) = refused_to_encode(&Step::Draw { lines: Vec::new() });
    let field = "lines";
    let structure = "Draw";
    assert_eq!(kind, CodecErrorKind::SkippedField { structure, field });
    let there = Step::Draw { lines: vec![1] };
    assert_eq!(decode::<Step>(&encoded(&there)).unwrap(), there);
}

/// Serde does not say that it leaves something out of these, so that only reading shows it.
#[test]
fn what_only_one_direction_leaves_out_is_refused_when_it_is_read() {
    #[derive(Serialize, Deserialize)]
    struct Tuple(
        u8,
        #[serde(skip_serializing_if = "Option::is_none")] Option<u8>,
    );
    #[derive(Serialize, Deserialize)]
    #[expect(dead_code, reason = "neither written nor looked at")]
    struct NotWritten {
        #[serde(skip_serializing)]
        cache: u32,
        rows: u32,
    }
    #[derive(Serialize, Deserialize)]
    struct NotRead {
        #[serde(skip_deserializing)]
        cache: u32,
        rows: u32,
    }
    #[derive(Serialize, Deserialize)]
    #[serde(tag = "type")]
    struct Tagged {
        rows: u32,
    }

    assert_eq!(
        refused_to_decode(&Tuple(1, None)),
        CodecErrorKind::Truncated
    );
    let not_written = NotWritten { cache: 1, rows: 2 };
    assert_eq!(refused_to_decode(&not_written), CodecErrorKind::Truncated);
    let not_read = NotRead { cache: 1, rows: 2 };
    let left_over = CodecErrorKind::TrailingBytes { count: 1 };
    assert_eq!(refused_to_decode(&not_read), left_over);
    let left_over = CodecErrorKind::TrailingBytes { count: 7 };
    assert_eq!(refused_to_decode(&Tagged { rows: 2 }), left_over);
}

#[test]
fn fields_left_out_in_both_directions_are_fine() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Table {
        rows: u32,
        #[serde(skip)]
        cache: Option<u32>,
        #[serde(default)]
        columns: u32,
    }
    let table = Table {
        rows: 1,
        cache: Some(2),
        columns: 3,
    };
    let bytes = encoded(&table);
    assert_eq!(bytes, [1, 3]);
    let cache = None;
    assert_eq!(decode::<Table>(&bytes).unwrap(), Table { cache, ..table });
}

#[test]
fn enums_that_are_not_tagged_from_outside_are_refused_when_they_are_read() {
    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Unit,
        One(u32),
        Named { depth: u32 },
    }
    #[derive(Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Internal {
        Unit,
        One(Inner),
        Named { depth: u32 },
    }

    #[derive(Serialize, Deserialize)]
    #[serde(tag = "kind", content = "value")]
    enum Adjacent {
        Unit,
        One(u32),
        Named { depth: u32 },
    }

    let inner = || Inner { depth: 1 };
    for value in [
        Untagged::Unit,
        Untagged::One(1),
        Untagged::Named { depth: 1 },
    ] {
        assert_eq!(refused_to_decode(&value), CodecErrorKind::SelfDescribing);
    }
    for value in [
        Internal::Unit,
        Internal::One(inner()),
        Internal::Named { depth: 1 },
    ] {
        assert_eq!(refused_to_decode(&value), CodecErrorKind::SelfDescribing);
    }
    for value in [
        Adjacent::Unit,
        Adjacent::One(1),
        Adjacent::Named { depth: 1 },
    ] {
        assert_eq!(refused_to_decode(&value), CodecErrorKind::SelfDescribing);
    }
    let words = decode::<Untagged>(&[]).map(|_| ()).unwrap_err().to_string();
    assert_eq!(
        words,
        "at byte 0: its type asks what the bytes hold, as enums do that are `untagged` or have a \
         `tag`, structures with `flatten`, and `serde_json::Value`; postcard does not say: use \
         serde's ordinary form of an enum, or pass a `String` of JSON"
    );
}

#[test]
fn what_says_how_many_elements_it_has_must_have_them() {
    struct Wrong(Option<usize>);

    impl Serialize for Wrong {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut sequence = serializer.serialize_seq(self.0)?;
            sequence.serialize_element(&1)?;
            sequence.serialize_element(&2)?;
            sequence.end()
        }
    }

    struct WrongMap(Option<usize>);

    impl Serialize for WrongMap {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(self.0)?;
            map.serialize_entry(&1, &2)?;
            map.end()
        }
    }

    struct Iterated;

    impl Serialize for Iterated {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq((0..9).filter(|number| number % 2 == 0))
        }
    }

    assert_eq!(encoded(&Wrong(Some(2))), [2, 2, 4]);
    for announced in [0, 1, 3] {
        let of = "sequence";
        let wrong = CodecErrorKind::WrongLength { of, announced };
        assert_eq!(refused_to_encode(&Wrong(Some(announced))).0, wrong);
    }
    for announced in [0, 2] {
        let of = "map";
        let wrong = CodecErrorKind::WrongLength { of, announced };
        assert_eq!(refused_to_encode(&WrongMap(Some(announced))).0, wrong);
    }
    for of in [
        refused_to_encode(&Wrong(None)).0,
        refused_to_encode(&Iterated).0,
    ] {
        assert_eq!(of, CodecErrorKind::UnknownLength { of: "sequence" });
    }
}

/// A linked list of one level for each node.
#[derive(Debug, Default, Serialize, Deserialize)]
struct List(Option<Box<List>>);

impl List {
    fn of(length: u32) -> Self {
        (0..length).fold(Self::default(), |list, _| Self(Some(Box::new(list))))
    }
}

#[test]
fn what_is_nested_as_deep_as_may_be_is_read_back_and_no_deeper() {
    let deepest = List::of(DEEPEST);
    let bytes = encoded(&deepest);
    assert_eq!(encoded(&decode::<List>(&bytes).unwrap()), bytes);
    assert_eq!(
        refused_to_encode(&List::of(DEEPEST + 1)).0,
        CodecErrorKind::TooDeep
    );

    // All ways to be nested count the same in both directions.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Tree {
        Leaf,
        One(Box<Tree>),
        Two(Box<Tree>, Box<Tree>),
        Named { left: Box<Tree> },
        Many(Vec<Tree>),
        Map(BTreeMap<u8, Tree>),
        Tuple((Box<Tree>,)),
        Field(Box<Branch>),
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Branch {
        tree: Tree,
    }
    type Grow = fn(Tree) -> Tree;
    let grows: [(Grow, u32); 7] = [
        (|tree| Tree::One(Box::new(tree)), 1),
        (|tree| Tree::Two(Box::new(Tree::Leaf), Box::new(tree)), 1),
        (
            |left| Tree::Named {
                left: Box::new(left),
            },
            1,
        ),
        (|tree| Tree::Many(vec![tree]), 2),
        (|tree| Tree::Map(BTreeMap::from([(0, tree)])), 2),
        (|tree| Tree::Tuple((Box::new(tree),)), 2),
        (|tree| Tree::Field(Box::new(Branch { tree })), 2),
    ];
    for (place, (grow, levels)) in grows.into_iter().enumerate() {
        let tree = |height: u32| (0..height).fold(Tree::Leaf, |tree, _| grow(tree));
        let highest = DEEPEST / levels;
        let bytes = encoded(&tree(highest));
        assert_eq!(
            decode::<Tree>(&bytes).unwrap(),
            tree(highest),
            "kind {place}"
        );
        assert_eq!(
            refused_to_encode(&tree(highest + 1)).0,
            CodecErrorKind::TooDeep
        );
        let bytes = postcard::to_stdvec(&tree(highest + 1)).unwrap();
        let error = decode::<Tree>(&bytes).unwrap_err();
        assert_eq!(error.kind(), &CodecErrorKind::TooDeep, "kind {place}");
    }
}

#[test]
fn neighbours_do_not_count_as_depth() {
    let lists: Vec<_> = (0..1000).map(|_| List::of(DEEPEST - 1)).collect();
    let bytes = encoded(&lists);
    assert_eq!(decode::<Vec<List>>(&bytes).unwrap().len(), 1000);
}

#[test]
fn as_many_elements_without_bytes_as_may_be_are_read_back_and_no_more() {
    let half = MOST_EMPTY_ELEMENTS as usize / 2;
    let most = [vec![(); half], vec![(); half]];
    assert_eq!(decode::<[Vec<()>; 2]>(&encoded(&most)).unwrap(), most);
    let more = [vec![(); half], vec![(); half + 1]];
    assert_eq!(
        refused_to_encode(&more).0,
        CodecErrorKind::TooManyEmptyElements
    );
    // Elements with a key, or a value, do not count.
    let maps = vec![BTreeMap::from([((), 1_u8)]); 2 * half + 1];
    assert_eq!(
        decode::<Vec<BTreeMap<(), u8>>>(&encoded(&maps)).unwrap(),
        maps
    );
}

#[test]
fn tuples_of_any_length_announced_are_written() {
    struct Careless;

    impl Serialize for Careless {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut tuple = serializer.serialize_tuple(0)?;
            tuple.serialize_element(&1_u8)?;
            tuple.end()
        }
    }

    // Other formats ignore the number, so that people get it wrong; the bytes do not hold it.
    assert_eq!(encoded(&Careless), [1]);
}
