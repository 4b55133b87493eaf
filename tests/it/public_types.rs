//! What each public type may be used for: sent, shared, printed, cloned, carried past a panic. The compiler checks the
//! tables; a test reads the sources and says which type is in none of them.

use std::cell::Cell;
use std::error::Error;
use std::fmt::Debug;
use std::fs;
use std::hash::Hash;
use std::io;
use std::ops::Range;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::Path;

use crate::tidy::sources;
use windrow::collections::{
    binary_heap, btree_map, btree_set, hash_map, hash_set, linked_list, vec_deque,
};
use windrow::{
    Advice, AnyError, AskFor, AutoscaleError, Autoscaler, AutoscalerHandle, Backoff, BuildError,
    CancelToken, Cancelled, CombinerHandle, CombinerStats, Config, Emit, Every, Histogram, InGroup,
    InPool, InScope, JoinError, JoinHandle, Limit, Limiter, Outcome, PeriodicTask, PolicyError,
    Priority, QueueFull, RateLimit, Refused, RefusedReason, Report, ResizeError, Results, Retry,
    RetryBuilder, Run, RunHandle, RunStats, Scatter, Scope, ScopedJoinHandle, ShutdownError, Stats,
    TaskBuilder, TaskContext, TaskError, TaskGroup, TaskId, TaskInfo, ThreadPool,
    ThreadPoolBuilder, UnstartedTask, Via, WaitGroup,
};
use windrow::{
    array, combine, iter, option, range, range_inclusive, result, slice, str, string, vec,
};

const fn copied<T: Copy + Eq + Debug + Send + Sync + 'static>() {}
const fn keyed<T: Copy + Eq + Hash + Debug + Send + Sync + 'static>() {}
const fn ordered<T: Ord + Copy>() {}
const fn plain<T: Clone + Debug + Send + Sync + 'static>() {}
const fn shared<T: Debug + Send + Sync>() {}
const fn moved<T: Debug + Send>() {}
const fn printed<T: Debug>() {}
const fn error<T: Error + Send + Sync + 'static>() {}
const fn unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}

/// Each line is an assertion about some types, made by the compiler.
macro_rules! each_is {
    ($($what:ident: $($type:ty),* $(,)?;)*) => {
        const _: () = { $($($what::<$type>();)*)* };
    };
}

/// Compiles only if the type is not `$what`: otherwise the compiler cannot tell which of two impls is meant.
macro_rules! never {
    ($what:ident: $($type:ty),* $(,)?) => {
        const _: () = {
            trait Unless<A> {
                fn known() {}
            }
            struct It;
            impl<T: ?Sized> Unless<()> for T {}
            impl<T: ?Sized + $what> Unless<It> for T {}
            $(let _ = <$type as Unless<_>>::known;)*
        };
    };
}

/// What a handle may carry: sent to its receiver, never shared.
type Unshared = Cell<u32>;
type Bound<'a> = InScope<'a, 'a, 'a>;

each_is! {
    keyed: Advice, Cancelled, Every, Limit, Outcome, Priority, QueueFull, TaskId, iter::Either<u8, u8>;
    ordered: Priority, TaskId, iter::Either<u8, u8>;
    copied: CombinerStats, RunStats, ShutdownError, iter::Interrupted, iter::Progress;
    plain: Backoff, CancelToken, Config, Histogram, Limiter, RateLimit, Report, Retry, RunHandle, Stats, TaskInfo,
        WaitGroup, CombinerHandle<'static, Unshared>, AnyError, AskFor<fn()>, PolicyError;
    // Results are sent to whoever waits, never shared.
    shared: ThreadPool, JoinHandle<Unshared>, ScopedJoinHandle<'static, Unshared>, TaskGroup<Unshared, Unshared>,
        PeriodicTask, AutoscalerHandle, TaskContext<'static>, InPool, InGroup<'static, u8, u8>, Bound<'static>,
        Via<'static, u8>;
    moved: ThreadPoolBuilder, Autoscaler, UnstartedTask, TaskBuilder<'static, InPool>,
        RetryBuilder<'static, InPool, AnyError>, combine::Fold<u8, u8, fn() -> u8, fn(&mut u8, u8)>,
        combine::Count<u8>, combine::GroupBy<u8, u8, fn(&u8) -> u8>, combine::Batch<u8>;
    printed: Scope<'static, 'static>, Run<'static, 'static, u8, u8>, Scatter<'static, u8, u8>,
        Results<'static, 'static, 'static, u8>, Emit<'static, u8>;
    error: AutoscaleError, BuildError, Cancelled, JoinError, PolicyError, RefusedReason, ResizeError, ShutdownError,
        TaskError, TaskError<io::Error>, Refused<fn()>, iter::Interrupted;
    unwind_safe: ThreadPool, JoinHandle<Unshared>, ScopedJoinHandle<'static, Unshared>, Scope<'static, 'static>,
        PeriodicTask, AutoscalerHandle, CancelToken, Limiter, RateLimit, RunHandle, WaitGroup, Backoff, Retry,
        TaskContext<'static>;
}

