//! Which GPUs a node was granted, and which of them a worker sees.
//!
//! ```text
//!   CUDA_VISIBLE_DEVICES=4,5,6,7 ──► granted: 4 5 6 7 ──► 2 each: worker 0: 4,5
//!                                                                 worker 1: 6,7
//! ```
//!
//! Whatever started the node's first process (a batch system, a shell) has said in these variables
//! what it may use, so workers divide that and never count from 0. Each vendor's library reads its
//! own variable; batch systems often set several of them to the same.

const CUDA: &str = "CUDA_VISIBLE_DEVICES";
const ROCR: &str = "ROCR_VISIBLE_DEVICES";
const HIP: &str = "HIP_VISIBLE_DEVICES";
const LEVEL_ZERO: &str = "ZE_AFFINITY_MASK";

/// The GPUs of a node, by the variables that name them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeGpus {
    /// Nothing where the variable is not to be set.
    cuda: Vec<String>,
    rocr: Vec<String>,
    hip: Vec<String>,
    level_zero: Vec<String>,
}

impl NodeGpus {
    /// What the node was granted: by its variables, where any is set, else the first so many, if
    /// the configuration says how many it has.
    #[must_use]
    pub fn granted(value: impl Fn(&str) -> Option<String>, gpus_per_node: Option<u32>) -> Self {
        let cuda = value(CUDA).map(|value| listed(&value, is_cuda_device));
        let rocr = value(ROCR).map(|value| listed(&value, is_rocm_device));
        let hip = value(HIP).map(|value| listed(&value, is_rocm_device));
        // Intel's library takes an empty mask for none set.
        let level_zero = value(LEVEL_ZERO).filter(|value| !value.trim().is_empty());
        let level_zero = level_zero.map(|value| listed(&value, is_level_zero_device));
        if !Self::are_named(value) {
            let all: Vec<_> = (0..gpus_per_node.unwrap_or(0))
                .map(|gpu| gpu.to_string())
                .collect();
            return Self {
                cuda: all.clone(),
                rocr: all.clone(),
                hip: Vec::new(),
                level_zero: all,
            };
        }
        let (rocr, hip) = match (rocr, hip) {
            (Some(rocr), Some(hip)) => (seen_through(&rocr, &hip), Vec::new()),
            (rocr, hip) => (rocr.unwrap_or_default(), hip.unwrap_or_default()),
        };
        Self {
            cuda: cuda.unwrap_or_default(),
            rocr,
            hip,
            level_zero: level_zero.unwrap_or_default(),
        }
    }

    /// Whether any variable tells which GPUs there are, or that there are none.
    pub fn are_named(value: impl Fn(&str) -> Option<String>) -> bool {
        // Intel's library takes an empty mask for none set.
        [CUDA, ROCR, HIP]
            .into_iter()
            .any(|name| value(name).is_some())
            || value(LEVEL_ZERO).is_some_and(|mask| !mask.trim().is_empty())
    }

    /// How many there are. Variables that disagree count as the one that names the fewest.
    #[must_use]
    pub fn count(&self) -> usize {
        let lists = [&self.cuda, &self.rocr, &self.hip, &self.level_zero];
        let lengths = lists.into_iter().map(Vec::len);
        lengths.filter(|&length| length > 0).min().unwrap_or(0)
    }

    /// How many workers they suffice for.
    #[must_use]
    pub fn workers(&self, gpus_per_worker: u32) -> usize {
        self.count()
            .checked_div(gpus_per_worker as usize)
            .unwrap_or(usize::MAX)
    }

    /// The variables to set for a worker, of those that the node runs at once the one with this
    /// number, from 0. None if the GPUs do not suffice for so many.
    #[must_use]
    pub fn of_worker(
        &self,
        worker: usize,
        gpus_per_worker: u32,
    ) -> Option<Vec<(&'static str, String)>> {
        let share = gpus_per_worker as usize;
        let start = worker.checked_mul(share)?;
        let places: Vec<_> = (start..start.checked_add(share)?).collect();
        self.of_process(&places)
    }

