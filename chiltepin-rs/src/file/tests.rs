use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use chiltepin_executors::wire::codec;

use super::content::Content;
use super::{File, FileHashes};

const AN_HOUR: Duration = Duration::from_secs(3600);

fn hash(path: &Path) -> [u8; 32] {
    FileHashes::default().digest(path).unwrap()
}

#[test]
fn a_file_travels_as_its_path() {
    let file = File::new("/data/a b.nc");
    let mut bytes = Vec::new();
    codec::encode(&file, &mut bytes).unwrap();
    assert_eq!(codec::decode::<File>(&bytes).unwrap(), file);
    let mut path = Vec::new();
    codec::encode(&"/data/a b.nc".to_owned(), &mut path).unwrap();
    assert_eq!(bytes, path);
    assert_eq!(file.to_string(), "/data/a b.nc");
    assert_eq!(file.extension().unwrap(), "nc");
    assert_eq!(File::from("x"), File::from(Path::new("x").to_owned()));
}

#[test]
fn the_codec_knows_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a");
    fs::write(&path, "content").unwrap();
    let mut asked = Vec::new();
    let mut files = |path: &Path| {
        asked.push(path.to_owned());
        Ok([1; 32])
    };
    codec::encode_canonical(&vec![File::new(&path)], &mut files, &mut |_| {}).unwrap();
    assert_eq!(asked, [path]);
}

#[test]
fn the_content_counts_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("a"), "one").unwrap();
    fs::write(at("b"), "one").unwrap();
    fs::write(at("c"), "two").unwrap();
    symlink(at("c"), at("link")).unwrap();
    assert_eq!(hash(&at("a")), *blake3::hash(b"one").as_bytes());
    assert_eq!(hash(&at("a")), hash(&at("b")));
    assert_ne!(hash(&at("a")), hash(&at("c")));
    assert_eq!(hash(&at("link")), hash(&at("c")));
}

#[test]
fn a_directory_is_all_that_it_holds() {
    let directory = tempfile::tempdir().unwrap();
    let make = |name: &str| {
        let root = directory.path().join(name);
        fs::create_dir_all(root.join("inner/empty")).unwrap();
        fs::write(root.join("b"), "1").unwrap();
        fs::write(root.join("a"), "2").unwrap();
        fs::write(root.join("inner/c"), "3").unwrap();
        root
    };
    let same = hash(&make("same"));
    assert_eq!(same, hash(&make("again")));
    let changed = make("content");
    fs::write(changed.join("inner/c"), "4").unwrap();
    let renamed = make("name");
    fs::rename(renamed.join("inner/c"), renamed.join("inner/d")).unwrap();
    let more = make("more");
    fs::create_dir(more.join("z")).unwrap();
    let kind = make("kind");
    fs::remove_dir(kind.join("inner/empty")).unwrap();
    fs::write(kind.join("inner/empty"), "directory").unwrap();
    for other in [&changed, &renamed, &more, &kind] {
        assert_ne!(hash(other), same, "{}", other.display());
    }
    let linked = make("linked");
    fs::remove_file(linked.join("b")).unwrap();
    symlink("../same/b", linked.join("b")).unwrap();
    assert_eq!(hash(&linked), same, "the program sees no link");
}

#[test]
fn what_cannot_be_read_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let refused = |name: &str| {
        let path = directory.path().join(name);
        let error = FileHashes::default().digest(&path).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        let root = directory.path().display().to_string();
        format!("{error}: {source}").replace(&root, "ROOT")
    };
    assert_eq!(
        refused("missing"),
        "cannot read `ROOT/missing`: No such file or directory (os error 2)"
    );
    fs::create_dir(directory.path().join("loop")).unwrap();
    symlink(".", directory.path().join("loop/self")).unwrap();
    assert_eq!(
        refused("loop"),
        "cannot read `ROOT/loop/self`: it is a link to a directory that it is in"
    );
    let socket = directory.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    assert_eq!(
        refused("socket"),
        "cannot read `ROOT/socket`: it is neither a file nor a directory"
    );
}

/// What is known is not read again: nobody sees that the content changed under an unchanged stamp.
#[test]
fn a_file_that_was_just_written_is_read_again_and_an_old_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a");
    fs::write(&path, "content").unwrap();
    let hashes = FileHashes::default();
    let written = fs::metadata(&path).unwrap().modified().unwrap();
    let at = |now: SystemTime| hashes.content(&path, &mut || now, &mut Vec::new()).unwrap();
    let expected = Content::File(*blake3::hash(b"content").as_bytes());
    for (now, known) in [
        (written + Duration::from_millis(1900), 0),
        // The clock of another machine is ahead.
        (written - AN_HOUR, 0),
        (written + AN_HOUR, 1),
        (written, 1),
    ] {
        assert_eq!(at(now), expected);
        assert_eq!(hashes.len(), known);
    }

    // An old time does not make a file old that was just written.
    let old = fs::File::options().write(true).open(&path).unwrap();
    fs::write(&path, "changed").unwrap();
    old.set_modified(written).unwrap();
    assert_ne!(at(written + Duration::from_millis(100)), expected);
    assert_eq!(hashes.len(), 1);
}
