//! Keys and what they are made of.

use super::super::KeyPart;
use super::super::recipe::{difference, nearest};
use super::*;
use crate::config::CacheMode;

#[test]
fn the_key_of_a_recipe_stays_what_it_is() {
    let mut recipe = Recipe {
        function: "crate::area".to_owned(),
        version: "2".to_owned(),
        code: Code::Body(*b"0123456789abcdef"),
        arguments: vec![Argument {
            name: "width".to_owned(),
            digest: [3; 32],
        }],
    };
    assert_eq!(
        recipe.key().to_string(),
        "a9e7818670a2e4c68acd7c2a7c30bdf4af71d9c220fbe5049992e2e7cfb338a0",
        "a new encoding makes every cache useless: is it meant?"
    );
    recipe.code = Code::Binary([4; 32]);
    assert_eq!(
        recipe.key().to_string(),
        "baf3fbaa33eacfd47486ad871584a9bc4a4aab1abbfce55b55020f50c41f0cd6"
    );
}

#[test]
fn parts_that_run_together_are_told_apart() {
    let with = |function: &str, version: &str| Recipe {
        function: function.to_owned(),
        version: version.to_owned(),
        ..recipe(1)
    };
    assert_ne!(with("ab", "c").key(), with("a", "bc").key());
    assert_ne!(with("ab", "").key(), with("", "ab").key());
}

#[test]
fn a_difference_names_its_parts() {
    let argument = |name: &str, digest: u8| Argument {
        name: name.to_owned(),
        digest: [digest; 32],
    };
    let base = Recipe {
        arguments: vec![argument("x", 1), argument("y", 2)],
        ..recipe(0)
    };
    let changed = |change: &dyn Fn(&mut Recipe)| {
        let mut now = base.clone();
        change(&mut now);
        assert_eq!(now.key() == base.key(), difference(&base, &now).is_empty());
        difference(&base, &now)
    };
    assert_eq!(changed(&|_| {}), []);
    assert_eq!(
        changed(&|now| now.version = "2".into()),
        [KeyPart::Version {
            before: String::new(),
            now: "2".into()
        }]
    );
    assert_eq!(
        changed(&|now| now.function = "g".into()),
        [KeyPart::Function {
            before: "crate::square".into()
        }]
    );
    assert_eq!(
        changed(&|now| now.code = Code::Body([9; 16])),
        [KeyPart::Body]
    );
    assert_eq!(
        changed(&|now| now.code = Code::Binary([9; 32])),
        [KeyPart::Mode {
            now: CacheMode::Binary
        }]
    );
    assert_eq!(
        changed(&|now| now.arguments[1].digest = [9; 32]),
        [KeyPart::Argument("y".into())]
    );
    assert_eq!(
        changed(&|now| now.arguments.swap(0, 1)),
        [KeyPart::ArgumentOrder]
    );
    assert_eq!(
        changed(&|now| now.arguments[1].name = "z".into()),
        [
            KeyPart::ArgumentAdded("z".into()),
            KeyPart::ArgumentRemoved("y".into())
        ]
    );
}

#[test]
fn the_nearest_differs_in_the_fewest_parts() {
    let mut far = recipe(2);
    far.version = "2".into();
    let other = Recipe {
        function: "crate::other".into(),
        ..recipe(1)
    };
    let (name, parts) = nearest(
        &recipe(1),
        [("far", far), ("near", recipe(3)), ("other", other)],
    )
    .unwrap();
    assert_eq!((name, parts), ("near", vec![KeyPart::Argument("x".into())]));

    let place = Place::new();
    let store = place.open();
    assert_eq!(store.nearest(&recipe(1)), None);
    keep(&store, entry(5, b"")).unwrap();
    assert_eq!(
        store.nearest(&recipe(1)),
        Some((key(5), vec![KeyPart::Argument("x".into())]))
    );
    assert_eq!(store.nearest(&recipe(5)), None, "it is the one itself");
}
