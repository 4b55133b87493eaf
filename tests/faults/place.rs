//! The same calls from outside of a pool and from one of its tasks.

use windrow::{
    Finish, InPool, JoinHandle, Run, Scope, TaskBuilder, TaskGroup, ThreadPool, gather, join,
    scope, spawn, task,
};

pub(crate) enum Place<'a> {
    Outside(&'a ThreadPool),
    /// On a worker of the pool.
    Inside,
}

impl Place<'_> {
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        match self {
            Place::Outside(pool) => pool.spawn(f),
            Place::Inside => spawn(f),
        }
    }

    pub(crate) fn task(&self) -> TaskBuilder<'static, InPool> {
        match self {
            Place::Outside(pool) => pool.task(),
            Place::Inside => task(),
        }
    }

    pub(crate) fn group<T: Send + 'static, E: Send + 'static>(&self) -> TaskGroup<T, E> {
        match self {
            Place::Outside(pool) => pool.group(),
            Place::Inside => TaskGroup::new(),
        }
    }

    pub(crate) fn scope<'env, T>(
        &self,
        f: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
    ) -> T {
        match self {
            Place::Outside(pool) => pool.scope(f),
            Place::Inside => scope(f),
        }
    }

    pub(crate) fn join<RA: Send, RB: Send>(
        &self,
        a: impl FnOnce() -> RA + Send,
        b: impl FnOnce() -> RB + Send,
    ) -> (RA, RB) {
        match self {
            Place::Outside(pool) => pool.join(a, b),
            Place::Inside => join(a, b),
        }
    }

    pub(crate) fn gather<'env, E, B: Finish<(), E>>(
        &self,
        body: impl FnOnce(&mut Run<'_, 'env, (), E>) -> B,
    ) -> B::Output {
        match self {
            Place::Outside(pool) => pool.gather((), body),
            Place::Inside => gather((), body),
        }
    }
}
