//! Labels: how many tasks of each may run at once, and how many do.

use super::LabelId;
use super::shape::ShapeId;

#[derive(Debug)]
struct Label {
    limit: u32,
    taken: u32,
    /// The shapes that carry it.
    shapes: Vec<ShapeId>,
}

/// The labels that have limits.
#[derive(Debug)]
pub(super) struct Limits {
    labels: Vec<Label>,
}

impl Limits {
    pub(super) fn new(limits: Vec<u32>) -> Self {
        let label = |limit| Label {
            limit,
            taken: 0,
            shapes: Vec::new(),
        };
        Self {
            labels: limits.into_iter().map(label).collect(),
        }
    }

    pub(super) fn is_known(&self, label: LabelId) -> bool {
        usize::from(label.0) < self.labels.len()
    }

    /// The first of these labels that no further task may take.
    pub(super) fn exhausted(&self, labels: &[LabelId]) -> Option<LabelId> {
        labels
            .iter()
            .copied()
            .find(|label| self.is_exhausted(*label))
    }

    /// How many more tasks may take all of these labels.
    pub(super) fn left(&self, labels: &[LabelId]) -> u64 {
        let left = |label: &LabelId| {
            let label = &self.labels[usize::from(label.0)];
            u64::from(label.limit.saturating_sub(label.taken))
        };
        labels.iter().map(left).min().unwrap_or(u64::MAX)
    }

    pub(super) fn is_exhausted(&self, label: LabelId) -> bool {
        let label = &self.labels[usize::from(label.0)];
        label.taken >= label.limit
    }

    /// Takes one of each.
    pub(super) fn take(&mut self, labels: &[LabelId]) {
        debug_assert!(
            self.exhausted(labels).is_none(),
            "an exhausted label was taken"
        );
        for label in labels {
            self.labels[usize::from(label.0)].taken += 1;
        }
    }

    /// Gives one of this label back; true if none was left before.
    pub(super) fn give(&mut self, label: LabelId) -> bool {
        let was_exhausted = self.is_exhausted(label);
        self.labels[usize::from(label.0)].taken -= 1;
        was_exhausted
    }

    /// The shapes that carry a label.
    pub(super) fn shapes(&self, label: LabelId) -> &[ShapeId] {
        &self.labels[usize::from(label.0)].shapes
    }

    pub(super) fn add_shape(&mut self, labels: &[LabelId], shape: ShapeId) {
        for label in labels {
            self.labels[usize::from(label.0)].shapes.push(shape);
        }
    }

    pub(super) fn remove_shape(&mut self, labels: &[LabelId], shape: ShapeId) {
        for label in labels {
            self.labels[usize::from(label.0)]
                .shapes
                .retain(|other| *other != shape);
        }
    }

    /// Of each label: its limit and how many are taken.
    #[cfg(test)]
    pub(super) fn usage(&self) -> impl Iterator<Item = (u32, u32)> {
        self.labels.iter().map(|label| (label.limit, label.taken))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_exhausted_at_its_limit_and_tells_when_it_is_no_longer() {
        let mut limits = Limits::new(vec![2, 1]);
        let both = [LabelId(0), LabelId(1)];
        limits.take(&both);
        assert_eq!(limits.exhausted(&both), Some(LabelId(1)));
        assert_eq!(limits.exhausted(&[LabelId(0)]), None);
        limits.take(&[LabelId(0)]);
        assert_eq!(limits.exhausted(&both), Some(LabelId(0)));
        assert!(limits.give(LabelId(0)));
        assert!(!limits.give(LabelId(0)));
        assert!(limits.give(LabelId(1)));
    }
}
