//! Integration tests of windrow, a module a feature. The contract of the design has a module a line. Tests that need a
//! process of their own are next to this directory: `accounting`, `alloc`, `build_drop`, `fork`, `global`, `scatter_plans`,
//! `thread_start`.

mod alone;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[allow(dead_code, reason = "other binaries use the rest")]
mod random;
mod support;
mod virtual_time;
mod watchdog;

mod contract_1_nothing_is_lost;
mod contract_2_panics_are_values;
mod contract_3_a_wait_runs_only_what_it_waits_for;
mod contract_4_every_pool_size_works;
mod contract_5_the_caller_works_too;
mod contract_6_priorities_hold;
mod contract_7_drop_is_graceful;

mod auto_traits;
mod autoscaling;
mod backpressure;
mod backpressure_inside;
mod blocking;
mod broadcast;
mod cancellation;
mod configuration;
mod deadlines;
mod determinism;
mod errors;
mod gather_deadlines;
mod groups;
mod groups_cancelled;
mod groups_ends;
mod groups_limits;
mod handles;
mod huge_durations;
mod identity;
mod install;
mod joins;
mod loops_collected;
mod loops_collections;
mod loops_functions;
mod loops_indexed;
mod loops_indexed_drops;
mod loops_owned_items;
mod loops_ranges;
mod loops_slices;
mod loops_sorts;
mod loops_strings;
mod panic_product;
mod pausing;
mod races;
mod rate_limits;
mod resizing;
mod retries;
mod scatter;
mod scatter_cancelled;
mod scatter_combiners;
mod scatter_each;
mod scatter_ends;
mod scatter_holds;
mod scatter_limiters;
mod scatter_panics;
mod scatter_traps;
mod scopes;
mod shutting_down;
mod shutting_down_now;
mod statistics;
mod task_options;
mod task_reports;
mod thread_locals;
mod tidy;
mod timers;
mod wait_groups;
mod wakeups;
