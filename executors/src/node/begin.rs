//! Starting the spawner, from the driver's side, and what is held of its process.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::unix::AsyncFd;
use tokio::net::{UnixListener, UnixStream};

use super::environment::{self, Goal};
use super::message::{FromSpawner, Hello, LARGEST_TO_DRIVER};
use super::settings::NodeSettings;
use crate::command::{end_of_file, watch_exit};
use crate::environment_lines;
use crate::start::{Claim, Origin, Role, START_VARIABLE, SpawnerStart, stranger};
use crate::system::readable;
use crate::wire::{FrameReader, PROTOCOL, split_message};

/// Numbers the spawners of this process: a folder may see several.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The process that becomes the spawner, and then is it.
pub(super) struct Spawner {
    /// None once its status was taken, or is somebody else's to take.
    child: Option<Child>,
    pid: Pid,
    exit: AsyncFd<OwnedFd>,
    files: Files,
}

/// What the start of one spawner leaves in the executor's folder.
struct Files {
    socket: PathBuf,
    claim: PathBuf,
    stderr: PathBuf,
    progress: PathBuf,
}

/// A spawner that said hello.
pub(super) struct Begun {
    pub(super) spawner: Spawner,
    pub(super) stream: UnixStream,
    /// Has read what came behind the hello.
    pub(super) reader: FrameReader,
    pub(super) hello: Hello,
}

/// Starts a spawner and waits until it has said hello; an error says why it has not.
pub(super) async fn begin(settings: &NodeSettings, origin: &Origin) -> Result<Begun, String> {
    let files = Files::new(settings.folder.path());
    let socket = files.socket.clone();
    // Listening comes first: the process connects as soon as it can.
    let listener = UnixListener::bind(&socket)
        .map_err(|error| format!("cannot listen at `{}`: {error}", socket.display()))?;
    let mut spawner = Spawner::start(settings, origin, files)?;
    let connected = tokio::select! {
        connected = connection(&listener) => Some(connected),
        () = spawner.exited() => None,
        () = tokio::time::sleep(settings.start_timeout) => {
            let line = spawner.line(settings).map_or_else(String::new, |(number, line)| {
                format!("; line {number} of its environment, `{line}`, had not ended")
            });
            let seconds = settings.start_timeout.as_secs_f64();
            let stderr = spawner.stderr();
            spawner.kill();
            return Err(format!("it did not start within {seconds} s{line}{stderr}"));
        }
    };
    // Nobody else is to connect.
    let _ = fs::remove_file(&socket);
    match connected {
        Some(Ok((stream, reader, hello))) => {
            spawner.dismiss_guard();
            Ok(Begun {
                spawner,
                stream,
                reader,
                hello,
            })
        }
        Some(Err(reason)) => {
            spawner.kill();
            Err(reason)
        }
        None => Err(spawner.why_it_ended(settings)),
    }
}

/// Waits for the spawner to connect and to say hello.
async fn connection(listener: &UnixListener) -> Result<(UnixStream, FrameReader, Hello), String> {
    loop {
        let accepted = listener.accept().await;
        let (stream, _) = accepted.map_err(|error| format!("cannot be connected to: {error}"))?;
        // Whoever else got in is no part of this.
        if !matches!(stranger(&stream), Ok(None)) {
            continue;
        }
        let mut reader = FrameReader::new(LARGEST_TO_DRIVER);
        let message = loop {
            match reader.next() {
                Ok(Some(frame)) => match split_message::<FromSpawner>(&frame) {
                    Ok((message, _)) => break message,
                    Err(error) => return Err(error.to_string()),
                },
                Ok(None) => {}
                Err(error) => return Err(error.to_string()),
            }
            let read = read(&stream, &mut reader).await;
            if !read.map_err(|error| format!("its connection failed: {error}"))? {
                return Err("it closed its connection before it was ready".to_owned());
            }
        };
        return match message {
            FromSpawner::Hello(hello) if hello.protocol == PROTOCOL => Ok((stream, reader, hello)),
            FromSpawner::Hello(hello) => Err(format!(
                "it speaks version {} of the protocol where this program speaks {PROTOCOL}",
                hello.protocol
            )),
            _ => Err("it did not begin with a hello".to_owned()),
        };
    }
}

