//! What a program shows of its run while it goes on.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::place::{Place, until};
use crate::program::Program;

/// A program on a terminal.
struct OnTerminal {
    child: Child,
    said: Arc<Mutex<Vec<u8>>>,
    reader: Option<thread::JoinHandle<()>>,
}

impl OnTerminal {
    fn start(place: &Place, arguments: &[&str], terminal: &str) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let size = Winsize {
            ws_row: 24,
            ws_col: 80,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&ours, size).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let theirs = OpenOptions::new()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_programs"))
            .args(arguments)
            .current_dir(place.root())
            .env("TERM", terminal)
            .env_remove("CHILTEPIN_CONFIG")
            .env_remove("CHILTEPIN_LOG")
            .stdin(Stdio::null())
            .stdout(theirs.try_clone().unwrap())
            .stderr(theirs)
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&said);
        let mut ours = File::from(ours);
        // Once nobody has the terminal any more, reading fails.
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = ours.read(&mut bytes) {
                heard.lock().unwrap().extend(&bytes[..count]);
            }
        });
        Self {
            child,
            said,
            reader: Some(reader),
        }
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&self.said.lock().unwrap()).into_owned()
    }

    fn says(&self, text: &str) {
        until(&format!("`{text}` on the terminal"), || {
            self.said().contains(text)
        });
    }

    /// All that it has said, once it has ended well.
    fn ended(mut self) -> String {
        until("the program to end", || {
            self.child.try_wait().unwrap().is_some()
        });
        assert!(self.child.wait().unwrap().success(), "{}", self.said());
        self.reader.take().unwrap().join().unwrap();
        let said = self.said.lock().unwrap();
        String::from_utf8(said.clone()).unwrap()
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Erases what is below the cursor.
const ERASE: &str = "\x1b[J";
/// Moves the cursor back to where it was before rows were drawn.
const BACK: &str = "\x1b8";

#[chiltepin::test]
fn a_terminal_shows_each_function_and_executor_and_at_the_end_a_line() {
    let place = Place::new();
    let program = OnTerminal::start(&place, &["watched", "auto"], "xterm");
    program.says("\n  wait   two  2 running  4 waiting\r");
    program.says("\n  count  two             1 waiting\r");
    program.says("\n  0 of 7 tasks ended, ");
    place.write("go", "");
    let said = program.ended();
    let results = "result 0\r\nresult 1\r\nresult 2\r\n";
    let (before, after) = said
        .split_once(results)
        .unwrap_or_else(|| panic!("{said:?}"));
    assert!(before.starts_with("begun\r\n"), "{said:?}");
    assert!(
        before.rfind(ERASE) > before.rfind(BACK),
        "the rows are gone before results are printed: {said:?}"
    );
    assert!(
        after.starts_with("chiltepin: 7 tasks: 7 succeeded, in "),
        "{said:?}"
    );
    assert_eq!(after.lines().count(), 1, "{said:?}");
}

/// What a run of some seconds writes on such a terminal.
fn written_by_a_short_run(progress: &str, terminal: &str) -> String {
    let place = Place::new();
    let program = OnTerminal::start(&place, &["watched", progress], terminal);
    program.says("begun");
    thread::sleep(Duration::from_millis(1500));
    place.write("go", "");
    program.ended()
}

const RESULTS: &str = "begun\r\nresult 0\r\nresult 1\r\nresult 2\r\n";

#[chiltepin::test]
fn what_is_off_shows_nothing() {
    assert_eq!(written_by_a_short_run("off", "xterm"), RESULTS);
}

/// And a short run has no lines.
#[chiltepin::test]
fn a_terminal_that_moves_no_cursor_gets_lines() {
    assert_eq!(written_by_a_short_run("auto", "dumb"), RESULTS);
}

#[chiltepin::test]
fn where_there_is_no_terminal_there_are_lines() {
    let place = Place::new();
    let program = Program::start(&place, &["watched", "auto"]);
    program.says(
        "chiltepin: 10 s: 0 of 7 tasks ended; wait: 2 running, 4 waiting; count: 1 waiting\n",
    );
    place.write("go", "");
    let ended = program.ended();
    assert_eq!(ended.out, "begun\nresult 0\nresult 1\nresult 2\n");
    let last = ended.err.lines().last().unwrap();
    assert!(
        last.starts_with("chiltepin: 7 tasks: 7 succeeded, in "),
        "{ended:?}"
    );
}