    /// The variables to set for a process that is to see the GPUs at these places, from 0, among
    /// those that were granted; without any places none, so that it sees what the node does. None
    /// if there are not so many.
    #[must_use]
    pub fn of_process(&self, places: &[usize]) -> Option<Vec<(&'static str, String)>> {
        let count = self.count();
        if places.iter().any(|&place| place >= count) {
            return None;
        }
        if places.is_empty() {
            return Some(Vec::new());
        }
        let chosen = |list: &[String]| -> Option<String> {
            let chosen: Option<Vec<_>> = places
                .iter()
                .map(|&place| list.get(place).map(String::as_str))
                .collect();
            chosen.map(|chosen| chosen.join(","))
        };
        let mut variables: Vec<_> = [
            (CUDA, &self.cuda),
            (ROCR, &self.rocr),
            (HIP, &self.hip),
            (LEVEL_ZERO, &self.level_zero),
        ]
        .into_iter()
        .filter_map(|(name, list)| Some((name, chosen(list)?)))
        .collect();
        if !self.rocr.is_empty() && self.hip.is_empty() {
            // Of the GPUs that ROCR_VISIBLE_DEVICES leaves, HIP takes those with the numbers in
            // this variable or, without it, in CUDA_VISIBLE_DEVICES, which counts all GPUs.
            let all: Vec<_> = (0..places.len()).map(|gpu| gpu.to_string()).collect();
            variables.push((HIP, all.join(",")));
        }
        Some(variables)
    }
}

/// The entries up to the first that names no device: so far the libraries read. Those that grant
/// nothing write `-1`, `NoDevFiles`, or nothing at all.
fn listed(value: &str, is_device: impl Fn(&str) -> bool) -> Vec<String> {
    let entries = value.split(',').map(str::trim);
    entries
        .take_while(|entry| is_device(entry))
        .map(str::to_owned)
        .collect()
}

/// Those of `outer` that `inner` names by their places, as one library reads the other's choice;
/// by a UUID it names itself.
fn seen_through(outer: &[String], inner: &[String]) -> Vec<String> {
    let named = inner.iter().map_while(|name| match name.parse::<usize>() {
        Ok(place) => outer.get(place).cloned(),
        Err(_) => Some(name.clone()),
    });
    named.collect()
}

