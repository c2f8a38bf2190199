//! What a workflow takes from its configuration.

use std::time::Duration;

use chiltepin::{AppFuture, ErrorKind, Status, TaskContext, Workflow, task};

use crate::executor::{config, config_text};
use crate::place::{Place, shell, until};
use crate::program::Program;
use crate::support::{Stage, on_processes};

const TWO: &str = "
    [one]
    provider = \"threads\"
    [other]
    provider = \"threads\"";

#[chiltepin::test]
fn without_a_configuration_there_is_local() {
    let place = Place::new();
    let workflow = place.workflow();
    assert_eq!(workflow.executors(), ["local"]);
    let exit = shell("true").submit(&workflow);
    assert_eq!(exit.result().unwrap(), 0);
    assert_eq!(exit.executor().as_deref(), Some("local"));
}

#[chiltepin::test]
fn a_file_may_be_toml_or_yaml() {
    let place = Place::new();
    let mut yaml =
        "one: { provider: threads }\nother: { provider: threads, max_threads: 3 }\n".to_owned();
    if on_processes() {
        yaml = yaml
            .replace("max_threads", "max_workers_per_node")
            .replace("threads", "localhost");
    }
    for file in [
        place.write("config.toml", &config_text(TWO)),
        place.write("config.yaml", &yaml),
    ] {
        let workflow = Workflow::builder().config(file).open().unwrap();
        assert_eq!(workflow.executors(), ["local", "one", "other"]);
        for name in workflow.executors() {
            let exit = shell("true").on(&name).submit(&workflow);
            assert_eq!(exit.result().unwrap(), 0);
            assert_eq!(exit.executor(), Some(name));
        }
    }
}

#[chiltepin::test]
fn an_unknown_executor_is_an_error_with_the_known_ones() {
    let place = Place::new();
    let workflow = place.configured(TWO);
    let error = shell("true").on("othr").submit(&workflow).result();
    let error = error.unwrap_err();
    match error.kind() {
        ErrorKind::UnknownExecutor {
            name,
            known,
            nearest,
        } => {
            assert_eq!(name, "othr");
            assert_eq!(known, &["local", "one", "other"]);
            assert_eq!(nearest.as_deref(), Some("other"));
        }
        _ => panic!("{error}"),
    }
}

#[chiltepin::test]
fn only_what_is_included_is_there() {
    let place = Place::new();
    let builder = || {
        Workflow::builder()
            .config_value(config(TWO))
            .run_dir(place.path("runs"))
    };
    let workflow = builder().include(["other"]).open().unwrap();
    assert_eq!(workflow.executors(), ["local", "other"]);
    let error = shell("true").on("one").submit(&workflow).result();
    let error = error.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::UnknownExecutor { .. }),
        "{error}"
    );
    let error = builder().include(["other", "onne"]).open().unwrap_err();
    let said = format!("{error:?}");
    assert!(said.contains("`onne`") && said.contains("`one`"), "{said}");
}

#[chiltepin::test]
fn the_builder_s_run_folder_goes_before_the_file_s() {
    let place = Place::new();
    let folder = |name: &str| place.path(name).display().to_string();
    let toml = format!("[workflow]\nrun_dir = {:?}\n", folder("filed"));
    let config = config(&toml);
    let filed = Workflow::builder().config_value(config.clone());
    let built = filed.clone().run_dir(place.path("built"));
    for (builder, name) in [(filed, "filed"), (built, "built")] {
        let workflow = builder.open().unwrap();
        let exit = shell("pwd").fresh_directory().submit(&workflow);
        assert_eq!(exit.result().unwrap(), 0);
        workflow.close_blocking();
        assert!(place.path(name).is_dir());
    }
    let entries = std::fs::read_dir(place.path("filed")).unwrap();
    // The link to the newest leads to one of them.
    let runs = entries.filter(|entry| !entry.as_ref().unwrap().path().is_symlink());
    assert_eq!(runs.count(), 1, "one folder for the run that made one");
}

#[chiltepin::test]
fn calls_that_name_no_executor_go_where_the_file_says() {
    let place = Place::new();
    let settings = "\n[workflow]\nexecutors = [\"other\"]";
    let workflow = place.configured(&format!("{TWO}{settings}"));
    for _ in 0..5 {
        let exit = shell("true").submit(&workflow);
        assert_eq!(exit.result().unwrap(), 0);
        assert_eq!(exit.executor().as_deref(), Some("other"));
    }
    let exit = shell("true").on("one").submit(&workflow);
    assert_eq!(exit.result().unwrap(), 0);
    assert_eq!(exit.executor().as_deref(), Some("one"));
}

/// How many attempts a failing command gets.
fn attempts(workflow: &Workflow, executor: &str) -> u32 {
    let error = shell("exit 1").on(executor).submit(workflow).result();
    error.unwrap_err().attempt()
}

