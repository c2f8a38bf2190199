//! The terminal that stderr is, on which rows come and go below what the program prints.
//!
//! The program may print at any time, on stdout as well, which is the same terminal and tells us
//! nothing. So the cursor stays where the program left it, the rows are below, and each drawing
//! begins by erasing what is below the cursor: what the program printed is never erased, though a
//! part of a row may stand behind it. Libraries that draw with the cursor below their rows,
//! `indicatif` among them, erase upwards as many lines as they drew, and with them what was printed
//! since.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::{process, termios};

use super::super::stream::Busy;
use super::rows::Size;

/// Rows that have not changed are drawn anew after this time: something may be printed over them.
const REDRAWN: Duration = Duration::from_millis(500);

/// How often rows go away for results at most. They would flicker where tasks end one by one.
const LULLS: Duration = Duration::from_secs(1);

/// How long whoever has results waits for a drawing that goes on: the terminal may be stopped.
const PATIENCE: Duration = Duration::from_millis(20);

/// Erases from the cursor to the end of the screen.
const ERASE: &str = "\x1b[J";

/// There is one stderr, whatever number of workflows the process has.
static SCREEN: Mutex<Screen> = Mutex::new(Screen {
    drawn: None,
    lull: None,
});

/// Whether there may be rows; looked at by those who print without taking the lock.
static HAS_ROWS: AtomicBool = AtomicBool::new(false);

struct Screen {
    drawn: Option<Drawn>,
    /// When rows went away for results last.
    lull: Option<Instant>,
}

/// Rows that are on the screen.
struct Drawn {
    /// Another workflow's thread draws nothing meanwhile.
    by: ThreadId,
    rows: Vec<String>,
    at: Instant,
}

/// Takes rows off the terminal before something is printed on stderr; they come back by themselves.
pub(crate) fn make_way() {
    if HAS_ROWS.load(Ordering::SeqCst) {
        SCREEN.lock().erase();
    }
}

/// Takes rows off the terminal once everything has ended, before the program learns of it: most
/// likely it prints what it got.
pub(crate) fn make_way_for_results() {
    if !HAS_ROWS.load(Ordering::SeqCst) {
        return;
    }
    let Some(mut screen) = SCREEN.try_lock_for(PATIENCE) else {
        return;
    };
    if screen.lull.is_none_or(|lull| lull.elapsed() >= LULLS) {
        screen.lull = Some(Instant::now());
        screen.erase();
    }
}

/// Draws these rows as long as the run is busy; else erases what this thread has drawn. False if
/// no rows are there: another workflow has the screen, or the program runs in the background of its
/// terminal.
pub(super) fn draw(rows: Vec<String>, busy: &Busy) -> bool {
    let mut screen = SCREEN.lock();
    let by = thread::current().id();
    if screen.drawn.as_ref().is_some_and(|drawn| drawn.by != by) {
        return false;
    }
    // In this order: whoever makes way for results, after nothing is open any more, either sees
    // that there may be rows and waits for the lock, or is seen here.
    HAS_ROWS.store(true, Ordering::SeqCst);
    if rows.is_empty() || !busy.is_busy() {
        screen.erase();
        return false;
    }
    if !is_in_foreground() {
        // What was drawn is the shell's now.
        screen.drawn = None;
        HAS_ROWS.store(false, Ordering::SeqCst);
        return false;
    }
    let is_same = |drawn: &Drawn| drawn.rows == rows && drawn.at.elapsed() < REDRAWN;
    if !screen.drawn.as_ref().is_some_and(is_same) {
        print(&drawing(&rows));
        let at = Instant::now();
        screen.drawn = Some(Drawn { by, rows, at });
    }
    true
}

/// How large the terminal is.
pub(super) fn size() -> Size {
    let size = termios::tcgetwinsize(io::stderr());
    match size {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => Size {
            columns: usize::from(size.ws_col),
            lines: usize::from(size.ws_row),
        },
        _ => Size {
            columns: 80,
            lines: 24,
        },
    }
}

impl Screen {
    fn erase(&mut self) {
        HAS_ROWS.store(false, Ordering::SeqCst);
        if self.drawn.take().is_some() {
            print(ERASE);
        }
    }
}

/// What draws rows below the cursor, and leaves the cursor where it was.
pub(super) fn drawing(rows: &[String]) -> String {
    let count = rows.len();
    // Moving down without going to the left makes room, by scrolling where that is needed; the
    // place that is remembered then does not move any more.
    let room = "\x1bD".repeat(count);
    let rows: String = rows.iter().map(|row| format!("\r\n{row}")).collect();
    // Without wrapping, a terminal that became narrower cuts the rows itself.
    format!("{ERASE}{room}\x1b[{count}A\x1b7\x1b[?7l{rows}\x1b[?7h\x1b8")
}

/// Whether the terminal is this program's now, not its shell's.
fn is_in_foreground() -> bool {
    // A terminal that is not the controlling one has no such idea.
    termios::tcgetpgrp(io::stderr()).map_or(true, |group| group == process::getpgrp())
}

fn print(text: &str) {
    // At once, so that nothing comes in between. Where nobody reads it, nobody misses it.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Prints a line.
pub(super) fn say(line: &str) {
    make_way();
    print(&format!("{line}\n"));
}