fn is_number(entry: &str) -> bool {
    !entry.is_empty() && entry.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number, a GPU's UUID or its first characters, or a part of a GPU: `MIG-` and a UUID or,
/// of older drivers, `MIG-GPU-<UUID>/<instance>/<instance>`.
fn is_cuda_device(entry: &str) -> bool {
    is_number(entry) || entry.starts_with("GPU-") || entry.starts_with("MIG-")
}

/// A number, or a UUID.
fn is_rocm_device(entry: &str) -> bool {
    is_number(entry) || entry.starts_with("GPU-")
}

/// A number, or those of a device and of a part of it, as `0.1`.
fn is_level_zero_device(entry: &str) -> bool {
    entry.split('.').all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(variables: &[(&str, &str)], gpus_per_node: Option<u32>) -> NodeGpus {
        let value = |name: &str| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        NodeGpus::granted(value, gpus_per_node)
    }

    /// What a worker sees, as `NAME=value` in order of names.
    fn seen(gpus: &NodeGpus, worker: usize, share: u32) -> Option<String> {
        let mut variables = gpus.of_worker(worker, share)?;
        variables.sort_unstable();
        let variables = variables
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        Some(variables.collect::<Vec<_>>().join(" "))
    }

    #[track_caller]
    fn sees(gpus: &NodeGpus, worker: usize, share: u32, expected: &str) {
        assert_eq!(seen(gpus, worker, share).as_deref(), Some(expected));
    }

    #[test]
    fn workers_divide_what_was_granted() {
        let gpus = granted(&[(CUDA, "4,5,6,7,2")], Some(8));
        assert_eq!((gpus.count(), gpus.workers(2), gpus.workers(3)), (5, 2, 1));
        sees(&gpus, 0, 2, "CUDA_VISIBLE_DEVICES=4,5");
        sees(&gpus, 1, 2, "CUDA_VISIBLE_DEVICES=6,7");
        assert_eq!(seen(&gpus, 2, 2), None);
        sees(&gpus, 4, 1, "CUDA_VISIBLE_DEVICES=2");
        assert_eq!(seen(&gpus, 5, 1), None);
        assert_eq!(seen(&gpus, usize::MAX, 2), None);
    }

    #[test]
    fn devices_are_named_in_many_ways() {
        let uuids = "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6, GPU-7a";
        let gpus = granted(&[(CUDA, uuids)], None);
        sees(&gpus, 1, 1, "CUDA_VISIBLE_DEVICES=GPU-7a");
        let parts = "MIG-GPU-8932f937/1/0,MIG-c7384736-a75d-5afc-978f-d2f1294409fd";
        let gpus = granted(&[(CUDA, parts)], None);
        sees(&gpus, 0, 1, "CUDA_VISIBLE_DEVICES=MIG-GPU-8932f937/1/0");
        sees(&gpus, 0, 2, &format!("CUDA_VISIBLE_DEVICES={parts}"));
        let gpus = granted(&[(LEVEL_ZERO, "0.0,0.1,1")], None);
        sees(&gpus, 1, 1, "ZE_AFFINITY_MASK=0.1");
        assert_eq!(gpus.count(), 3);
        let gpus = granted(&[(ROCR, "1,GPU-4b2c1a9f8d3e6f7a")], None);
        let second = "HIP_VISIBLE_DEVICES=0 ROCR_VISIBLE_DEVICES=GPU-4b2c1a9f8d3e6f7a";
        sees(&gpus, 1, 1, second);
    }

    #[test]
    fn what_grants_nothing_is_no_reason_to_count_from_zero() {
        for none in ["", " ", "-1", "NoDevFiles", "none", "-1,0,1"] {
            for name in [CUDA, ROCR, HIP] {
                let gpus = granted(&[(name, none)], Some(4));
                assert_eq!(gpus.count(), 0, "{name}={none}");
                assert_eq!(seen(&gpus, 0, 1), None, "{name}={none}");
            }
        }
        // Libraries stop at the first that is no device.
        assert_eq!(granted(&[(CUDA, "0,2,-1,1")], None).count(), 2);
        // One vendor's variable may grant what the other's does not.
        let gpus = granted(&[(CUDA, "NoDevFiles"), (ROCR, "2,3")], Some(8));
        sees(&gpus, 1, 1, "HIP_VISIBLE_DEVICES=0 ROCR_VISIBLE_DEVICES=3");
    }

    #[test]
    fn where_nothing_is_set_the_configuration_counts() {
        let gpus = granted(&[], Some(4));
        let second = "CUDA_VISIBLE_DEVICES=2,3 HIP_VISIBLE_DEVICES=0,1 ROCR_VISIBLE_DEVICES=2,3 \
                      ZE_AFFINITY_MASK=2,3";
        sees(&gpus, 1, 2, second);
        assert_eq!(granted(&[], None), NodeGpus::default());
        assert_eq!(seen(&granted(&[], None), 0, 1), None);
        // An empty mask masks nothing.
        assert_eq!(granted(&[(LEVEL_ZERO, "")], Some(4)), gpus);
    }

    /// Slurm sets all variables to the same where it is not told the vendor.
    #[test]
    fn variables_of_several_vendors_are_divided_alike() {
        let gpus = granted(&[(CUDA, "2,3"), (ROCR, "2,3"), (LEVEL_ZERO, "2,3")], None);
        let second = "CUDA_VISIBLE_DEVICES=3 HIP_VISIBLE_DEVICES=0 ROCR_VISIBLE_DEVICES=3 \
                      ZE_AFFINITY_MASK=3";
        sees(&gpus, 1, 1, second);
        // They disagree: nobody gets what only one of them names.
        assert_eq!(
            granted(&[(CUDA, "0,1,2,3"), (ROCR, "0,1")], None).count(),
            2
        );
    }

    #[test]
    fn hip_counts_what_rocr_leaves() {
        let gpus = granted(&[(ROCR, "4,5,6,7"), (HIP, "3,1")], None);
        sees(&gpus, 0, 1, "HIP_VISIBLE_DEVICES=0 ROCR_VISIBLE_DEVICES=7");
        sees(&gpus, 1, 1, "HIP_VISIBLE_DEVICES=0 ROCR_VISIBLE_DEVICES=5");
        let gpus = granted(&[(ROCR, "4,GPU-4b2c,6"), (HIP, "2,GPU-4b2c")], None);
        sees(
            &gpus,
            1,
            1,
            "HIP_VISIBLE_DEVICES=0 ROCR_VISIBLE_DEVICES=GPU-4b2c",
        );
        assert_eq!(granted(&[(ROCR, "4,5"), (HIP, "1,2,0")], None).count(), 1);
        let gpus = granted(&[(HIP, "2,3")], None);
        sees(&gpus, 1, 1, "HIP_VISIBLE_DEVICES=3");
    }

    #[test]
    fn a_process_sees_the_gpus_at_any_places() {
        let gpus = granted(&[(ROCR, "4,5,6,7")], None);
        let variables = gpus.of_process(&[3, 1]);
        let expected = vec![(ROCR, "7,5".to_owned()), (HIP, "0,1".to_owned())];
        assert_eq!(variables, Some(expected));
        assert_eq!(gpus.of_process(&[3, 4]), None);
    }

    #[test]
    fn who_asks_for_no_gpus_gets_what_the_node_has() {
        let gpus = granted(&[(CUDA, "0,1")], None);
        assert_eq!(gpus.of_worker(100, 0), Some(Vec::new()));
        assert_eq!(gpus.workers(0), usize::MAX);
    }
}