// A run belongs to one thread; what its tasks share is inside of it.
never!(Send: Run<'static, 'static, u8, u8>, Scatter<'static, u8, u8>, Results<'static, 'static, 'static, u8>);
never!(Sync: Run<'static, 'static, u8, u8>, Scatter<'static, u8, u8>, Results<'static, 'static, 'static, u8>);
// What comes back is shared as far as the closure is.
never!(Sync: Refused<Unshared>);

type B = range::Iter<u32>;
type One = fn(u32) -> u32;
type Two = fn(u32, u32) -> u32;
type Make = fn() -> u32;
type Test = fn(u32) -> bool;
type Look = fn(&u32) -> bool;
type Kept = fn(&mut u32, u32) -> u32;
type Tree = fn(&u32) -> Vec<u32>;

each_is! {
    plain: iter::Cloned<slice::Iter<'static, u8>>, iter::Copied<slice::Iter<'static, u8>>, iter::Inspect<B, fn(&u32)>,
        iter::Map<B, One>, iter::Update<B, fn(&mut u32)>, iter::ExponentialBlocks<B>, iter::UniformBlocks<B>,
        iter::Chain<B, B>, iter::Chunks<B>, iter::FoldChunks<B, Make, Two>, iter::FoldChunksWith<B, u32, Two>,
        iter::Skip<B>, iter::Take<B>, iter::Enumerate<B>, iter::Positions<B, Test>, iter::FlatMap<B, Tree>,
        iter::FlatMapIter<B, Tree>, iter::Flatten<B>, iter::FlattenIter<B>, iter::Fold<B, Make, Two>,
        iter::FoldWith<B, u32, Two>, iter::TryFold<B, Option<u32>, Make, Two>, iter::TryFoldWith<B, Option<u32>, Two>,
        iter::Interleave<B, B>, iter::InterleaveShortest<B, B>, iter::Intersperse<B>, iter::MaxLen<B>,
        iter::MinLen<B>, iter::PanicFuse<B>, iter::SkipAny<B>, iter::SkipAnyWhile<B, Look>, iter::TakeAny<B>,
        iter::TakeAnyWhile<B, Look>, iter::WhileSome<B>, iter::Filter<B, Look>, iter::FilterMap<B, One>,
        iter::MapInit<B, Make, Kept>, iter::MapWith<B, u32, Kept>, iter::Rev<B>, iter::StepBy<B>, iter::Tuned<B>,
        iter::Zip<B, B>, iter::ZipEq<B, B>, iter::IterBridge<Range<u32>>, iter::Split<u32, One>, iter::Empty<u32>,
        iter::MultiZip<(B, B)>, iter::Once<u32>, iter::Repeat<u32>, iter::RepeatN<u32>, iter::WalkTree<u32, Tree>,
        iter::WalkTreePostfix<u32, Tree>, iter::WalkTreePrefix<u32, Tree>;
    // They hold what they count, or a watch.
    shared: iter::WithProgress<B, fn(iter::Progress)>, iter::Interruptible<B>,
        iter::Watched<'static, B>, iter::WithWorkerState<B, Make>, iter::MapWorkerState<B, Make, Kept, u32>,
        iter::Ordered<Range<u32>>, iter::OrderedMap<Range<u32>, One>;
    plain: slice::ArrayWindows<'static, u8, 2>, slice::Chunks<'static, u8>, slice::ChunksExact<'static, u8>,
        slice::RChunks<'static, u8>, slice::RChunksExact<'static, u8>, slice::Windows<'static, u8>,
        slice::Iter<'static, u8>, slice::ChunkBy<'static, u8, Look>, slice::Split<'static, u8, Look>,
        slice::SplitInclusive<'static, u8, Look>;
    // They give what others must not have.
    shared: slice::ChunksExactMut<'static, u8>, slice::ChunksMut<'static, u8>, slice::RChunksMut<'static, u8>,
        slice::RChunksExactMut<'static, u8>, slice::IterMut<'static, u8>, slice::ChunkByMut<'static, u8, Look>,
        slice::SplitMut<'static, u8, Look>, slice::SplitInclusiveMut<'static, u8, Look>;
    plain: str::Lines<'static>, str::Split<'static, char>, str::SplitAsciiWhitespace<'static>,
        str::SplitInclusive<'static, char>, str::SplitTerminator<'static, char>, str::SplitWhitespace<'static>,
        str::Bytes<'static>, str::CharIndices<'static>, str::Chars<'static>, str::EncodeUtf16<'static>,
        str::MatchIndices<'static, char>, str::Matches<'static, char>;
    plain: vec::IntoIter<u8>, array::IntoIter<u8, 2>, option::IntoIter<u8>, option::Iter<'static, u8>,
        result::IntoIter<u8>, result::Iter<'static, u8>, range::Iter<u8>, range_inclusive::Iter<u8>;
    shared: vec::Drain<'static, u8>, string::Drain<'static>, option::IterMut<'static, u8>,
        result::IterMut<'static, u8>;
    plain: binary_heap::IntoIter<u8>, binary_heap::Iter<'static, u8>, btree_map::Iter<'static, u8, u8>,
        btree_set::Iter<'static, u8>, hash_map::Iter<'static, u8, u8>, hash_set::Iter<'static, u8>,
        linked_list::IntoIter<u8>, linked_list::Iter<'static, u8>, vec_deque::IntoIter<u8>,
        vec_deque::Iter<'static, u8>;
    shared: binary_heap::Drain<'static, u8>, btree_map::IntoIter<u8, u8>, btree_map::IterMut<'static, u8, u8>,
        btree_set::IntoIter<u8>, hash_map::IntoIter<u8, u8>, hash_map::IterMut<'static, u8, u8>,
        hash_map::Drain<'static, u8, u8>, hash_set::IntoIter<u8>, hash_set::Drain<'static, u8>,
        linked_list::IterMut<'static, u8>, vec_deque::IterMut<'static, u8>, vec_deque::Drain<'static, u8>;
}

