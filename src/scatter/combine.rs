//! Ready-made [combiners](crate::Combiner): each function here returns a factory for
//! [`Run::combiner`](crate::Run::combiner).

use crate::scatter::combiner::{Combiner, Emit};
use crate::sync::Arc;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;

/// Folds inputs into a value of each instance, which is emitted at a flush, when a new one is begun.
///
/// ```
/// let total = windrow::gather(0, |run| {
///     let sums = run.combiner(
///         windrow::combine::fold(|| 0, |sum, n: u64| *sum += n),
///         |total, _, sum| *total += sum,
///     );
///     for n in 0..1000 {
///         run.scatter_into(move || n, &sums);
///     }
/// });
/// assert_eq!(total, 499_500);
/// ```
pub fn fold<A, T, I, F>(init: I, f: F) -> impl Fn() -> Fold<A, T, I, F> + Send + Sync
where
    I: Fn() -> A + Send + Sync,
    F: Fn(&mut A, T) + Send + Sync,
    A: Send,
    T: Send,
{
    let shared = Arc::new((init, f));
    move || Fold {
        value: None,
        shared: Arc::clone(&shared),
        input: PhantomData,
    }
}

/// See [`fold`].
pub struct Fold<A, T, I, F> {
    value: Option<A>,
    shared: Arc<(I, F)>,
    input: PhantomData<fn(T)>,
}

impl<A, T, I, F> Combiner for Fold<A, T, I, F>
where
    I: Fn() -> A + Send + Sync,
    F: Fn(&mut A, T) + Send + Sync,
    A: Send,
    T: Send,
{
    type Input = T;
    type Output = A;

    fn combine(&mut self, input: T, _: &mut Emit<'_, A>) {
        let (init, f) = &*self.shared;
        f(self.value.get_or_insert_with(init), input);
    }

    fn flush(&mut self, emit: &mut Emit<'_, A>) {
        if let Some(value) = self.value.take() {
            emit.emit(value);
        }
    }
}

impl<A, T, I, F> fmt::Debug for Fold<A, T, I, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fold").finish_non_exhaustive()
    }
}

/// Counts equal inputs. Emits a pair for each: the input and how often it came, since the flush before.
///
/// ```
/// use std::collections::BTreeMap;
///
/// let counts = windrow::gather(BTreeMap::new(), |run| {
///     let letters = run.combiner(windrow::combine::count(), |counts, _, (letter, n)| {
///         *counts.entry(letter).or_insert(0) += n;
///     });
///     for letter in "hello".chars() {
///         run.scatter_into(move || letter, &letters);
///     }
/// });
/// assert_eq!(counts, BTreeMap::from([('e', 1), ('h', 1), ('l', 2), ('o', 1)]));
/// ```
pub fn count<K>() -> impl Fn() -> Count<K> + Send + Sync
where
    K: Hash + Eq + Send,
{
    || Count(HashMap::new())
}

/// See [`count`].
#[derive(Clone, Debug)]
pub struct Count<K>(HashMap<K, u64>);

impl<K: Hash + Eq + Send> Combiner for Count<K> {
    type Input = K;
    type Output = (K, u64);

    fn combine(&mut self, input: K, _: &mut Emit<'_, Self::Output>) {
        *self.0.entry(input).or_insert(0) += 1;
    }

    fn flush(&mut self, emit: &mut Emit<'_, Self::Output>) {
        self.0.drain().for_each(|pair| emit.emit(pair));
    }
}

/// Groups inputs by a key. Emits each key with the inputs that had it, since the flush before.
///
/// ```
/// use std::collections::BTreeMap;
///
/// let groups = windrow::gather(BTreeMap::<_, Vec<u32>>::new(), |run| {
///     let by_parity = run.combiner(
///         windrow::combine::group_by(|n: &u32| n % 2),
///         |groups, _, (parity, members)| groups.entry(parity).or_default().extend(members),
///     );
///     for n in 0..6 {
///         run.scatter_into(move || n, &by_parity);
///     }
/// });
/// assert_eq!(groups[&0].iter().sum::<u32>(), 6);
/// assert_eq!(groups[&1].len(), 3);
/// ```
pub fn group_by<K, T, F>(key: F) -> impl Fn() -> GroupBy<K, T, F> + Send + Sync
where
    K: Hash + Eq + Send,
    T: Send,
    F: Fn(&T) -> K + Send + Sync,
{
    let key = Arc::new(key);
    move || GroupBy {
        groups: HashMap::new(),
        key: Arc::clone(&key),
    }
}

/// See [`group_by`].
pub struct GroupBy<K, T, F> {
    groups: HashMap<K, Vec<T>>,
    key: Arc<F>,
}

impl<K, T, F> Combiner for GroupBy<K, T, F>
where
    K: Hash + Eq + Send,
    T: Send,
    F: Fn(&T) -> K + Send + Sync,
{
    type Input = T;
    type Output = (K, Vec<T>);

    fn combine(&mut self, input: T, _: &mut Emit<'_, Self::Output>) {
        let key = (self.key)(&input);
        self.groups.entry(key).or_default().push(input);
    }

    fn flush(&mut self, emit: &mut Emit<'_, Self::Output>) {
        self.groups.drain().for_each(|group| emit.emit(group));
    }
}

impl<K, T, F> fmt::Debug for GroupBy<K, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupBy").finish_non_exhaustive()
    }
}

/// Puts inputs together: emits so many at a time, and what is left at a flush. A size of 0 counts as 1.
///
/// ```
/// let sizes = windrow::gather(Vec::new(), |run| {
///     let batches = run
///         .combiner(windrow::combine::batch(4), |sizes, _, batch| sizes.push(batch.len()))
///         .max_instances(1);
///     for n in 0..10 {
///         run.scatter_into(move || n, &batches);
///     }
/// });
/// assert_eq!(sizes, [4, 4, 2]);
/// ```
pub fn batch<T: Send>(size: usize) -> impl Fn() -> Batch<T> + Send + Sync {
    let size = size.max(1);
    move || Batch {
        size,
        items: Vec::new(),
    }
}

/// See [`batch`].
#[derive(Clone, Debug)]
pub struct Batch<T> {
    size: usize,
    items: Vec<T>,
}

impl<T: Send> Combiner for Batch<T> {
    type Input = T;
    type Output = Vec<T>;

    fn combine(&mut self, input: T, emit: &mut Emit<'_, Vec<T>>) {
        self.items.push(input);
        if self.items.len() >= self.size {
            self.flush(emit);
        }
    }

    fn flush(&mut self, emit: &mut Emit<'_, Vec<T>>) {
        if !self.items.is_empty() {
            emit.emit(std::mem::take(&mut self.items));
        }
    }
}
