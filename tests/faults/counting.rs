//! Items that keep book of themselves: how often each was used and dropped. Some panic when they are dropped.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::support::text;

/// What an item stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Something that a closure owns.
    Closure,
    /// Something that the factory of a combiner owns.
    Factory,
    /// An instance of a combiner.
    Instance,
    /// What a loop runs over.
    Item,
    /// What a body returns.
    Result,
    /// What a body throws, or a handler of a run.
    Payload,
    /// What a completion callback throws.
    Callback,
    /// What the panic handler throws.
    Handler,
    /// What a bomb throws when it is dropped.
    Blast,
}

struct Line {
    kind: Kind,
    bomb: bool,
    uses: usize,
    drops: usize,
}

#[derive(Clone, Default)]
pub(crate) struct Book(Arc<Mutex<Vec<Line>>>);

impl Book {
    pub(crate) fn item(&self, kind: Kind) -> Item {
        self.enter(kind, false)
    }

    /// An item that panics whenever it is dropped, in the middle of another panic too.
    pub(crate) fn bomb(&self, kind: Kind) -> Item {
        self.enter(kind, true)
    }

    fn enter(&self, kind: Kind, bomb: bool) -> Item {
        let mut lines = self.0.lock().unwrap();
        lines.push(Line {
            kind,
            bomb,
            uses: 0,
            drops: 0,
        });
        Item {
            book: self.clone(),
            line: lines.len() - 1,
            kind,
            bomb,
        }
    }

    /// How many bombs have gone off.
    pub(crate) fn blasts(&self) -> usize {
        let lines = self.0.lock().unwrap();
        lines.iter().filter(|line| line.kind == Kind::Blast).count()
    }

    /// Everything was dropped once, except for so many of each kind that were forgotten. What can be used was used
    /// once, or not more than once.
    pub(crate) fn audit(&self, forgotten: &[(Kind, usize)], all_used: bool) {
        let mut left = BTreeMap::new();
        for (number, line) in self.0.lock().unwrap().iter().enumerate() {
            let Line {
                kind,
                bomb,
                uses,
                drops,
            } = line;
            let what = format!("item {number}, {kind:?}, a bomb: {bomb}");
            assert!(*drops <= 1, "{what}: dropped {drops} times");
            assert!(*uses <= 1, "{what}: used {uses} times");
            if all_used && *kind == Kind::Closure {
                assert_eq!(*uses, 1, "{what}: uses");
            }
            if *drops == 0 {
                *left.entry(*kind).or_insert(0) += 1;
            }
        }
        let expected: BTreeMap<Kind, usize> =
            forgotten.iter().copied().filter(|(_, n)| *n > 0).collect();
        assert_eq!(left, expected, "what was never dropped, and what should be");
    }
}

pub(crate) struct Item {
    book: Book,
    line: usize,
    kind: Kind,
    bomb: bool,
}

impl Item {
    pub(crate) fn note_use(&self) {
        self.book.0.lock().unwrap()[self.line].uses += 1;
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        // For whoever does not wait for this.
        thread::yield_now();
        self.book.0.lock().unwrap()[self.line].drops += 1;
        if self.bomb {
            panic_any(self.book.item(Kind::Blast));
        }
    }
}

/// What somebody has thrown, in a word; it is dropped, whatever it does then.
pub(crate) fn open(payload: Box<dyn Any + Send>) -> String {
    match payload.downcast::<Item>() {
        Ok(item) => {
            let word = format!("{:?}", item.kind).to_lowercase();
            let _ = defuse(item);
            word
        }
        Err(payload) => text(&*payload).to_owned(),
    }
}

/// Drops something. What that throws, in a word.
pub(crate) fn defuse<T>(value: T) -> Option<String> {
    attempt(|| drop(value)).err()
}

/// Calls something. What it throws, in a word.
pub(crate) fn attempt<R>(call: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(open)
}