#[chiltepin::test]
fn retries_are_the_call_s_or_the_resource_s_or_the_workflow_s() {
    let place = Place::new();
    let workflow = place.configured(
        "
        [workflow]
        retries = 1
        [thrice]
        provider = \"threads\"
        retries = 2
        [never]
        provider = \"threads\"
        retries = 0",
    );
    assert_eq!(attempts(&workflow, "local"), 2);
    assert_eq!(attempts(&workflow, "thrice"), 3);
    assert_eq!(attempts(&workflow, "never"), 1);
    for (executor, retries) in [("thrice", 0), ("never", 1)] {
        let call = shell("exit 1").on(executor).retries(retries);
        let error = call.submit(&workflow).result().unwrap_err();
        assert_eq!(error.attempt(), retries + 1);
    }
    assert_eq!(attempts(&place.workflow(), "local"), 1);
}

/// Waits until as many run as are wanted.
#[task]
fn crowd(context: &TaskContext, stage: Stage, wanted: usize) {
    let _entry = stage.enter();
    until("the others to run", || {
        stage.most() >= wanted || context.is_cancelled()
    });
    std::thread::sleep(Duration::from_millis(2));
}

#[task]
async fn async_crowd(stage: Stage, wanted: usize) {
    let _entry = stage.enter();
    while stage.most() < wanted {
        // Hundreds of them look.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(2)).await;
}

fn all(futures: &[AppFuture<()>]) {
    for future in futures {
        future.result().unwrap();
    }
}

const BOUNDED: &str = "
    [narrow]
    provider = \"threads\"
    max_threads = 1
    max_async = 2
    [wide]
    provider = \"threads\"
    max_threads = 7
    max_async = 500";

#[chiltepin::test]
fn as_many_synchronous_bodies_run_at_once_as_the_file_says() {
    let place = Place::new();
    let workflow = place.configured(BOUNDED);
    for (executor, bound) in [("narrow", 1), ("wide", 7)] {
        let stage = Stage::new();
        let call = |_| crowd(stage, bound).on(executor);
        all(&workflow.map(0..20, call));
        assert_eq!(stage.most(), bound);
    }
}

#[chiltepin::test]
fn as_many_async_bodies_run_at_once_as_the_file_says() {
    let place = Place::new();
    let workflow = place.configured(BOUNDED);
    // Seven workers bound their own, to the same number each.
    let wide = if on_processes() { 504 } else { 500 };
    for (executor, bound) in [("narrow", 2), ("wide", wide)] {
        let stage = Stage::new();
        let call = |_| async_crowd(stage, bound).on(executor);
        all(&workflow.map(0..600, call));
        assert_eq!(stage.most(), bound);
    }
}

#[task(label = "license")]
async fn labelled(stage: Stage) {
    stage.pass().await;
}

#[chiltepin::test]
fn as_many_tasks_of_a_label_run_at_once_as_the_file_says() {
    let place = Place::new();
    let workflow = place.configured("[workflow]\nlimits = { license = 2, download = 1 }");
    let stage = Stage::new();
    let futures = workflow.map(0..6, |_| labelled(stage));
    stage.until_entered(2);
    // A third would have been started by now: what comes later is.
    let exit = shell("true").label(["free", "download"]);
    assert_eq!(exit.submit(&workflow).result().unwrap(), 0);
    let limited = Status::Limited {
        label: "license".to_owned(),
    };
    let waiting = futures.iter().filter(|future| future.status() == limited);
    assert_eq!(waiting.count(), 4);
    stage.open();
    all(&futures);
    assert_eq!(stage.most(), 2);
}

#[chiltepin::test]
fn a_provider_that_cannot_be_used_is_refused_only_when_it_is() {
    let place = Place::new();
    let workflow = place.configured(
        "
        [cluster]
        endpoint = \"1234\"
        [elsewhere]
        provider = \"slurm\"
        endpoint = \"12345678-1234-1234-1234-123456789abc\"
        [future]
        provider = \"slurmm\"",
    );
    for (executor, reason) in [
        ("cluster", "endpoint `1234`"),
        ("elsewhere", "Globus Compute endpoint"),
        ("future", "did you mean `slurm`?"),
    ] {
        let call = shell("touch ran").directory(place.root()).on(executor);
        let error = call.retries(3).submit(&workflow).result().unwrap_err();
        match error.kind() {
            ErrorKind::UnavailableExecutor { name, reason: told } => {
                assert_eq!(name, executor);
                assert!(told.contains(reason), "{told}");
            }
            _ => panic!("{error}"),
        }
        assert_eq!(error.attempt(), 0);
        assert!(error.to_string().contains(executor), "{error}");
    }
    assert!(!place.path("ran").exists());
    // Where there is another choice, that is taken.
    for call in [shell("true").on(["cluster", "local"]), shell("true")] {
        let exit = call.submit(&workflow);
        assert_eq!(exit.result().unwrap(), 0);
        assert_eq!(exit.executor().as_deref(), Some("local"));
    }
}

#[chiltepin::test]
fn a_wrong_file_fails_before_anything_is_submitted() {
    let place = Place::new();
    let file = place.write(
        "wrong.toml",
        "[compute]\nprovider = \"threads\"\nmax_thread = 2\n",
    );
    let error = Workflow::builder().config(&file).open().unwrap_err();
    assert!(matches!(error, chiltepin::Error::Config(_)), "{error:?}");
    let said = format!("{error:?}");
    let at = format!("{}:3:1", file.display());
    assert!(
        said.contains(&at) && said.contains("`max_threads`"),
        "{said}"
    );

    let missing = place.path("missing.toml");
    let error = Workflow::builder().config(&missing).open().unwrap_err();
    assert!(error.to_string().contains("missing.toml"), "{error:?}");
}

const MAIN: [&str; 2] = ["configured", "main"];

#[chiltepin::test]
fn a_program_reads_the_file_that_the_environment_names() {
    let place = Place::new();
    place.write("two.toml", &config_text(TWO));
    for (file, executors) in [("two.toml", "local one other"), ("", "local")] {
        let environment = [("CHILTEPIN_CONFIG", file)];
        let ended = Program::start_with(&place, &MAIN, &environment).ended();
        assert_eq!(
            (ended.code, &*ended.err),
            (Some(0), ""),
            "nothing is logged: {ended:?}"
        );
        assert_eq!(ended.out, format!("{executors}\n0\n"));
    }
}

#[chiltepin::test]
fn a_program_whose_file_is_wrong_does_nothing() {
    let place = Place::new();
    place.write("wrong.yaml", "compute:\n  provder: threads\n");
    for (file, said) in [
        ("wrong.yaml", "wrong.yaml:2:3"),
        ("missing.toml", "missing.toml"),
    ] {
        let environment = [("CHILTEPIN_CONFIG", file)];
        let ended = Program::start_with(&place, &MAIN, &environment).ended();
        assert_eq!((ended.code, &*ended.out), (Some(1), ""), "{ended:?}");
        assert!(ended.err.starts_with("error: "), "{ended:?}");
        assert!(ended.err.contains(said), "{ended:?}");
    }
    assert!(!place.path("ran").exists());
}

#[chiltepin::test]
fn a_main_may_name_its_file() {
    let place = Place::new();
    place.write("own.yaml", "mine:\n  provider: threads\n");
    place.write("two.toml", &config_text(TWO));
    let arguments = ["configured", "main_with_file"];
    let environment = [("CHILTEPIN_CONFIG", "two.toml")];
    let ended = Program::start_with(&place, &arguments, &environment).ended();
    assert_eq!(
        (ended.code, &*ended.out),
        (Some(0), "local mine\n"),
        "{ended:?}"
    );
}

#[chiltepin::test]
fn a_program_logs_at_the_level_that_is_asked_for() {
    let place = Place::new();
    place.write("logging.toml", "[workflow]\nlog_level = \"info\"\n");
    let logged = |arguments: &[&str], environment: &[(&str, &str)]| {
        let ended = Program::start_with(&place, arguments, environment).ended();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.err.contains("trying again")
    };
    let from_file = ("CHILTEPIN_CONFIG", "logging.toml");
    assert!(!logged(&MAIN, &[]));
    assert!(logged(&MAIN, &[("CHILTEPIN_LOG", "info")]));
    assert!(logged(&MAIN, &[("CHILTEPIN_LOG", "TRACE")]));
    assert!(!logged(&MAIN, &[("CHILTEPIN_LOG", "warn")]));
    assert!(logged(&MAIN, &[from_file]));
    assert!(
        !logged(&MAIN, &[from_file, ("CHILTEPIN_LOG", "off")]),
        "the environment goes before the file"
    );
    assert!(
        !logged(
            &["configured", "level"],
            &[from_file, ("CHILTEPIN_LOG", "info")]
        ),
        "the builder goes before both"
    );
}

#[chiltepin::test]
fn a_wrong_level_is_an_error() {
    let place = Place::new();
    let environment = [("CHILTEPIN_LOG", "loud")];
    let ended = Program::start_with(&place, &MAIN, &environment).ended();
    assert_eq!((ended.code, &*ended.out), (Some(1), ""), "{ended:?}");
    for text in ["CHILTEPIN_LOG", "`loud`", "debug"] {
        assert!(ended.err.contains(text), "{ended:?}");
    }
    assert!(!place.path("ran").exists());
}
