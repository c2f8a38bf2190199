//! `ls` and `show`.

use super::*;

#[test]
fn ls_lists_the_oldest_first_with_a_total() {
    let place = Place::filled();
    insta::assert_snapshot!(place.out("ls"), @r"
    KEY           FUNCTION             TASK      MADE         TOOK   SIZE   USED
    59bc0e93a5cc  crate::grid::square  square#3  30 days ago  1.5 s  179 B  30 days ago
    66d22996b02e  crate::grid::square  square#4  2 h ago      1.5 s  179 B  2 h ago
    7adf921d381d  crate::sum           sum#1     1 h ago      1.5 s  236 B  1 h ago
    3 results, 594 B
    ");
}

#[test]
fn ls_takes_what_fits() {
    let place = Place::filled();
    let tasks = |arguments: &str| {
        let out = place.out(&format!("ls --json {arguments}"));
        let lines: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
        let tasks = lines
            .iter()
            .map(|line| line["task"].as_str().unwrap().to_owned());
        tasks.collect::<Vec<_>>()
    };
    assert_eq!(tasks("--function square"), ["square#3", "square#4"]);
    assert_eq!(
        tasks("--function grid::square --older-than 7d"),
        ["square#3"]
    );
    assert_eq!(tasks("--older-than 90m"), ["square#3", "square#4"]);
    assert_eq!(tasks("--run 20231114-201320-3f9a0c").len(), 3);
    assert_eq!(tasks("--run other").len(), 0);
    assert_eq!(tasks("--older-than 900w").len(), 0);
}

#[test]
fn ls_of_an_unknown_function_names_what_there_is() {
    let place = Place::filled();
    let said = place.run("ls --function sqare");
    assert_eq!((said.exit, &*said.out), (Exit::Success, "no results\n"));
    assert_eq!(said.errors, "  hint: did you mean `square`?\n");
    // It has results, though none so old.
    assert_eq!(
        place.out("ls --function sum --older-than 1w"),
        "no results\n"
    );
}

#[test]
fn ls_prints_whole_keys_and_plain_numbers_for_programs() {
    let place = Place::filled();
    insta::assert_snapshot!(place.out("ls --json --function sum"), @r#"
    [
      {
        "key": "7adf921d381deeb962d0fbb39c5bd13eb1b18793cd6a312ae502cce1351988cc",
        "function": "crate::sum",
        "task": "sum#1",
        "run": "20231114-201320-3f9a0c",
        "made": "2023-11-14T21:13:20Z",
        "took_seconds": 1.5,
        "size": 236,
        "used": "2023-11-14T21:13:20Z",
        "has_directory": false
      }
    ]
    "#);
}

#[test]
fn show_tells_all_of_a_result() {
    let place = Place::filled();
    let file = place.folder.path().join("program");
    std::fs::write(&file, "#!/bin/sh\n").unwrap();
    let mut made = entry(
        "crate::build",
        "build#1",
        5,
        &[("source", 1), ("target", 2)],
    );
    made.recipe.version = "2".to_owned();
    made.recipe.code = Code::Binary([0xcd; 32]);
    made.key = made.recipe.key();
    let output = place.store.put_file(&file).unwrap();
    made.outputs = vec![crate::cache::Output {
        stored: 20,
        executable: true,
        ..output
    }];
    made.upstream = vec![square(3, 0).key, CacheKey([9; 32])];
    let name = format!("{}-node-42-0123456789abcdef-1", made.key);
    std::fs::create_dir(place.folder.path().join("cache/directories").join(&name)).unwrap();
    made.directory = Some(name);
    let key = made.key.to_string();
    place.keep(made);
    insta::assert_snapshot!(place.out(&format!("show {}", &key[..9])), @r#"
    key        44cb3706a5706d555c6ec17b7d864ba4d54fc46a60e6da86b5dc4844333e8105
    function   crate::build
    task       build#1
    run        20231114-201320-3f9a0c
    made       2023-11-14T17:13:20Z, 5 h ago
    took       1.5 s
    used       2023-11-14T17:13:20Z, 5 h ago
    size       467 B
    version    "2"
    code       binary cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd
    arguments  source 0101010101010101010101010101010101010101010101010101010101010101
               target 0202020202020202020202020202020202020202020202020202020202020202
    outputs    PLACE/program 10 B, executable, bc1f407a11c9377c8b9b13f956b279c8462775105eb958fc9ae3c40de87cc96e
    upstream   59bc0e93a5cc crate::grid::square square#3
               090909090909 is kept no longer
    directory  PLACE/cache/directories/44cb3706a5706d555c6ec17b7d864ba4d54fc46a60e6da86b5dc4844333e8105-node-42-0123456789abcdef-1
    "#);
    insta::assert_snapshot!(place.out(&format!("show --json {key}")), @r#"
    {
      "key": "44cb3706a5706d555c6ec17b7d864ba4d54fc46a60e6da86b5dc4844333e8105",
      "function": "crate::build",
      "task": "build#1",
      "run": "20231114-201320-3f9a0c",
      "made": "2023-11-14T17:13:20Z",
      "took_seconds": 1.5,
      "size": 467,
      "used": "2023-11-14T17:13:20Z",
      "has_directory": true,
      "version": "2",
      "code": {
        "mode": "binary",
        "hash": "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
      },
      "arguments": [
        {
          "name": "source",
          "hash": "0101010101010101010101010101010101010101010101010101010101010101"
        },
        {
          "name": "target",
          "hash": "0202020202020202020202020202020202020202020202020202020202020202"
        }
      ],
      "outputs": [
        {
          "path": "PLACE/program",
          "hash": "bc1f407a11c9377c8b9b13f956b279c8462775105eb958fc9ae3c40de87cc96e",
          "size": 10,
          "stored": 20,
          "executable": true
        }
      ],
      "upstream": [
        "59bc0e93a5cca81e93f0517e6ccdf83214c28876008895a7ca63a4a41f2a0c44",
        "0909090909090909090909090909090909090909090909090909090909090909"
      ],
      "directory": "PLACE/cache/directories/44cb3706a5706d555c6ec17b7d864ba4d54fc46a60e6da86b5dc4844333e8105-node-42-0123456789abcdef-1"
    }
    "#);
}

#[test]
fn a_key_that_names_no_result_is_refused() {
    let place = Place::filled();
    for command in ["show", "clear"] {
        for (key, message) in [
            ("0000", "error: no cached result's key begins with `0000`\n"),
            (
                "xyz",
                "error: `xyz` is not the beginning of a cache key: 1 to 64 hexadecimal digits are \
                 expected\n",
            ),
        ] {
            let said = place.run(&format!("{command} {key}"));
            assert_eq!((said.exit, &*said.errors), (Exit::Usage, message));
            assert_eq!(said.out, "");
        }
    }
}
