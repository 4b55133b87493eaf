//! When a pool is at rest: a task that has missed its deadline is counted as ended while it runs.
//!
//! `Ledger`, `Tally` and `Sums` are the real ones.

use super::explore;
use crate::metrics::{Ended, Event, Passage, Sums, Tally};
use crate::priority::Priority;
use crate::report::{Report, TaskId};
use crate::scheduler::ledger::Ledger;
use crate::sync::Arc;
use crate::task::node::Node;
use crate::task::promise::{Evicted, Living};
use loom::thread;

/// A task with options of which only the place in the ledger matters.
struct Anybody;

impl Living for Anybody {
    fn dispatched(self: Arc<Self>) {}
    fn run_in_place(self: Arc<Self>) -> bool {
        false
    }
    fn cancel(self: Arc<Self>) -> bool {
        false
    }
    fn id(&self) -> TaskId {
        unreachable!("nobody asks")
    }
    fn interrupt(self: Arc<Self>) {}
    fn report(&self) -> Option<Report> {
        None
    }
    fn node(&self) -> *const Node {
        std::ptr::null()
    }
    fn evict(self: Arc<Self>) -> Option<Arc<dyn Evicted>> {
        None
    }
    fn is_scoped(&self) -> bool {
        false
    }
    fn is_queued(&self) -> bool {
        false
    }
    fn requeue(self: Arc<Self>) {}
}

#[test]
fn model_rest_late_task_submits_before_it_is_gone() {
    explore("rest_late_task_submits", || {
        let ledger = Arc::new(Ledger::new(None));
        let worker = Arc::new(Tally::own());
        ledger.elsewhere.note(Event::Accepted);
        let place = ledger.register(Arc::new(Anybody));
        // The timer reports it as expired, while it runs.
        ledger.elsewhere.end_managed(Ended::Expired);
        let late = {
            let (ledger, worker) = (Arc::clone(&ledger), Arc::clone(&worker));
            thread::spawn(move || {
                worker.enter(Priority::Normal, Passage::Spawned);
                ledger.unregister(place);
            })
        };
        let sums = || Sums::of(|| [&*worker, &ledger.elsewhere].into_iter());
        assert!(!ledger.is_at_rest(sums), "its child is still to run");
        late.join().unwrap();
        worker.end(Ended::Completed);
        assert!(ledger.is_at_rest(sums));
    });
}
