//! Methods as tasks.

use std::path::PathBuf;

use chiltepin::{AppFuture, TaskContext, Workflow, sh};
use serde::{Deserialize, Serialize};

use crate::support::{Counted, Stage};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Processor {
    scale: i64,
}

#[chiltepin::tasks]
impl Processor {
    #[chiltepin::task]
    fn scaled(&self, value: i64) -> i64 {
        self.scale * value
    }

    #[chiltepin::task(retries = 1, name = "scaled later")]
    async fn scaled_later(&self, context: &TaskContext, stage: Stage) -> Result<i64, String> {
        stage.pass().await;
        match context.attempt() {
            1 => Err(format!("{} failed", context.name())),
            _ => Ok(self.scale),
        }
    }

    #[chiltepin::task]
    fn of_scale(scale: i64) -> Self {
        Self { scale }
    }

    #[chiltepin::task]
    fn merged(&self, other: Self) -> Self {
        Self {
            scale: self.scale + other.scale,
        }
    }

    #[chiltepin::bash_task]
    fn export(&self, path: PathBuf) -> String {
        sh!("echo {self.scale} > {path}")
    }

    #[chiltepin::join_task]
    async fn pipeline(&self, workflow: &Workflow, value: i64) -> AppFuture<i64> {
        let once = self.scaled(value).submit(workflow);
        self.scaled(once).submit(workflow)
    }

    #[chiltepin::join_task]
    fn all(workflow: &Workflow, scales: Vec<i64>) -> Vec<AppFuture<Self>> {
        workflow.map(scales, Self::of_scale)
    }

    fn plain(&mut self) {
        self.scale += 1;
    }
}

#[chiltepin::test]
async fn methods_of_every_kind(workflow: Workflow) -> chiltepin::Result<()> {
    let processor = Processor { scale: 3 };
    assert_eq!(processor.scaled(2).submit(&workflow).await?, 6);
    assert_eq!(processor.pipeline(2).submit(&workflow).await?, 18);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("scale");
    assert_eq!(processor.export(&path).submit(&workflow).await?, 0);
    assert_eq!(std::fs::read_to_string(path)?, "3\n");
    let made = Processor::of_scale(4).submit(&workflow);
    assert_eq!(processor.merged(made).submit(&workflow).await?.scale, 7);
    let all = Processor::all(vec![1, 2]).submit(&workflow).await?;
    assert_eq!(all, [Processor { scale: 1 }, Processor { scale: 2 }]);
    assert_eq!(processor.scaled(2).run().await?, 6);
    Ok(())
}

#[chiltepin::test]
fn a_method_sees_its_value_as_it_was_when_it_was_called(
    workflow: Workflow,
) -> chiltepin::Result<()> {
    let mut processor = Processor { scale: 3 };
    let stage = Stage::new();
    let later = processor.scaled_later(stage);
    processor.plain();
    let later = later.submit(&workflow);
    assert_eq!(later.name(), "scaled later");
    let scaled = processor.scaled(later.clone()).submit(&workflow);
    processor.plain();
    assert_eq!(processor.scale, 5);
    stage.open();
    assert_eq!((later.result()?, scaled.result()?), (3, 12));
    Ok(())
}

#[derive(Clone, Serialize, Deserialize)]
struct Holder {
    counted: Counted,
}

#[chiltepin::tasks]
impl Holder {
    #[chiltepin::task]
    fn clones(&self) -> usize {
        self.counted.0.entered()
    }
}

#[chiltepin::test]
fn the_snapshot_is_one_clone(workflow: Workflow) -> chiltepin::Result<()> {
    let holder = Holder {
        counted: Counted(Stage::new()),
    };
    assert_eq!(holder.clones().submit(&workflow).result()?, 1);
    assert_eq!(holder.clones().submit(&workflow).result()?, 2);
    Ok(())
}
