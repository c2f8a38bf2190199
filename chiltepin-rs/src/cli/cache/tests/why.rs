//! `why`.

use super::*;

#[test]
fn why_compares_the_newest_with_the_nearest_earlier_one() {
    let place = Place::new();
    let keep = |hours: u64, change: &dyn Fn(&mut Recipe)| {
        let mut made = entry(
            "crate::area",
            &format!("area#{hours}"),
            hours,
            &[("width", 1), ("height", 2)],
        );
        change(&mut made.recipe);
        made.key = made.recipe.key();
        place.keep(made);
        place.out("why area")
    };
    insta::assert_snapshot!(keep(50, &|_| {}), @r"
    newest         3233f2391571 area#50 of run 20231114-201320-3f9a0c, made 2 days ago
    no earlier result of `crate::area` is kept to compare it with
    ");
    insta::assert_snapshot!(keep(40, &|recipe| {
        recipe.arguments[0].digest = [3; 32];
        recipe.version = "2".to_owned();
    }), @r#"
    newest         a2d310856a69 area#40 of run 20231114-201320-3f9a0c, made 1 day ago
    compared with  3233f2391571 area#50 of run 20231114-201320-3f9a0c, made 2 days ago

    new is:
      `version`: it is "2" and was not given
      the value of the argument `width`
    "#);
    let news = |said: String| said.split_once("new is:\n").unwrap().1.to_owned();
    // The nearest is not the newest of the earlier ones, which has another version.
    let said = keep(30, &|recipe| recipe.code = Code::Body([1; 16]));
    assert!(said.contains(" area#50 of run "), "{said}");
    assert_eq!(
        news(said),
        "  the function: its body, parameters or return type was changed\n"
    );
    let binary = |recipe: &mut Recipe, build| recipe.code = Code::Binary([build; 32]);
    assert_eq!(
        news(keep(20, &|recipe| binary(recipe, 1))),
        "  `cache_mode`: it is \"binary\" and was \"body\"\n"
    );
    assert_eq!(
        news(keep(10, &|recipe| binary(recipe, 2))),
        "  the program: its file is another one\n"
    );
    let added = keep(9, &|recipe| {
        binary(recipe, 2);
        recipe.arguments[1].name = "depth".to_owned();
    });
    assert_eq!(
        news(added),
        "  the argument `depth`, which was no part of the key\n  \
         the key lacks the argument `height`, which was part of it\n"
    );
    let swapped = keep(8, &|recipe| {
        binary(recipe, 2);
        recipe.arguments.swap(0, 1);
    });
    assert_eq!(news(swapped), "  the order of the arguments\n");
    let declared = keep(7, &|recipe| {
        binary(recipe, 2);
        recipe.arguments.push(Argument {
            name: "(files)".to_owned(),
            digest: [1; 32],
        });
    });
    assert_eq!(news(declared), "  the files that belong to the result\n");
}

#[test]
fn why_of_an_unknown_or_unclear_name_says_what_there_is() {
    let place = Place::filled();
    let said = place.run("why summ");
    assert_eq!((said.exit, &*said.out), (Exit::Usage, ""));
    insta::assert_snapshot!(said.errors, @r"
    error: no result of a function `summ` is kept
      hint: did you mean `sum`?
    ");
    place.keep(entry("other::sum", "sum#2", 1, &[]));
    let said = place.run("why sum");
    assert_eq!((said.exit, &*said.out), (Exit::Usage, ""));
    insta::assert_snapshot!(said.errors, @r"
    error: `sum` is the end of several functions' names
      hint: there are `crate::sum`, `other::sum`
    ");
    assert_eq!(place.run("why other::sum").exit, Exit::Success);
}
