//! Settings as a value: from a struct, from the environment.

use crate::error::BuildError;
use crate::policy::QueueFull;
use crate::priority::Priority;
use std::ffi::OsString;
use std::time::Duration;

/// Settings for a pool as plain data, to be filled in from a file, from the environment, or by hand.
///
/// What is `None` is left to what comes before or to the default. Given to
/// [`ThreadPoolBuilder::config`](crate::ThreadPoolBuilder::config) it counts less than the environment (where
/// the builder is told to [look there](crate::ThreadPoolBuilder::from_env)), and that less than what the
/// builder says itself.
///
/// ```
/// use windrow::{Config, ThreadPoolBuilder};
///
/// let config = Config { num_threads: Some(3), thread_name: Some("crunch".into()), ..Config::default() };
/// let pool = ThreadPoolBuilder::new().config(config.clone()).build()?;
/// assert_eq!(pool.current_num_threads(), 3);
///
/// let pool = ThreadPoolBuilder::new().config(config).num_threads(1).build()?;
/// assert_eq!(pool.current_num_threads(), 1);
/// # Ok::<(), windrow::BuildError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// [`num_threads`](crate::ThreadPoolBuilder::num_threads); `WINDROW_NUM_THREADS`.
    pub num_threads: Option<usize>,
    /// [`spare_threads`](crate::ThreadPoolBuilder::spare_threads); `WINDROW_SPARE_THREADS`.
    pub spare_threads: Option<usize>,
    /// [`stack_size`](crate::ThreadPoolBuilder::stack_size), in bytes; `WINDROW_STACK_SIZE`.
    pub stack_size: Option<usize>,
    /// What the threads' names begin with: `name-0`, `name-1`, ...; `WINDROW_THREAD_NAME`.
    pub thread_name: Option<String>,
    /// [`priority`](crate::ThreadPoolBuilder::priority); `WINDROW_PRIORITY`: `high`, `normal` or `low`.
    pub priority: Option<Priority>,
    /// [`queue_capacity`](crate::ThreadPoolBuilder::queue_capacity); 0 for none;
    /// `WINDROW_QUEUE_CAPACITY`.
    pub queue_capacity: Option<usize>,
    /// [`queue_full`](crate::ThreadPoolBuilder::queue_full); `WINDROW_QUEUE_FULL`: `block`, `refuse`,
    /// `caller-runs`, or a number of milliseconds to block for.
    pub queue_full: Option<QueueFull>,
    /// [`grace_period`](crate::ThreadPoolBuilder::grace_period); `WINDROW_GRACE_PERIOD`, in milliseconds.
    pub grace_period: Option<Duration>,
}

impl Config {
    /// What the environment says: the variables `WINDROW_*` that the fields name. One that is not set, or is
    /// empty, leaves its field `None`.
    ///
    /// # Errors
    /// [`BuildError::Environment`], which names the variable, its value and what is wrong with it.
    ///
    /// ```
    /// use windrow::{Config, ThreadPool};
    ///
    /// let mut config = Config::from_env()?;
    /// config.num_threads.get_or_insert(2); // where the environment does not say
    /// let pool = ThreadPool::builder().config(config).build()?;
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn from_env() -> Result<Self, BuildError> {
        Self::from_env_besides(&Config::default())
    }

    /// What the environment says about the fields that `own` leaves open. The others' variables may have
    /// any value.
    pub(crate) fn from_env_besides(own: &Config) -> Result<Self, BuildError> {
        Self::from_lookup(own, |variable| std::env::var_os(variable))
    }

    fn from_lookup(
        own: &Config,
        lookup: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, BuildError> {
        let read = |variable: &'static str, is_set: bool| -> Variable {
            if is_set {
                return None;
            }
            let value = lookup(variable)?.to_string_lossy().trim().to_owned();
            (!value.is_empty()).then_some((variable, value))
        };
        Ok(Self {
            num_threads: threads(read("WINDROW_NUM_THREADS", own.num_threads.is_some()))?,
            spare_threads: number(
                read("WINDROW_SPARE_THREADS", own.spare_threads.is_some()),
                "not a whole number of threads",
            )?,
            stack_size: number(
                read("WINDROW_STACK_SIZE", own.stack_size.is_some()),
                "not a whole number of bytes",
            )?,
            thread_name: read("WINDROW_THREAD_NAME", own.thread_name.is_some())
                .map(|(_, value)| value),
            priority: parse(
                read("WINDROW_PRIORITY", own.priority.is_some()),
                "not one of high, normal, low",
                |value| match value {
                    "high" => Some(Priority::High),
                    "normal" => Some(Priority::Normal),
                    "low" => Some(Priority::Low),
                    _ => None,
                },
            )?,
            queue_capacity: number(
                read("WINDROW_QUEUE_CAPACITY", own.queue_capacity.is_some()),
                "not a whole number of tasks",
            )?,
            queue_full: parse(
                read("WINDROW_QUEUE_FULL", own.queue_full.is_some()),
                "not one of block, refuse, caller-runs, or a number of milliseconds",
                |value| match value {
                    "block" => Some(QueueFull::Block),
                    "refuse" => Some(QueueFull::Refuse),
                    "caller-runs" => Some(QueueFull::CallerRuns),
                    millis => {
                        let millis = millis.parse().ok()?;
                        Some(QueueFull::BlockFor(Duration::from_millis(millis)))
                    }
                },
            )?,
            grace_period: number(
                read("WINDROW_GRACE_PERIOD", own.grace_period.is_some()),
                "not a whole number of milliseconds",
            )?
            .map(|millis: u64| Duration::from_millis(millis)),
        })
    }

