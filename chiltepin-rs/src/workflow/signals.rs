use std::io::{self, Write};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::session::Session;
use crate::kernel::Event;
use crate::report::make_way;

/// How long a program may go on after its tasks have ended, to clean up and say what it got.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The open workflows for which signals are handled.
static HEARD: AtomicUsize = AtomicUsize::new(0);

/// Counts a workflow for which signals are handled, as long as it is open.
pub(super) struct Heard(());

impl Heard {
    fn new() -> Self {
        HEARD.fetch_add(1, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        HEARD.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What Ctrl-C and SIGTERM do to a program: the first lets running tasks end within a grace, the
/// second kills them; either way every future ends, and the program with the signal's exit code.
pub(super) struct Signals {
    /// The number of the first signal, 0 before it.
    first: AtomicU8,
}

impl Signals {
    pub(super) const fn new() -> Self {
        Self {
            first: AtomicU8::new(0),
        }
    }

    /// The exit code of a program that was interrupted: 128 and the signal's number.
    pub(super) fn exit_code(&self) -> Option<u8> {
        match self.first.load(Ordering::SeqCst) {
            0 => None,
            number => Some(128 + number),
        }
    }

    /// Starts to listen; from here on the process no longer dies of the signals by itself.
    ///
    /// It listens on a thread of its own, since bodies that block may hold all of the runtime's.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) fn listen(self: &Arc<Self>, session: &Arc<Session>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let both = {
            let _inside = runtime.enter();
            Both {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
            }
        };
        let signals = Arc::clone(self);
        session.set_heard(Heard::new());
        let session = Arc::downgrade(session);
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || runtime.block_on(signals.obey(both, &session)))?;
        Ok(())
    }

    /// Waits for a signal, ends the workflow, then the process.
    async fn obey(&self, mut both: Both, session: &Weak<Session>) {
        let number = both.next().await;
        self.first.store(number, Ordering::SeqCst);
        if session.strong_count() == 0 && HEARD.load(Ordering::SeqCst) > 0 {
            // Another workflow is there, and sees to the end of the program.
            return;
        }
        // Without any workflow the program is as any other, which the signal ends.
        if let Some(session) = session.upgrade() {
            wind_down(&session, &mut both, number).await;
            tokio::select! {
                () = tokio::time::sleep(LAST_WORDS) => {}
                _ = both.next() => {}
            }
        }
        std::process::exit(i32::from(128 + number));
    }
}

/// Ends everything: gently at first, at once after the grace or another signal.
async fn wind_down(session: &Session, both: &mut Both, number: u8) {
    let grace = session.grace();
    let name = if number == 2 {
        "interrupted"
    } else {
        "told to terminate"
    };
    say(&format!(
        "{name}; no more tasks are started, running ones may end within {grace:?} (once more to \
         kill them now)"
    ));
    session.driver().begin_end(Event::Closing);
    tokio::select! {
        () = session.driver().drained() => return,
        () = tokio::time::sleep(grace) => {
            say(&format!("the grace of {grace:?} is over; killing what still runs"));
        }
        _ = both.next() => say("killing what still runs"),
    }
    session.kill_soon().await;
}

/// Tells whoever sent the signal, if he can hear it: the same signal may have ended what reads
/// stderr, and then `eprintln!` would panic.
fn say(text: &str) {
    make_way();
    let _ = writeln!(io::stderr(), "chiltepin: {text}");
}

struct Both {
    interrupt: Signal,
    terminate: Signal,
}

impl Both {
    /// The number of the next signal.
    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
        }
    }
}
