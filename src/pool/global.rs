//! The global pool: built once, at the first use of a free function outside of every pool.

use crate::error::BuildError;
use crate::pool::{ThreadPool, ThreadPoolBuilder};
use crate::sync::{OnceLock, StaticMutex};

static GLOBAL: OnceLock<ThreadPool> = OnceLock::new();
/// Taken while it is being built, so that two builders do not both start threads.
static BUILDING: StaticMutex<()> = StaticMutex::new(());

/// Builds the global pool; the builder looks into the environment.
pub(crate) fn build(builder: ThreadPoolBuilder) -> Result<(), BuildError> {
    let _one_at_a_time = BUILDING.lock();
    if GLOBAL.get().is_some() {
        return Err(BuildError::GlobalAlreadyBuilt);
    }
    let pool = builder.build()?;
    let filled = GLOBAL.set(pool);
    debug_assert!(filled.is_ok(), "only set under the lock");
    Ok(())
}

#[inline]
pub(crate) fn get() -> &'static ThreadPool {
    GLOBAL.get().unwrap_or_else(|| build_default())
}

#[cold]
fn build_default() -> &'static ThreadPool {
    let built = build(ThreadPoolBuilder::new().from_env());
    match (GLOBAL.get(), built) {
        (Some(pool), _) => pool,
        (None, Err(error)) => panic!("windrow's global pool could not be built: {error}"),
        (None, Ok(())) => unreachable!("it has just been built"),
    }
}
