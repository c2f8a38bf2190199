use std::sync::atomic::{AtomicU64, Ordering};

/// How many bodies run in this process: whoever is alone has its output to itself.
#[derive(Debug, Default)]
pub(super) struct Company {
    present: AtomicU64,
    begun: AtomicU64,
}

impl Company {
    /// A body begins. Tells its number, which grows by one with each.
    pub(super) fn enter(&self) -> u64 {
        self.present.fetch_add(1, Ordering::SeqCst);
        self.begun.fetch_add(1, Ordering::SeqCst)
    }

    /// A body has ended, and what it printed was looked at.
    pub(super) fn leave(&self) {
        self.present.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether no body runs but the one that asks.
    pub(super) fn is_alone(&self) -> bool {
        self.present.load(Ordering::SeqCst) == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_runs_by_itself_is_alone() {
        let company = Company::default();
        assert_eq!(company.enter(), 0);
        assert!(company.is_alone());
        assert_eq!(company.enter(), 1);
        assert!(!company.is_alone());
        company.leave();
        assert!(company.is_alone());
        company.leave();
        assert_eq!(company.enter(), 2);
    }
}
