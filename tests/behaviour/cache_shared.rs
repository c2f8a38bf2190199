//! Programs that run at the same time and share a cache.

use chiltepin::Workflow;

use crate::cache::expected;
use crate::place::Place;
use crate::program::{Ended, Program};

/// A place of a program's own, whose results are kept in that of all of them.
struct Run {
    place: Place,
    config: String,
}

impl Run {
    fn new(shared: &Place) -> Self {
        let place = Place::new();
        let cache = shared.path("cache");
        let text = format!("[workflow]\ncache = '{}'\n", cache.display());
        let config = place.write("site.toml", &text).display().to_string();
        Self { place, config }
    }

    fn start(&self) -> Program<'_> {
        Program::start_with(
            &self.place,
            &["kept"],
            &[("CHILTEPIN_CONFIG", &self.config)],
        )
    }

    /// How many of its tasks it computed itself.
    fn computed(&self, ended: &Ended) -> usize {
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(
            (ended.out.trim(), &*ended.err),
            (&*expected().to_string(), "")
        );
        let log = std::fs::read_to_string(self.place.path("log")).unwrap_or_default();
        log.lines().filter(|line| line.starts_with("ran")).count()
    }
}

/// Equal calls of two programs may both run, and one record holds in the end.
#[chiltepin::test]
fn programs_at_the_same_time_do_the_same_work_and_lose_none_of_it(_workflow: Workflow) {
    for _ in 0..5 {
        let shared = Place::new();
        let runs = [Run::new(&shared), Run::new(&shared), Run::new(&shared)];
        let programs = runs.each_ref().map(Run::start);
        let ended = programs.map(Program::ended);
        let computed = runs
            .iter()
            .zip(&ended)
            .map(|(run, ended)| run.computed(ended));
        let computed: Vec<_> = computed.collect();
        let all = 6 * 8;
        assert!(computed.iter().sum::<usize>() >= all, "{computed:?}");
        assert!(computed.iter().all(|one| *one <= all), "{computed:?}");
        let later = Run::new(&shared);
        let ended = later.start().ended();
        assert_eq!(later.computed(&ended), 0, "after {computed:?}");
    }
}
