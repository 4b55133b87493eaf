//! Whole pools under shuttle, which runs each program in very many schedules: half of them random, half of them with
//! priorities that change at random places (PCT). Compiles to nothing without `--cfg windrow_shuttle`.
//!
//! `SHUTTLE_SCHEDULES` says how many there are in all. A schedule that fails is written to a file, whose name is
//! printed; `SHUTTLE_REPLAY` with that name runs it again.
#![cfg(windrow_shuttle)]

mod checker;
mod forks;
mod gathers;
mod groups;
mod handles;
mod life;
mod loops;
mod nested;
mod races;
mod scopes;
mod support;
mod timed;
mod waits;

macro_rules! programs {
    ($($module:ident: $($name:ident),* $(,)?;)*) => {
        /// How many share the schedules.
        const PROGRAMS: usize = [$($(stringify!($name)),*),*].len();

        $($(
            #[test]
            fn $name() {
                checker::check(stringify!($name), $module::$name);
            }
        )*)*
    };
}

programs! {
    forks:
        nested_joins_add_up,
        joins_of_a_worker_and_a_guest_add_up,
        a_panic_of_the_forked_side_comes_back,
        a_panic_of_the_own_side_comes_back_after_the_other,
        joins_within_spawned_tasks_add_up;
    scopes:
        a_scope_counts_all_its_children,
        children_spawn_children,
        a_scope_on_a_worker_counts_its_children,
        a_panic_of_a_child_comes_back,
        two_scopes_share_one_worker;
    handles:
        a_result_comes_back_to_a_thread_outside,
        a_result_is_asked_for_until_it_is_there,
        a_result_comes_back_to_another_task,
        a_task_is_cancelled_or_runs,
        a_task_is_cancelled_from_inside_or_runs,
        a_handle_is_dropped_while_its_task_runs,
        a_wait_with_a_timeout_gives_the_handle_back,
        install_returns_what_the_worker_made,
        tasks_of_all_levels_run_once,
        two_threads_submit;
    life:
        a_pool_is_dropped_with_tasks_in_its_queue,
        a_pool_without_work_ends,
        tasks_spawn_tasks_while_the_pool_ends,
        a_task_is_accepted_or_refused_by_a_closing_pool,
        a_pool_is_shut_down_by_two,
        a_task_that_a_thread_outside_runs_is_waited_for,
        shutdown_now_takes_back_or_leaves,
        a_pool_is_dropped_by_its_own_worker,
        a_pool_that_is_idle_has_run_everything,
        a_paused_pool_runs_nothing_until_it_resumes,
        a_pool_grows_while_it_works,
        a_pool_grows_over_a_spare_that_starts,
        a_pool_shrinks_while_it_works,
        a_pool_is_resized_to_and_fro,
        a_full_queue_makes_room,
        a_delayed_task_runs;
    groups:
        a_group_fails_fast,
        a_group_hands_its_results_on,
        a_token_cancels_or_comes_too_late,
        tasks_with_a_timeout_end_in_one_way,
        handlers_get_all_results,
        a_limiter_bounds_what_runs;
    waits:
        a_wait_group_hears_of_all,
        a_wait_group_is_waited_for_by_the_only_worker,
        a_broadcast_reaches_each_worker,
        a_broadcast_from_a_worker_reaches_each_worker,
        a_broadcast_joins_the_last_task,
        a_broadcast_joins_the_last_task_with_options,
        a_broadcast_yields_to_the_last_task,
        a_worker_runs_the_last_task_of_its_pool_from_inside_another,
        what_was_given_back_runs_the_last_task,
        the_body_of_a_scope_joins_the_last_task,
        a_broadcast_is_not_run_within_a_wait_for_something_else,
        workers_wait_for_each_others_tasks,
        a_task_blocks_on_a_later_one,
        a_task_blocks_unseen_on_a_later_one,
        tasks_of_a_batch_block_unseen_on_each_other;
    loops:
        a_loop_adds_up,
        a_loop_in_a_worker_adds_up,
        a_loop_that_finds_stops,
        a_loop_collects_in_order;
    gathers:
        what_is_combined_arrives_once,
        an_error_of_a_handler_ends_the_run,
        a_panic_of_a_scattered_task_comes_back,
        two_runs_share_a_limiter,
        few_are_outstanding_at_a_time,
        the_only_worker_gathers,
        results_are_iterated_over,
        a_group_of_limited_width_is_dropped,
        a_group_is_cancelled_beside_its_tasks,
        a_group_waits_inside_of_the_only_worker;
    nested:
        a_worker_waits_in_another_pool,
        a_scope_on_another_pool_calls_back,
        three_workers_share_a_tree,
        forks_within_a_scope_within_a_fork,
        a_forked_side_is_taken_from_a_task_that_blocks,
        a_waiter_runs_its_own_while_it_waits,
        a_yielding_task_runs_what_its_scope_has,
        four_sides_run_once;
    races:
        spawning_beside_shutdown_now,
        shutdown_now_beside_tasks_that_spawn,
        shutdown_now_tells_who_waits_for_idleness,
        shutdown_now_of_an_ended_pool_beside_a_scope,
        pausing_beside_shutdown,
        a_guest_asks_for_a_worker_beside_shutdown,
        resizing_beside_shutdown,
        resizing_beside_resizing,
        shrinking_beside_a_broadcast,
        a_broadcast_beside_shutdown,
        a_scope_beside_a_pause,
        tasks_in_a_paused_pool_beside_the_end_of_the_pause,
        two_fill_a_queue_with_one_place,
        a_full_queue_beside_shutdown,
        waiting_for_idleness_beside_the_end,
        handlers_of_threads_are_called_in_pairs;
    timed:
        a_task_is_tried_again,
        a_retried_task_is_cancelled,
        a_retried_task_beside_shutdown_now,
        a_period_is_stopped,
        a_period_ends_with_its_pool,
        a_delayed_task_is_cancelled_or_runs,
        a_delayed_task_is_run_by_who_waits_for_it,
        a_delayed_task_beside_shutdown_now,
        a_token_of_two_tasks_is_cancelled_by_a_third,
        what_panics_late_tells_its_handle,
        a_rate_holds_tasks_back_and_lets_them_go,
        a_task_is_cancelled_as_its_limit_lets_it_go;
}
