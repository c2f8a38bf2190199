//! Methods as tasks: every kind, `Self` in types and bodies, other items left alone.

use chiltepin::__private::{Registration, TaskInfo, inventory};
use chiltepin::{AppFuture, TaskContext, Workflow, sh};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Processor {
    scale: i64,
}

#[chiltepin::tasks]
impl Processor {
    const DOUBLE: i64 = 2;

    fn plain(&self) -> i64 {
        self.scale * Self::DOUBLE
    }

    /// A snapshot, and an argument.
    #[chiltepin::task(retries = 1)]
    pub fn scaled(&self, value: i64) -> i64 {
        value * self.plain()
    }

    #[chiltepin::task]
    fn new(scale: i64) -> Self {
        Self { scale }
    }

    #[chiltepin::task]
    fn merged(&self, others: Vec<Self>) -> Result<Self, String> {
        let scale = others.iter().map(|other| other.scale).sum();
        Ok(Self { scale })
    }

    #[chiltepin::task]
    async fn later(&self, context: &TaskContext) -> i64 {
        std::future::ready(context).await;
        self.scale
    }

    #[chiltepin::bash_task]
    fn export(&self, out: std::path::PathBuf) -> String {
        sh!("[ {self.scale}{self.plain()}{out} = '24a b' ]")
    }

    #[chiltepin::join_task]
    async fn pipeline(&self, workflow: &Workflow, value: i64) -> AppFuture<i64> {
        let once = self.scaled(value).submit(workflow);
        self.scaled(once).submit(workflow)
    }
}

mod elsewhere {
    use super::Processor;

    #[chiltepin::tasks]
    impl super::Processor {
        #[chiltepin::task]
        pub(super) fn halved(&self) -> Processor {
            Processor { scale: self.scale / 2 }
        }
    }
}

fn info(function: &str) -> &'static TaskInfo {
    let mut tasks = inventory::iter::<Registration>.into_iter().map(|registration| registration.0);
    tasks.find(|task| task.function == function).unwrap()
}

#[chiltepin::main]
fn main(workflow: Workflow) {
    let processor = Processor { scale: 2 };
    assert_eq!(processor.scaled(3).run_blocking().unwrap(), 12);
    assert_eq!(Processor::new(2).run_blocking().unwrap(), processor);
    let merged = processor.merged(vec![processor.clone(), processor.clone()]);
    assert_eq!(merged.submit(&workflow).result().unwrap().scale, 4);
    assert_eq!(processor.later().submit(&workflow).result().unwrap(), 2);
    assert_eq!(processor.export("a b").submit(&workflow).result().unwrap(), 0);
    assert_eq!(processor.pipeline(1).submit(&workflow).result().unwrap(), 16);
    assert_eq!(processor.halved().run_blocking().unwrap().scale, 1);

    assert_eq!(info("scaled").defaults.retries, Some(1));
    assert_ne!(info("scaled").location, info("new").location);
    assert_eq!(info("scaled").path(), concat!(module_path!(), "::Processor::scaled"));
    assert_eq!(info("halved").path(), concat!(module_path!(), "::Processor::halved"));
}
