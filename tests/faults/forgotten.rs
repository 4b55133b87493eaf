//! Guards and handles that are forgotten without a fault: what they have is dropped once or, where only they could drop
//! it, never; and the pool ends all the same. (Handles of tasks, groups, runs and combiners: in the matrix.)

use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet, VecDeque};
use std::mem::forget;
use std::sync::mpsc::channel;
use std::time::Duration;

use windrow::prelude::*;
use windrow::{
    Autoscaler, CancelToken, Limiter, RateLimit, Retry, ThreadPool, ThreadPoolBuilder, WaitGroup,
};

use crate::counting::{Book, Item, Kind};
use crate::support::{SIZES, stall};

/// What is done with a pool, and how many closures and items are left for ever.
type Act = fn(&ThreadPool, &Book) -> (usize, usize);

const ACTS: [(&str, Act); 15] = [
    ("delayed", delayed),
    ("periodic", periodic),
    ("autoscaler", autoscaler),
    ("unstarted", unstarted),
    ("builders", builders),
    ("refused", refused),
    ("errors", errors),
    ("tokens", tokens),
    ("wait_groups", wait_groups),
    ("limits", limits),
    ("held_by_a_limit", held_by_a_limit),
    ("vectors", vectors),
    ("collections", collections),
    ("chains", chains),
    ("paused", paused),
];

const MOMENT: Duration = Duration::from_millis(1);
const ITEMS: usize = 100;

pub(crate) fn all() -> Vec<(String, Box<dyn Fn() + Send>)> {
    let mut cases: Vec<(String, Box<dyn Fn() + Send>)> = Vec::new();
    for (name, act) in ACTS {
        for size in SIZES {
            let case = move || play(size, act);
            cases.push((format!("forgotten/{name}/{size}"), Box::new(case)));
        }
    }
    for size in SIZES {
        let case = move || a_pool(size);
        cases.push((format!("forgotten/pool/{size}"), Box::new(case)));
    }
    cases
}

fn play(size: usize, act: Act) {
    let (exit, exits) = channel();
    let pool = builder(size).exit_handler(move |worker| exit.send(worker).unwrap());
    let pool = pool.build().unwrap();
    let book = Book::default();
    let (closures, items) = act(&pool, &book);
    drop(pool);
    let exits: BTreeSet<usize> = exits.try_iter().collect();
    assert!(exits.into_iter().eq(0..size), "workers are left");
    book.audit(&[(Kind::Closure, closures), (Kind::Item, items)], false);
}

fn builder(size: usize) -> ThreadPoolBuilder {
    ThreadPool::builder().num_threads(size)
}

/// A closure that uses its own item once.
fn once(book: &Book) -> impl FnOnce() + Send + 'static + use<> {
    let owned = book.item(Kind::Closure);
    move || owned.note_use()
}

fn items(book: &Book) -> Vec<Item> {
    (0..ITEMS).map(|_| book.item(Kind::Item)).collect()
}

fn delayed(pool: &ThreadPool, book: &Book) -> (usize, usize) {
    forget(pool.task().delay(MOMENT).spawn(once(book)));
    let token = CancelToken::new();
    let for_ever = pool.task().delay(Duration::MAX).cancel_token(&token);
    forget(for_ever.spawn(once(book)));
    token.cancel();
    (0, 0)
}

fn periodic(pool: &ThreadPool, book: &Book) -> (usize, usize) {
    let (owned, (ran, runs)) = (book.item(Kind::Closure), channel());
    let handle = pool.spawn_every(MOMENT, move || {
        let _owned = &owned;
        let _ = ran.send(());
    });
    forget(handle);
    runs.recv().unwrap();
    (0, 0)
}

fn autoscaler(pool: &ThreadPool, book: &Book) -> (usize, usize) {
    let (owned, (asked, questions)) = (book.item(Kind::Closure), channel());
    let size = pool.current_num_threads();
    let scaler = Autoscaler::new(1..=size).unwrap().interval(MOMENT);
    let scaler = scaler.rule(move |_| {
        let _owned = &owned;
        let _ = asked.send(());
        size
    });
    forget(scaler.start(pool).unwrap());
    questions.recv().unwrap();
    // The handle shares the rule with the pool.
    (1, 0)
}

fn unstarted(pool: &ThreadPool, book: &Book) -> (usize, usize) {
    pool.pause();
    for _ in 0..2 {
        drop(pool.spawn(once(book)));
        drop(pool.task().spawn(once(book)));
    }
    let mut tasks = pool.shutdown_now();
    assert_eq!(tasks.len(), 4);
    drop(tasks.split_off(3));
    tasks.into_iter().for_each(forget);
    (3, 0)
}

fn builders(pool: &ThreadPool, book: &Book) -> (usize, usize) {
    let callback = || {
        let call = once(book);
        move |_: &windrow::Report| call()
    };
    forget(pool.task().name("forgotten").on_complete(callback()));
    let retry = Retry::attempts(3).unwrap();
    forget(pool.task().on_complete(callback()).retry(retry));
    let owned = book.item(Kind::Closure);
    forget(builder(4).start_handler(move |_| owned.note_use()));
    let owned = book.item(Kind::Closure);
    let rule = Autoscaler::new(1..=2).unwrap().rule(move |_| {
        owned.note_use();
        1
    });
    forget(rule);
    (4, 0)
}

