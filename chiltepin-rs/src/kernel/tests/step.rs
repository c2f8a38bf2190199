//! What can happen in a random run. Numbers choose among what there is at that moment.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// How an attempt is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Succeeded,
    Failed,
    FailedForGood,
    Stopped,
    Returned,
    Abandoned,
}

/// A call to submit.
#[derive(Clone, Debug)]
pub(super) struct Sketch {
    pub(super) dependencies: Vec<Index>,
    pub(super) external: u8,
    pub(super) failed: bool,
    /// Bits for executors 0 to 2; never none.
    pub(super) executors: u8,
    pub(super) cores: u32,
    pub(super) gpus: u32,
    pub(super) is_async: bool,
    pub(super) priority: i32,
    /// Bits for labels 0 and 1.
    pub(super) labels: u8,
    pub(super) timeout: bool,
    pub(super) retries: u32,
    /// How often a timeout is repeated, where that has a limit of its own.
    pub(super) timeouts: Option<u32>,
    /// Whether the timeout grows after one that was too short.
    pub(super) is_scaled: bool,
    pub(super) inside: bool,
    pub(super) cached: bool,
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Submit(Sketch),
    Offer {
        executor: u8,
        offer: u32,
        cores: u32,
        gpus: u32,
        async_bodies: u32,
        /// In milliseconds, where the executor has offers that end.
        lasts: Option<u64>,
    },
    /// An executor says what it will ever have room for.
    Bound {
        executor: u8,
        cores: u32,
    },
    Break {
        executor: u8,
    },
    Withdraw {
        executor: u8,
        offer: u32,
    },
    Finish {
        attempt: Index,
        how: How,
    },
    /// An attempt that is over, or will never be, is reported.
    FinishAgain {
        task: Index,
        attempt: u32,
        how: How,
    },
    Meet {
        task: Index,
        well: bool,
    },
    /// A result that is looked for is there, or is not.
    Look {
        task: Index,
        is_there: bool,
    },
    /// A result is kept.
    Keep {
        task: Index,
    },
    Cancel {
        task: Index,
    },
    Wait {
        milliseconds: u64,
    },
    Drain,
    Close,
    Kill,
}

fn how() -> impl Strategy<Value = How> {
    prop_oneof![
        8 => Just(How::Succeeded),
        3 => Just(How::Failed),
        1 => Just(How::FailedForGood),
        2 => Just(How::Stopped),
        2 => Just(How::Returned),
        1 => Just(How::Abandoned),
    ]
}

fn lasts() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![1 => Just(None), 2 => (0..2000_u64).prop_map(Some)]
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let graph = (
        vec(any::<Index>(), 0..4),
        prop_oneof![6 => Just(0_u8), 1 => 1..3_u8],
        prop::bool::weighted(0.02),
        prop::bool::ANY,
    );
    let needs = (
        1..8_u8,
        0..4_u32,
        prop_oneof![4 => Just(0_u32), 1 => 1..3_u32],
        prop::bool::ANY,
    );
    let rules = (
        -1..=1_i32,
        0..4_u8,
        prop::bool::weighted(0.3),
        (0..3_u32, prop::option::of(0..3_u32), prop::bool::ANY),
        prop::bool::weighted(0.15),
    );
    (graph, needs, rules).prop_map(|(graph, needs, rules)| {
        let (dependencies, external, failed, inside) = graph;
        let (executors, cores, gpus, is_async) = needs;
        let (priority, labels, timeout, (retries, timeouts, is_scaled), cached) = rules;
        Sketch {
            dependencies,
            external,
            failed,
            executors,
            cores,
            gpus,
            is_async,
            priority,
            labels,
            timeout,
            retries,
            timeouts,
            is_scaled,
            inside,
            cached,
        }
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        60 => sketch().prop_map(Step::Submit),
        10 => (0..3_u8, 0..3_u32, 0..6_u32, 0..3_u32, 0..3_u32, lasts()).prop_map(
            |(executor, offer, cores, gpus, async_bodies, lasts)| {
                Step::Offer { executor, offer, cores, gpus, async_bodies, lasts }
            }
        ),
        1 => (0..3_u8, 0..6_u32).prop_map(|(executor, cores)| Step::Bound { executor, cores }),
        1 => (0..3_u8, prop::bool::weighted(0.3)).prop_map(|(executor, breaks)| {
            if breaks { Step::Break { executor } } else { Step::Bound { executor, cores: 9 } }
        }),
        3 => (0..3_u8, 0..3_u32)
            .prop_map(|(executor, offer)| Step::Withdraw { executor, offer }),
        60 => (any::<Index>(), how()).prop_map(|(attempt, how)| Step::Finish { attempt, how }),
        3 => (any::<Index>(), 0..4_u32, how())
            .prop_map(|(task, attempt, how)| Step::FinishAgain { task, attempt, how }),
        8 => (any::<Index>(), prop::bool::weighted(0.8))
            .prop_map(|(task, well)| Step::Meet { task, well }),
        6 => (any::<Index>(), prop::bool::weighted(0.3))
            .prop_map(|(task, is_there)| Step::Look { task, is_there }),
        6 => any::<Index>().prop_map(|task| Step::Keep { task }),
        6 => any::<Index>().prop_map(|task| Step::Cancel { task }),
        15 => (0..400_u64).prop_map(|milliseconds| Step::Wait { milliseconds }),
        1 => Just(Step::Drain),
    ]
}

/// A run: most of it open, then perhaps some way to its end.
pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let end = prop_oneof![
        3 => Just(None),
        1 => Just(Some(Step::Drain)),
        1 => Just(Some(Step::Close)),
        1 => Just(Some(Step::Kill)),
    ];
    (
        vec(step(), 0..250),
        end,
        vec(step(), 0..30),
        prop::bool::ANY,
    )
        .prop_map(|(mut steps, end, more, is_killed)| {
            steps.extend(end);
            steps.extend(more);
            steps.extend(is_killed.then_some(Step::Kill));
            steps
        })
}