    /// The fields of `self`, and where they are `None` those of `fallback`.
    ///
    /// ```
    /// use windrow::Config;
    ///
    /// let mut own = Config::default();
    /// own.num_threads = Some(2);
    /// let mut usual = Config::default();
    /// usual.num_threads = Some(8);
    /// assert_eq!(own.or(usual).num_threads, Some(2));
    /// ```
    #[must_use]
    pub fn or(self, fallback: Config) -> Config {
        Config {
            num_threads: self.num_threads.or(fallback.num_threads),
            spare_threads: self.spare_threads.or(fallback.spare_threads),
            stack_size: self.stack_size.or(fallback.stack_size),
            thread_name: self.thread_name.or(fallback.thread_name),
            priority: self.priority.or(fallback.priority),
            queue_capacity: self.queue_capacity.or(fallback.queue_capacity),
            queue_full: self.queue_full.or(fallback.queue_full),
            grace_period: self.grace_period.or(fallback.grace_period),
        }
    }
}

type Variable = Option<(&'static str, String)>;

fn parse<T>(
    variable: Variable,
    reason: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, BuildError> {
    let Some((variable, value)) = variable else {
        return Ok(None);
    };
    match parse(&value) {
        Some(parsed) => Ok(Some(parsed)),
        None => Err(BuildError::Environment {
            variable,
            value,
            reason,
        }),
    }
}

fn number<T: std::str::FromStr>(
    variable: Variable,
    reason: &'static str,
) -> Result<Option<T>, BuildError> {
    parse(variable, reason, |value| value.parse().ok())
}

fn threads(variable: Variable) -> Result<Option<usize>, BuildError> {
    match variable {
        Some((variable, value)) if value.parse() == Ok(0usize) => Err(BuildError::Environment {
            variable,
            value,
            reason: "a pool needs at least one thread",
        }),
        variable => number(variable, "not a whole number of threads"),
    }
}

#[cfg(all(test, not(any(loom, windrow_shuttle))))]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<Config, BuildError> {
        Config::from_lookup(&Config::default(), |wanted| {
            let found = variables.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn each_variable_fills_its_field() {
        let config = with(&[
            ("WINDROW_NUM_THREADS", " 3 "),
            ("WINDROW_SPARE_THREADS", "0"),
            ("WINDROW_STACK_SIZE", "65536"),
            ("WINDROW_THREAD_NAME", "crunch"),
            ("WINDROW_PRIORITY", "low"),
            ("WINDROW_QUEUE_CAPACITY", "100"),
            ("WINDROW_QUEUE_FULL", "250"),
            ("WINDROW_GRACE_PERIOD", "1500"),
        ]);
        let expected = Config {
            num_threads: Some(3),
            spare_threads: Some(0),
            stack_size: Some(65536),
            thread_name: Some("crunch".into()),
            priority: Some(Priority::Low),
            queue_capacity: Some(100),
            queue_full: Some(QueueFull::BlockFor(Duration::from_millis(250))),
            grace_period: Some(Duration::from_millis(1500)),
        };
        assert_eq!(config.unwrap(), expected);
        assert_eq!(
            with(&[("WINDROW_NUM_THREADS", "")]).unwrap(),
            Config::default()
        );
    }

    #[test]
    fn a_wrong_value_is_an_error_that_names_the_variable() {
        for (variable, value, reason) in [
            (
                "WINDROW_NUM_THREADS",
                "0",
                "a pool needs at least one thread",
            ),
            ("WINDROW_NUM_THREADS", "-1", "not a whole number of threads"),
            (
                "WINDROW_NUM_THREADS",
                "99999999999999999999",
                "not a whole number of threads",
            ),
            ("WINDROW_PRIORITY", "urgent", "not one of high, normal, low"),
            (
                "WINDROW_GRACE_PERIOD",
                "1s",
                "not a whole number of milliseconds",
            ),
            (
                "WINDROW_QUEUE_FULL",
                "drop",
                "not one of block, refuse, caller-runs, or a number of milliseconds",
            ),
        ] {
            let error = with(&[(variable, value)]).unwrap_err().to_string();
            let expected = format!("the environment variable {variable} is {value:?}: {reason}");
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn what_is_set_wins_over_what_it_falls_back_to() {
        let own = with(&[("WINDROW_NUM_THREADS", "3")]).unwrap();
        let other = with(&[("WINDROW_NUM_THREADS", "5"), ("WINDROW_STACK_SIZE", "1")]).unwrap();
        let both = own.or(other);
        assert_eq!((both.num_threads, both.stack_size), (Some(3), Some(1)));
    }
}