fn source(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The names in the `pub use` items of a text.
fn reexported(text: &str) -> Vec<String> {
    let items = text
        .split("pub use ")
        .skip(1)
        .filter_map(|rest| rest.split(';').next());
    let names = items.flat_map(|item| match item.split_once('{') {
        Some((_, list)) => list.trim_end_matches('}').split(',').collect::<Vec<_>>(),
        None => vec![item.rsplit("::").next().unwrap()],
    });
    names.map(|name| name.trim().to_owned()).collect()
}

/// Whether a text has a name that does not go on, to the left or to the right.
fn has(text: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    text.match_indices(name).any(|(at, _)| {
        let (before, behind) = (&text[..at], &text[at + name.len()..]);
        !before.ends_with(part) && !behind.starts_with(part)
    })
}

/// All public types, as a program of somebody else names them.
fn public_types() -> Vec<String> {
    let mut types = reexported(&source("src/lib.rs"));
    let iterators = reexported(&source("src/par/iter/mod.rs"));
    types.extend(iterators.iter().map(|name| format!("iter::{name}")));
    let combine = source("src/scatter/combine.rs");
    let combiners = combine.split("pub struct ").skip(1);
    types.extend(combiners.map(|rest| format!("combine::{}", rest.split('<').next().unwrap())));
    for module in source("src/par/mod.rs").split("pub mod ").skip(1) {
        let (name, items) = module.split_once(' ').unwrap();
        let items = reexported(items.split("\n}").next().unwrap());
        types.extend(items.iter().map(|item| format!("{name}::{item}")));
    }
    let collections = source("src/par/source/collections/mod.rs");
    for line in collections.lines() {
        let Some(name) = line
            .strip_prefix("pub mod ")
            .map(|l| l.trim_end_matches(';'))
        else {
            continue;
        };
        let text = source(&format!("src/par/source/collections/{name}.rs"));
        let iterators = ["IntoIter", "Iter", "IterMut", "Drain"]
            .iter()
            .filter(|iterator| has(&text, iterator));
        types.extend(iterators.map(|iterator| format!("{name}::{iterator}")));
    }
    let files = sources("src");
    let traits: Vec<&str> = files
        .iter()
        .flat_map(|file| file.text.split("pub trait ").skip(1))
        .filter_map(|rest| rest.split([' ', '<', ':']).next())
        .collect();
    types.retain(|path| {
        let name = path.rsplit("::").next().unwrap();
        name.starts_with(char::is_uppercase) && !traits.contains(&name)
    });
    types
}

#[test]
fn every_public_type_is_in_a_table() {
    let tables = include_str!("public_types.rs");
    let tables = &tables[tables.find("type Unshared").unwrap()..tables.find("fn source").unwrap()];
    let types = public_types();
    assert!(types.len() > 180, "the sources were understood: {types:#?}");
    let missing: Vec<_> = types.iter().filter(|path| !has(tables, path)).collect();
    assert!(missing.is_empty(), "in no table: {missing:#?}");
}