fn refused(pool: &ThreadPool, book: &Book) -> (usize, usize) {
    pool.close();
    forget(pool.try_spawn(once(book)));
    forget(pool.task().try_spawn(once(book)));
    // Here the closure is gone, and only its refusal can be forgotten.
    forget(pool.spawn(once(book)));
    forget(pool.task().spawn(once(book)));
    let group = pool.group::<(), ()>();
    let task = once(book);
    group.spawn(|| {
        task();
        Ok(())
    });
    forget(group);
    (2, 0)
}

fn errors(pool: &ThreadPool, book: &Book) -> (usize, usize) {
    let thrown = book.item(Kind::Item);
    forget(pool.spawn(|| std::panic::panic_any(thrown)).join());
    let thrown = book.item(Kind::Item);
    let group = pool.group::<(), ()>();
    group.spawn(|| std::panic::panic_any(thrown));
    forget(group.wait());
    (0, 2)
}

fn tokens(pool: &ThreadPool, book: &Book) -> (usize, usize) {
    let parent = CancelToken::new();
    let child = parent.child();
    let handle = pool.task().cancel_token(&child).spawn(once(book));
    forget(child);
    parent.cancel();
    let told = handle.join();
    assert!(told.is_ok() || told.unwrap_err().is_cancelled());
    forget(parent);
    (0, 0)
}

fn wait_groups(pool: &ThreadPool, book: &Book) -> (usize, usize) {
    let group = WaitGroup::new();
    let (own, task) = (group.clone(), once(book));
    let ended = pool.spawn(move || {
        task();
        forget(own);
    });
    ended.join().unwrap();
    assert!(!group.wait_timeout(MOMENT), "nobody has signalled");
    (0, 0)
}

fn limits(pool: &ThreadPool, book: &Book) -> (usize, usize) {
    let limiter = Limiter::new(1);
    pool.gather((), |run| {
        for _ in 0..10 {
            let handler = once(book);
            run.via(&limiter)
                .scatter(once(book), move |(), _, ()| handler());
        }
        forget(limiter.clone());
    });
    assert_eq!(limiter.in_use(), 0);
    forget(limiter);
    let rate = RateLimit::new(1_000, Duration::from_secs(1), 10).unwrap();
    for _ in 0..10 {
        forget(pool.task().rate_limit(&rate).spawn(once(book)));
    }
    forget(rate);
    (0, 0)
}

/// Tasks that a group's limit keeps back are those of the pool all the same.
fn held_by_a_limit(pool: &ThreadPool, book: &Book) -> (usize, usize) {
    let stalled = stall(pool);
    let group = pool.group::<(), ()>().max_concurrent(1);
    for _ in 0..10 {
        let task = once(book);
        group.spawn(|| {
            task();
            Ok(())
        });
    }
    forget(group);
    drop(stalled);
    pool.wait_idle();
    (0, 0)
}

fn vectors(_: &ThreadPool, book: &Book) -> (usize, usize) {
    let mut all = items(book);
    forget(all.par_drain(10..90));
    all.push(book.item(Kind::Item));
    let mut left = ITEMS + 1 - all.len();
    let mut all: VecDeque<Item> = items(book).into();
    all.rotate_left(50);
    forget(all.par_drain(10..90));
    all.push_back(book.item(Kind::Item));
    left += ITEMS + 1 - all.len();
    forget(items(book).into_par_iter());
    (0, left + ITEMS)
}

/// They hold no items of ours, which would have to be compared: a drain that is forgotten leaves them in order.
fn collections(_: &ThreadPool, _: &Book) -> (usize, usize) {
    let words = || (0..ITEMS).map(|n| n.to_string());
    let mut text: String = words().collect();
    forget(text.par_drain(3..9));
    text.push('.');
    let mut heap: BinaryHeap<String> = words().collect();
    forget(heap.par_drain());
    heap.push("more".to_owned());
    let mut set: HashSet<String> = words().collect();
    forget(set.par_drain());
    set.insert("more".to_owned());
    let mut map: HashMap<String, String> = words().zip(words()).collect();
    forget(map.par_drain());
    map.insert("one".to_owned(), "more".to_owned());
    assert!(set.contains("more") && map.contains_key("one") && heap.len() <= ITEMS + 1);
    (0, 0)
}

fn chains(pool: &ThreadPool, book: &Book) -> (usize, usize) {
    let owned = book.item(Kind::Closure);
    let chain = items(book)
        .into_par_iter()
        .on(pool)
        .with_min_len(4)
        .map(move |item| {
            let _owned = &owned;
            item
        });
    forget(chain.zip(items(book)).chunks(3));
    forget(items(book).into_iter().par_bridge().ordered(4));
    (1, 3 * ITEMS)
}

/// Nobody resumes the pool but its end.
fn paused(pool: &ThreadPool, book: &Book) -> (usize, usize) {
    pool.pause();
    forget(pool.spawn(once(book)));
    forget(pool.task().spawn(once(book)));
    (0, 0)
}

/// Its threads go on, and so do its tasks.
fn a_pool(size: usize) {
    let book = Book::default();
    let pool = builder(size).build().unwrap();
    let handles: Vec<_> = (0..ITEMS)
        .map(|_| pool.task().delay(MOMENT).spawn(once(&book)))
        .collect();
    let group = pool.group();
    group.spawn(|| Ok::<_, ()>(1));
    forget(pool);
    handles
        .into_iter()
        .for_each(|handle| handle.join().unwrap());
    group.spawn(|| Ok(2));
    assert_eq!(group.wait().unwrap(), [1, 2]);
    book.audit(&[], true);
}