/// Reads some of what there is; false at the end of the stream.
pub(super) async fn read(stream: &UnixStream, reader: &mut FrameReader) -> io::Result<bool> {
    loop {
        stream.readable().await?;
        match stream.try_read(reader.spare()) {
            Ok(0) => return Ok(false),
            Ok(count) => {
                reader.filled(count);
                return Ok(true);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

impl Files {
    fn new(folder: &Path) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let file = |name: &str| folder.join(format!("{name}-{number}"));
        Self {
            socket: file("spawner"),
            claim: file("claim"),
            stderr: file("stderr"),
            progress: file("line"),
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        for file in [&self.socket, &self.claim, &self.stderr, &self.progress] {
            let _ = fs::remove_file(file);
        }
    }
}

impl Spawner {
    fn start(settings: &NodeSettings, origin: &Origin, files: Files) -> Result<Self, String> {
        let arguments = origin.arguments();
        let claim = Claim {
            role: Role::Spawner(SpawnerStart {
                executor: settings.executor.clone(),
                socket: files.socket.clone(),
                driver: std::process::id(),
                folder: settings.folder.path().to_owned(),
                program_folder: settings.program.folder().to_owned(),
                program: settings.program.path().to_owned(),
                arguments: arguments.clone(),
                prefix: settings.prefix.clone(),
                threads_per_process: settings.threads_per_process,
            }),
        };
        let written = claim.write(&files.claim);
        written.map_err(|error| format!("cannot write `{}`: {error}", files.claim.display()))?;
        let stderr = File::create(&files.stderr)
            .map_err(|error| format!("cannot open `{}`: {error}", files.stderr.display()))?;
        let mut command = command(settings, arguments, &files)?;
        command
            .stdout(Stdio::null())
            .stderr(stderr)
            .process_group(0);
        let child = command.spawn().map_err(|error| {
            let program = command.get_program().to_string_lossy();
            format!("cannot start `{program}`: {error}")
        })?;
        let pid = Pid::from_child(&child);
        let watched = watch_exit(pid).and_then(readable);
        match watched {
            Ok(exit) => Ok(Self {
                child: Some(child),
                pid,
                exit,
                files,
            }),
            Err(error) => {
                let _ = kill_process_group(pid, Signal::KILL);
                reap(child);
                Err(format!("cannot watch its process: {error}"))
            }
        }
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits until the process has exited.
    pub(super) async fn exited(&self) {
        // An error is that of a runtime which ends, and this with it.
        if self.exit.readable().await.is_err() {
            std::future::pending().await
        }
    }

    /// Kills the process and its group; workers end with it.
    pub(super) fn kill(&self) {
        if self.child.is_some() {
            let _ = kill_process_group(self.pid, Signal::KILL);
        }
    }

    /// The process has exited: takes its status.
    pub(super) fn settle(&mut self) -> Option<ExitStatus> {
        // A guard, and what environment lines have left in the background.
        self.kill();
        self.child.take()?.wait().ok()
    }

    /// The shell has become the program, and needs no guard any more.
    fn dismiss_guard(&mut self) {
        if let Some(mut stdin) = self.child.as_mut().and_then(|child| child.stdin.take()) {
            let _ = stdin.write_all(b"\n");
        }
    }

    /// Why a spawner that has exited has done so: its end and its last words.
    pub(super) fn why_it_ended(&mut self, settings: &NodeSettings) -> String {
        let line = self.line(settings);
        let end = match self.settle() {
            Some(status) => match (status.code(), status.signal()) {
                (Some(code), _) => format!("with exit code {code}"),
                (_, Some(signal)) => format!("by signal {signal}"),
                _ => String::new(),
            },
            None => "with an unknown status".to_owned(),
        };
        let stderr = self.stderr();
        match line {
            Some((number, line)) => {
                format!("line {number} of its environment, `{line}`, ended {end}{stderr}")
            }
            None => format!("the process that starts its workers and commands ended {end}{stderr}"),
        }
    }

    /// The environment line that is running or has failed.
    fn line<'a>(&self, settings: &'a NodeSettings) -> Option<(usize, &'a str)> {
        let progress = fs::read(&self.files.progress).ok()?;
        environment::line_of(&settings.environment, &progress)
    }

    /// The end of its stderr, to stand behind other words.
    pub(super) fn stderr(&self) -> String {
        match end_of_file(&self.files.stderr, 0) {
            Ok(text) if !text.trim().is_empty() => format!("; the end of its stderr:\n{text}"),
            _ => String::new(),
        }
    }
}

impl Drop for Spawner {
    fn drop(&mut self) {
        let Some(child) = self.child.take() else {
            return;
        };
        if child.stdin.is_some() {
            // Still a shell. Its guard must not take the end of its stdin for that of the driver.
            let _ = kill_process_group(self.pid, Signal::KILL);
        }
        // Else it kills what it has started and ends, now that its connection is closed.
        reap(child);
    }
}

/// Takes the status of a process that ends soon.
fn reap(mut child: Child) {
    let reaper = thread::Builder::new()
        .name("reaper".to_owned())
        .stack_size(64 << 10);
    let _ = reaper.spawn(move || child.wait());
}

/// What the spawner is started with, but for its streams.
fn command(
    settings: &NodeSettings,
    arguments: Vec<OsString>,
    files: &Files,
) -> Result<Command, String> {
    let program = settings.program.path();
    if settings.environment.is_empty() {
        let mut command = Command::new(program);
        inherit(&mut command, settings);
        command
            .args(arguments)
            .env(START_VARIABLE, &files.claim)
            .stdin(Stdio::null());
        return Ok(command);
    }
    let mut lines = settings.environment.iter().enumerate();
    if let Some((index, _)) = lines.find(|(_, line)| environment_lines::has_nul(line)) {
        let number = index + 1;
        return Err(format!(
            "line {number} of its environment contains a NUL byte, which no shell can take"
        ));
    }
    let mut words = vec![OsString::from(program)];
    words.extend(arguments);
    let goal = Goal {
        words: &words,
        claim: &files.claim,
        progress: &files.progress,
        folders: [settings.folder.path(), settings.program.folder()],
    };
    let mut command = Command::new("bash");
    inherit(&mut command, settings);
    command
        .arg("-c")
        .arg(environment::script(&settings.environment, &goal))
        // What the lines start is no part of this, should it be such a program too.
        .env_remove(START_VARIABLE)
        .stdin(Stdio::piped());
    Ok(command)
}

/// Makes of this process's environment the one that all of the node inherits.
fn inherit(command: &mut Command, settings: &NodeSettings) {
    for name in &settings.removed_variables {
        command.env_remove(name);
    }
    command.envs(settings.variables.iter().map(|(name, value)| (name, value)));
}
