//! Picks of a deterministic pool: any of the tasks that are queued, as the seed says.

use crate::priority::Priority;
use crate::scheduler::find::Work;
use crate::scheduler::participant::Participant;
use crate::sim::Sim;

/// Among how many queued tasks is chosen. The others keep their order.
const REACH: usize = 64;

impl Participant {
    /// One of the next tasks of a level, from the own deque and from outside; `None` if there is none, or
    /// if this thread is in no simulation.
    pub(super) fn seeded_task(&self, level: Priority) -> Option<Work> {
        Sim::current()?;
        let injectors = &self.registry().injectors;
        loop {
            let mut near = Vec::new();
            while near.len() < REACH {
                let Some(entry) = self.deques.pop(level) else {
                    break;
                };
                self.count_net(-1);
                near.push(entry);
            }
            // The newest came first; the oldest is to go back first.
            near.reverse();
            while near.len() < REACH {
                let Some(entry) = injectors.steal(level) else {
                    break;
                };
                near.push(entry);
            }
            if near.is_empty() {
                return None;
            }
            let pick = Sim::random()? as usize % near.len();
            let picked = near.remove(pick);
            for entry in near {
                self.deques.push(entry);
                self.count_net(1);
            }
            if let Some(task) = self.take_entry(picked) {
                return Some(Work::Task(task));
            }
        }
    }
}
