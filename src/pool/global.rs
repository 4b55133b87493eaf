//! The global pool: built once, at the first use of a free function outside of every pool.

use crate::error::BuildError;
use crate::pool::{ThreadPool, ThreadPoolBuilder};
use crate::sync::{OnceLock, StaticMutex};

const NUM_THREADS: &str = "WINDROW_NUM_THREADS";

static GLOBAL: OnceLock<ThreadPool> = OnceLock::new();
/// Taken while it is being built, so that two builders do not both start threads.
static BUILDING: StaticMutex<()> = StaticMutex::new(());

/// Builds the global pool; the environment fills in what the builder leaves open.
pub(crate) fn build(builder: ThreadPoolBuilder) -> Result<(), BuildError> {
    let _one_at_a_time = BUILDING.lock();
    if GLOBAL.get().is_some() {
        return Err(BuildError::GlobalAlreadyBuilt);
    }
    let pool = if builder.has_num_threads() {
        builder.build()?
    } else if let Some(num_threads) = from_environment()? {
        builder.num_threads(num_threads).build()?
    } else {
        builder.build()?
    };
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
    let built = build(ThreadPoolBuilder::new());
    match (GLOBAL.get(), built) {
        (Some(pool), _) => pool,
        (None, Err(error)) => panic!("windrow's global pool could not be built: {error}"),
        (None, Ok(())) => unreachable!("it has just been built"),
    }
}

fn from_environment() -> Result<Option<usize>, BuildError> {
    let Some(value) = std::env::var_os(NUM_THREADS) else {
        return Ok(None);
    };
    let value = value.to_string_lossy().into_owned();
    match value.trim().parse() {
        Ok(0) => Err(BuildError::Environment {
            variable: NUM_THREADS,
            value,
            reason: "a pool needs at least one thread",
        }),
        Ok(num_threads) => Ok(Some(num_threads)),
        Err(_) => Err(BuildError::Environment {
            variable: NUM_THREADS,
            value,
            reason: "not a whole number of threads",
        }),
    }
}
