#!/usr/bin/env bash
# Planted mutants: breaks the protocols one ordering, one wake, one re-check at a time and shows that the
# loom model named for it fails, or, in the last part, the program of `tests/shuttle`. A check that no mutant can
# fail is not one.
#
#     tests/mutants.sh [PATTERN]     only the mutants whose description matches the extended regex
#     MUTANTS_EVERY=4 tests/mutants.sh     only every fourth row, as the checks do; all take a quarter of an hour
#
# Works on a copy; the tree is left alone. Exit status 1 if a mutant survives, does not compile, or
# names a text that is not there exactly once.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
only=${1:-}
limit=${MUTANT_TIMEOUT:-120}
every=${MUTANTS_EVERY:-1}
row=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

targets=${CARGO_TARGET_DIR:-$root/target/mutants}
export LOOM_MAX_PREEMPTIONS=${LOOM_MAX_PREEMPTIONS:-3}
# All programs share them, and each is run alone here: a hundred thousand for a mutant to be caught in.
export SHUTTLE_SCHEDULES=${SHUTTLE_SCHEDULES:-10000000}
export RUST_BACKTRACE=0
# Most of a mutant is as before.
export CARGO_INCREMENTAL=1

mkdir "$work/tree"
tar -C "$root" --exclude=./target --exclude=./.git -cf - . | tar -C "$work/tree" -xf -
cd "$work/tree"

failures=0
planted=0

# by CHECKER FILTER CARGO_ARGUMENTS...: what checks the rows from here on; what the filter names passes as things are
by() {
    export CARGO_TARGET_DIR=$targets/$1
    export RUSTFLAGS="--cfg $1 --cap-lints allow"
    passing=$2
    target=("${@:3}")
    unchanged=yes
}

build() {
    cargo test --release "${target[@]}" --no-run >"$work/build.log" 2>&1
}

# Before the first mutant: the checks build, and all of them pass, unless only some mutants are asked for.
check_unchanged() {
    unchanged=
    if ! build; then
        cat "$work/build.log" >&2
        exit 1
    fi
    local few=$((SHUTTLE_SCHEDULES / 10))
    if [ -z "$only" ] && ! SHUTTLE_SCHEDULES=$few cargo test --release "${target[@]}" "$passing" >"$work/run.log" 2>&1; then
        cat "$work/run.log" >&2
        echo "the checks fail without any mutant" >&2
        exit 1
    fi
}

# What made a failing model fail, from its output.
cause() {
    case $1 in
    124 | 137) echo "timeout" && return ;;
    esac
    local told
    told=$(grep -v -e '^thread' -e '^note:' -e '^running' -e '^test ' -e '^ *$' -e 'backtrace' "$work/run.log" |
        grep -m 1 -i -e 'deadlock' -e 'causality' -e 'exceeded' -e 'index out of bounds' -e 'assertion' \
            -e 'unreachable' -e 'signal' -e 'panicked' || true)
    [ -n "$told" ] || told=$(grep -A 1 -m 1 'panicked at' "$work/run.log" | tail -n 1)
    echo "${told:-exit status $1}" | cut -c 1-60
}

report() {
    printf '%-62s | %-47s | %s\n' "$1" "$2" "$3"
}

# mutant DESCRIPTION FILE CHECK FIND REPLACE
mutant() {
    local what=$1 file=$2 model=$3 status=0
    if [ -n "$only" ] && ! grep -qE "$only" <<<"$what"; then
        return
    fi
    row=$((row + 1))
    if ((row % every != 0)); then
        return
    fi
    planted=$((planted + 1))
    [ -z "$unchanged" ] || check_unchanged
    cp "$file" "$work/original"
    if ! FIND=$4 REPLACE=$5 perl -0777 -i -pe '
        my ($find, $replace) = @ENV{qw(FIND REPLACE)};
        my $found = () = /\Q$find\E/g;
        die "found $found times\n" if $found != 1;
        s/\Q$find\E/$replace/;
    ' "$file" 2>"$work/perl.log"; then
        cp "$work/original" "$file"
        report "$what" "$(head -n 1 "$work/perl.log")" "NOT FOUND"
        failures=$((failures + 1))
        return
    fi
    if ! build; then
        report "$what" "$(grep -m 1 '^error' "$work/build.log" || true)" "DOES NOT COMPILE"
        failures=$((failures + 1))
    else
        timeout "$limit" cargo test --release "${target[@]}" -- --exact "$model" >"$work/run.log" 2>&1 || status=$?
        if [ "$status" -eq 0 ]; then
            report "$what" "${model##*::}" "SURVIVED"
            failures=$((failures + 1))
        else
            report "$what" "${model##*::}" "caught: $(cause "$status")"
        fi
    fi
    # With a new date, so that cargo compiles it again.
    cat "$work/original" >"$file"
}

report "mutant" "caught by" "verdict"
report "------" "---------" "-------"

by loom model --lib

# The latch

mutant "latch: set publishes nothing" src/latch.rs \
    task::model::latch::latch_wakes_and_is_left_alone \
    '.swap(SET, Ordering::AcqRel)' \
    '.swap(SET, Ordering::Acquire)'
mutant "latch: set looks at the latch again" src/latch.rs \
    task::model::latch::latch_wakes_and_is_left_alone \
    'if old != UNSET && old != SET {' \
    'if unsafe { &*this }.is_set() && old != UNSET && old != SET {'
mutant "latch: register sees SET without acquiring" src/latch.rs \
    task::model::latch::latch_wakes_and_is_left_alone \
    '.compare_exchange(UNSET, address, Ordering::Release, Ordering::Acquire)' \
    '.compare_exchange(UNSET, address, Ordering::Release, Ordering::Relaxed)'
mutant "latch: unregister sees SET without acquiring" src/latch.rs \
    task::model::latch::latch_registration_can_be_taken_back \
    'let found = self.word.load(Ordering::Acquire);' \
    'let found = self.word.load(Ordering::Relaxed);'
mutant "latch: unregister leaks the parker" src/latch.rs \
    task::model::latch::latch_registration_can_be_taken_back \
    'if address != UNSET {' \
    'if address == SET {'

# The parker

mutant "parker: unpark does not pass through the lock" src/park.rs \
    task::model::latch::parker_loses_no_token \
    'let place = self
                .lock
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();' \
    'let place = None::<Seat>;'
mutant "parker: unpark publishes nothing" src/park.rs \
    task::model::latch::parker_hands_over_in_turn \
    'self.state.swap(NOTIFIED, Ordering::Release)' \
    'self.state.swap(NOTIFIED, Ordering::Relaxed)'
mutant "parker: the token is taken without acquiring" src/park.rs \
    task::model::latch::parker_hands_over_in_turn \
    '.compare_exchange(NOTIFIED, EMPTY, Ordering::Acquire, Ordering::Relaxed)' \
    '.compare_exchange(NOTIFIED, EMPTY, Ordering::Relaxed, Ordering::Relaxed)'
mutant "parker: a token that meets the lock is left behind" src/park.rs \
    task::model::latch::parker_hands_over_in_turn \
    'let taken = self.take_token();
            debug_assert!(taken, "only the owner parks");' ''

# The claim word

mutant "state: pop takes the short way beside a handle" src/task/state.rs \
    task::model::claim::claim_by_popper_or_joiner \
    'if word == QUEUED {' \
    'if word & CLAIMED == 0 {'
mutant "state: a claim does not ask for other claims" src/task/state.rs \
    task::model::claim::claim_by_popper_or_joiner \
    'if word & CLAIMED != 0 {
                return false;' \
    'if word & CLAIMED != 0 && word == 0 {
                return false;'
mutant "state: complete publishes nothing" src/task/state.rs \
    task::model::claim::claim_by_popper_wakes_the_waiter \
    '(word & FLAGS) | DONE,
                Ordering::AcqRel,' \
    '(word & FLAGS) | DONE,
                Ordering::Acquire,'
mutant "state: complete drops the waiter instead of waking it" src/task/state.rs \
    task::model::claim::claim_by_popper_wakes_the_waiter \
    'Ok(old) => return Completed::HandedOver(take_parker(old)),' \
    'Ok(old) => { drop(take_parker(old)); return Completed::HandedOver(None); }'
mutant "state: complete overwrites what a handle has just done" src/task/state.rs \
    task::model::claim::claim_by_popper_wakes_the_waiter \
    'match self.0.compare_exchange_weak(
                word,
                (word & FLAGS) | DONE,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {' \
    'self.0.store((word & FLAGS) | DONE, Ordering::Release);
            match Ok::<usize, usize>(word) {'
mutant "state: dropping a handle publishes nothing" src/task/state.rs \
    task::model::claim::claim_by_popper_and_handle_dropped \
    'word & !HANDLE,
                Ordering::AcqRel,' \
    'word & !HANDLE,
                Ordering::Acquire,'
mutant "state: the last stale entry frees nothing" src/task/state.rs \
    task::model::claim::claim_by_popper_or_joiner \
    '} else if word & (DONE | HANDLE) == DONE {' \
    '} else if word & (DONE | HANDLE) == 0 {'
mutant "state: the handle of a done task lets go without release" src/task/state.rs \
    task::model::claim::claim_by_popper_or_joiner \
    'self.0.fetch_and(!HANDLE, Ordering::AcqRel)' \
    'self.0.fetch_and(!HANDLE, Ordering::Acquire)'
mutant "state: an entry is let go while an outsider runs the task" src/task/state.rs \
    task::model::claim::claim_from_outside_keeps_the_entry \
    '} else if word & (FOREIGN | DONE) == FOREIGN {' \
    '} else if word & (FOREIGN | DONE) == FOREIGN | DONE | HANDLE {'
mutant "state: a registration that comes too late leaks" src/task/state.rs \
    task::model::claim::claim_by_popper_wakes_the_waiter \
    'drop(take_parker(address));' \
    'std::mem::forget(take_parker(address));'
mutant "state: unregister forgets the parker" src/task/state.rs \
    task::model::claim::claim_wait_times_out \
    'drop(take_parker(old));
                    return false;' \
    'std::mem::forget(take_parker(old));
                    return false;'
mutant "heap: a child is uncounted before its outcome is dropped" src/task/heap.rs \
    task::model::claim::claim_is_counted_until_nothing_is_left \
    'let waiter: Option<Arc<Parker>> = unsafe { body::settle(task, body, outcome, env.sink) };' \
    'if !counter.is_null() { unsafe { Counter::complete(counter, env.here) }; }
        let counter: *const Counter = std::ptr::null();
        let waiter: Option<Arc<Parker>> = unsafe { body::settle(task, body, outcome, env.sink) };'

# The counter

mutant "counter: complete sets the latch although nobody waits" src/task/counter.rs \
    task::model::counter::counter_can_be_polled \
    'if old == ONE | WAITING {' \
    'if old & WAITING == 0 || old == ONE | WAITING {'
mutant "counter: complete publishes nothing" src/task/counter.rs \
    task::model::counter::counter_can_be_polled \
    '.fetch_sub(ONE, Ordering::AcqRel);' \
    '.fetch_sub(ONE, Ordering::Acquire);'
mutant "counter: is_done does not acquire" src/task/counter.rs \
    task::model::counter::counter_can_be_polled \
    'let shared = self.shared.load(Ordering::Acquire);' \
    'let shared = self.shared.load(Ordering::Relaxed);'
mutant "counter: unregister leaves before the latch is set" src/task/counter.rs \
    task::model::counter::counter_leaves_only_through_the_latch \
    'while !self.latch.is_set() {' \
    'while false {'
mutant "counter: unregister leaves the latch registered" src/task/counter.rs \
    task::model::counter::counter_wait_is_resumed_for_a_child_of_its_own \
    'let set = self.latch.unregister();
        debug_assert!(!set, "the latch is set only when the sum is zero");' ''
mutant "counter: the waiting bit comes before the registration" src/task/counter.rs \
    task::model::counter::counter_hears_of_the_last_child \
    'let registered = self.latch.register(parker);
        debug_assert_eq!(
            registered,
            Registration::Registered,
            "the latch is reset by resume"
        );
        let local = self.local.replace(0);
        let sum = self
            .shared
            .fetch_add(local * ONE + WAITING, Ordering::AcqRel)
            + local * ONE;' \
    'let local = self.local.replace(0);
        let sum = self
            .shared
            .fetch_add(local * ONE + WAITING, Ordering::AcqRel)
            + local * ONE;
        let _ = self.latch.register(parker);'
mutant "counter: register does not notice that all are done" src/task/counter.rs \
    task::model::counter::counter_hears_of_the_last_child \
    'if sum == 0 {' \
    'if sum == 0 && local == isize::MAX {'

# Promotion and steal-back

mutant "forks: the owner takes a promoted job for a private one" src/scheduler/forks.rs \
    scheduler::model::forks::forks_one_thief \
    'self.bottom.get() <= slot' \
    'self.bottom.get() <= slot + 1'
mutant "forks: reclaim takes whatever is newest" src/scheduler/forks.rs \
    scheduler::model::forks::forks_the_newer_is_stolen \
    'Some((at, Some(entry))) if entry.slot == slot => {' \
    'Some((at, Some(_))) => {'
mutant "forks: reclaim does not lower the bottom" src/scheduler/forks.rs \
    scheduler::model::forks::forks_after_a_steal \
    'self.bottom.set(slot);' ''
mutant "forks: a thief leaves the job on the board" src/scheduler/forks.rs \
    scheduler::model::forks::forks_one_thief \
    'let taken = jobs.remove(at);' \
    'let taken = jobs.entries[at].expect("within the length");'
mutant "forks: a theft asks for nothing more" src/scheduler/forks.rs \
    scheduler::model::forks::forks_a_theft_asks_for_more \
    'self.limit.store(0, Ordering::Relaxed);
        Some(taken)' \
    'Some(taken)'
mutant "forks: a theft leaves the board's levels" src/scheduler/forks.rs \
    scheduler::model::forks::forks_one_thief \
    'let taken = jobs.remove(at);
        self.board.publish_levels(&jobs);' \
    'let taken = jobs.remove(at);'

# Sleep

mutant "model: a publisher without its fence" src/scheduler/model/idle.rs \
    scheduler::model::idle::sleep_one_worker \
    'fence(Ordering::SeqCst);' ''
mutant "idle: a sleeper without its fence" src/scheduler/idle.rs \
    scheduler::model::idle::sleep_one_worker \
    '// Announced; now the fence and the second look.
        fence(Ordering::SeqCst);' ''
mutant "idle: a sleeper takes no second look" src/scheduler/idle.rs \
    scheduler::model::idle::sleep_one_worker \
    'if view.wanted(counts, polled || !counts.lingering()) {' \
    'if false {'
mutant "idle: a sleeper looks before it announces itself" src/scheduler/idle.rs \
    scheduler::model::idle::sleep_one_worker \
    'let mut lingering = self.lie_down(bed, searching);' \
    'if view.wanted(Counts::of(0), true) {
            if !searching { self.change(SEARCHING); }
            return Slept::Searching;
        }
        let mut lingering = self.lie_down(bed, searching);
        if !self.is_closing() {
            bed.parker.park();
        }'
mutant "idle: a searcher goes to bed and stays counted" src/scheduler/idle.rs \
    scheduler::model::idle::sleep_one_worker \
    'delta = delta.wrapping_sub(SEARCHING);' ''
mutant "idle: the sleeper is taken off the list but not woken" src/scheduler/idle.rs \
    scheduler::model::idle::sleep_one_worker \
    'drop(roster);
            bed.parker.unpark();' \
    'drop(roster);'
mutant "idle: the last searcher looks again without a fence" src/scheduler/idle.rs \
    scheduler::model::idle::sleep_searcher_wakes_its_successor \
    'if last {
            fence(Ordering::SeqCst);
        }' ''
mutant "idle: the last searcher wakes no successor" src/scheduler/idle.rs \
    scheduler::model::idle::sleep_searcher_wakes_its_successor \
    '        last
    }' \
    '        false
    }'
mutant "idle: a lender without its fence" src/scheduler/idle.rs \
    scheduler::model::idle::lend_to_a_spare \
    'drop(roster);
        fence(Ordering::SeqCst);
        stalled' \
    'drop(roster);
        stalled'
mutant "idle: a lender stays counted as active" src/scheduler/idle.rs \
    scheduler::model::idle::lend_to_a_spare \
    'self.change(slot.wrapping_neg());' ''
mutant "idle: the waiters of a stalled pool are not woken" src/scheduler/idle.rs \
    scheduler::model::idle::lend_in_a_stalled_pool \
    'if new && counts.active() == 0 {' \
    'if new && counts.active() == usize::MAX {'
mutant "idle: a lender is not told that the pool is stalled" src/scheduler/idle.rs \
    scheduler::model::idle::lend_in_a_stalled_pool \
    'let stalled = self.stalls(&roster);' \
    'let stalled = false;'

mutant "idle: the waiter that stalls the pool does not tell the others" src/scheduler/idle.rs \
    scheduler::model::idle::lend_and_stall_the_other_waiter \
    'for waiter in roster.waiters.iter().filter(|w| !Arc::ptr_eq(w, own)) {
            waiter.unpark_stalled();
        }' ''
mutant "idle: no waiter hears that a thread could not be started" src/scheduler/idle.rs \
    scheduler::model::idle::lend_and_no_thread_can_be_started \
    'let relied_on = self.stop_searching();
        for waiter in &roster.waiters {
            waiter.unpark_stalled();
        }' \
    'let relied_on = self.stop_searching();'
mutant "idle: what was left to a thread that did not start is forgotten" src/scheduler/idle.rs \
    scheduler::model::idle::lend_and_come_back_before_a_start_fails \
    'let relied_on = self.stop_searching();' \
    'let relied_on = self.stop_searching() && false;'
mutant "idle: a sleeper that was relied on leaves without a word" src/scheduler/presence.rs \
    scheduler::model::idle::lend_while_a_worker_leaves \
    'if self.stalls(&roster) {' \
    'if false {'
mutant "parker: a stall wakes the waiter without telling it why" src/park.rs \
    scheduler::model::idle::lend_in_a_stalled_pool \
    'self.stalled.store(true, Ordering::Release);' ''

mutant "parker: news of a stall is taken without acquiring" src/park.rs \
    scheduler::model::idle::lend_and_no_thread_can_be_started \
    'self.stalled.swap(false, Ordering::Acquire)' \
    'self.stalled.swap(false, Ordering::Relaxed)'

# The end

mutant "close: the last to go to bed does not end the pool" src/scheduler/idle.rs \
    scheduler::model::idle::close_against_a_guest_that_spawns \
    'if self.is_closing() && self.end_if_settled(view) {' \
    'if false && self.end_if_settled(view) {'
mutant "close: the last guest does not end the pool" src/scheduler/presence.rs \
    scheduler::model::idle::close_against_a_guest_that_spawns \
    'self.visits.fetch_sub(1, Ordering::Release);
        fence(Ordering::SeqCst);
        if self.is_closing() {
            self.end_if_settled(view);
        }' \
    'self.visits.fetch_sub(1, Ordering::Release);'
mutant "close: the pool ends around a guest" src/scheduler/presence.rs \
    scheduler::model::idle::close_against_a_guest_that_spawns \
    ' && self.guests_inside() == 0' ''
mutant "close: the pool ends beside work" src/scheduler/presence.rs \
    scheduler::model::idle::close_against_a_guest_that_spawns \
    ' && view.settled()' ''
mutant "close: the sleepers are not told" src/scheduler/presence.rs \
    scheduler::model::idle::close_against_a_guest_that_spawns \
    'for bed in roster.sleepers.drain(..) {
            bed.parker.unpark();
        }' \
    'roster.sleepers.clear();'
mutant "close: who gets up does not ask whether the pool has ended" src/scheduler/idle.rs \
    scheduler::model::idle::sleep_two_workers \
    'if self.is_terminated() {
            return Slept::Terminated;
        }
        if bed' \
    'if bed'
mutant "end: whoever ends the pool looks without a fence" src/scheduler/presence.rs \
    scheduler::model::presence::end_against_a_visit \
    'fence(Ordering::SeqCst);
        let settled =' \
    'let settled ='
mutant "end: a visitor looks without a fence" src/scheduler/presence.rs \
    scheduler::model::presence::end_against_a_visit \
    'fence(Ordering::SeqCst);
    }

    pub(crate) fn end_visit' \
    '}

    pub(crate) fn end_visit'
mutant "end: a guest comes in without a fence" src/scheduler/presence.rs \
    scheduler::model::presence::end_against_a_guest \
    'fence(Ordering::SeqCst);
        if self.is_closing() {
            // Somebody' \
    'if self.is_closing() {
            // Somebody'
mutant "end: a guest comes in while somebody ends the pool" src/scheduler/presence.rs \
    scheduler::model::presence::end_against_a_guest \
    'drop(self.roster.lock());' ''
mutant "end: a visitor leaves without a fence" src/scheduler/presence.rs \
    scheduler::model::presence::end_against_a_visit \
    'self.visits.fetch_sub(1, Ordering::Release);
        fence(Ordering::SeqCst);' \
    'self.visits.fetch_sub(1, Ordering::Release);'
mutant "end: a visitor that is turned away stays counted" src/scheduler/presence.rs \
    scheduler::model::presence::end_against_a_visit \
    'if !open {
            self.end_visit(view);
        }' ''
mutant "end: nobody looks after a task has ended elsewhere" src/scheduler/presence.rs \
    scheduler::model::presence::end_against_a_submission \
    'self.changed.notify();
        if self.is_closing() {
            self.end_if_settled(view);
        }' \
    'self.changed.notify();'
mutant "model: a submitter does not look again" src/scheduler/model/registry.rs \
    scheduler::model::presence::end_against_a_submission \
    'if self.idle.is_closing() && self.claim_as(FOREIGN) {' \
    'if false && self.claim_as(FOREIGN) {'
mutant "model: who takes a task back does not look after it" src/scheduler/model/registry.rs \
    scheduler::model::presence::end_against_a_submission \
    'self.idle.look_after(&**self);
            return false;' \
    'return false;'
mutant "end: a thread goes without telling the gate" src/scheduler/presence.rs \
    scheduler::model::presence::end_is_heard_of_at_the_gate \
    'self.roster.lock().dismiss(index);
        self.changed.notify();' \
    'self.roster.lock().dismiss(index);'
mutant "end: a pool ends and somebody lingers" src/scheduler/presence.rs \
    scheduler::model::presence::end_of_a_worker_that_lingers \
    'if roster.lingerer.take().is_some() {' \
    'if roster.lingerer.take().is_some() && false {'
mutant "idle: a worker is woken and lingers on" src/scheduler/idle.rs \
    scheduler::model::presence::end_of_a_worker_that_lingers \
    'delta = delta.wrapping_sub(LINGERING);' ''
mutant "end: a pool ends and its sleepers stay counted" src/scheduler/presence.rs \
    scheduler::model::presence::end_of_a_worker_that_lingers \
    'let mut delta = (roster.sleepers.len() as u64 * SLEEPING).wrapping_neg();' \
    'let mut delta = 0u64;'

# Pauses and sizes

mutant "pause: resuming leaves the bit" src/scheduler/presence.rs \
    scheduler::model::presence::pause_and_resume \
    'self.word.fetch_and(!PAUSED, Ordering::Relaxed);' ''
mutant "pause: a paused pool has room" src/scheduler/idle.rs \
    scheduler::model::presence::pause_and_resume \
    'busy < self.size() && !counts.paused()' \
    'busy < self.size()'
mutant "resize: a worker leaves its mail" src/scheduler/presence.rs \
    scheduler::model::presence::resize_leaves_no_letter_behind \
    '|| !view.may_leave()' ''
mutant "resize: a worker leaves although it has been woken" src/scheduler/presence.rs \
    scheduler::model::presence::resize_shrinks_beside_work \
    '!bed.asleep.load(Ordering::Relaxed)
            || self.is_terminated()' \
    'self.is_terminated()'
mutant "resize: a worker leaves and stays on the list" src/scheduler/presence.rs \
    scheduler::model::presence::resize_shrinks_beside_work \
    'roster.sleepers.retain(|b| !Arc::ptr_eq(b, bed));' ''
mutant "resize: a worker leaves and lingers on" src/scheduler/presence.rs \
    scheduler::model::presence::resize_leaves_no_letter_behind \
    'if roster.lingerer.take_if(|l| Arc::ptr_eq(l, bed)).is_some() {' \
    'if roster.lingerer.take_if(|l| Arc::ptr_eq(l, bed)).is_some() && false {'
mutant "resize: who sleeps is not told to leave" src/scheduler/presence.rs \
    scheduler::model::presence::resize_leaves_no_letter_behind \
    'for bed in &roster.sleepers {
            bed.parker.unpark();
        }
        Some(start)' \
    'Some(start)'
mutant "resize: a worker comes back uncounted" src/scheduler/presence.rs \
    scheduler::model::presence::resize_grows_while_a_worker_leaves \
    'if rejoins {
                self.change(ACTIVE + SEARCHING);
            }' ''
mutant "resize: a new worker is not counted" src/scheduler/presence.rs \
    scheduler::model::presence::resize_grows_while_a_worker_leaves \
    'self.change(start.len() as u64 * (ACTIVE + SEARCHING));' ''
mutant "resize: a pool counts on a spare that has not begun" src/scheduler/presence.rs \
    scheduler::model::presence::resize_counts_on_no_spare_that_fails \
    'if roster.is_starting_below(size) {' 'if false {'
mutant "resize: a pool ends before who leaves it is gone" src/scheduler/presence.rs \
    scheduler::model::presence::resize_grows_before_the_end \
    'self.visits.fetch_add(1, Ordering::Relaxed);
        if self.stalls(&roster) {' \
    'self.visits.fetch_add(1 << 32, Ordering::Relaxed);
        if self.stalls(&roster) {'
mutant "roster: a worker comes back without its seat" src/scheduler/roster.rs \
    scheduler::model::presence::resize_grows_while_a_worker_leaves \
    'if back {
            self.take(index, Seat::Taken);' \
    'if back {
            self.seats[index] = Seat::Taken;'
mutant "roster: who leaves stays counted" src/scheduler/roster.rs \
    scheduler::model::presence::resize_leaves_no_letter_behind \
    'self.seats[index] = Seat::Leaving;
            self.set_threads(self.threads - 1);' \
    'self.seats[index] = Seat::Leaving;'

# The gate

mutant "gate: a notifier without its fence" src/gate.rs \
    gate::model::gate_waiter_misses_no_change \
    'fence(Ordering::SeqCst);
        self.notify_fenced();' \
    'self.notify_fenced();'
mutant "gate: a waiter without its fence" src/gate.rs \
    gate::model::gate_waiter_misses_no_change \
    'fence(Ordering::SeqCst);
        let is_done' \
    'let is_done'
mutant "gate: a waiter is not counted" src/gate.rs \
    gate::model::gate_waiter_misses_no_change \
    'self.waiting.fetch_add(1, Ordering::Relaxed);' ''
mutant "gate: only one waiter is woken" src/gate.rs \
    gate::model::gate_two_waiters \
    'self.parkers.lock().iter()' \
    'self.parkers.lock().iter().take(1)'
mutant "gate: a token is taken for the condition" src/gate.rs \
    gate::model::gate_waiter_needs_two_changes \
    'None => parker.park(),' \
    'None => { parker.park(); break true; }'
mutant "gate: who leaves takes another one off the list" src/gate.rs \
    gate::model::gate_one_waiter_leaves_before_the_other \
    '.position(|p| Arc::ptr_eq(p, &parker))' \
    '.position(|_| true)'

# Phases

mutant "phase: a settled task is run" src/task/phase.rs \
    task::model::phase::phase_cancel_or_claim \
    'DOOMED => (Some(OVER | SETTLED), Claim::Retire),' \
    'DOOMED => (Some(CLAIMED), Claim::Run),'
mutant "phase: a settled task is retired by each of its dispatches" src/task/phase.rs \
    task::model::phase::phase_two_dispatches \
    'DOOMED => (Some(OVER | SETTLED), Claim::Retire),' \
    'DOOMED => (None, Claim::Retire),'
mutant "phase: a claimed task stays queued" src/task/phase.rs \
    task::model::phase::phase_two_dispatches \
    'QUEUED => (Some(CLAIMED), Claim::Run),' \
    'QUEUED => (None, Claim::Run),'
mutant "phase: a waiting task is settled and waits on" src/task/phase.rs \
    task::model::phase::phase_cancel_or_timer \
    'WAITING => (Some(QUEUED | SETTLED), Early::SettleAndQueue),' \
    'WAITING => (Some(WAITING | SETTLED), Early::SettleAndQueue),'
mutant "phase: a waiting task is settled and not queued" src/task/phase.rs \
    task::model::phase::phase_cancel_or_timer \
    'WAITING => (Some(QUEUED | SETTLED), Early::SettleAndQueue),' \
    'WAITING => (Some(QUEUED | SETTLED), Early::Settle),'
mutant "phase: a queued task is settled in secret" src/task/phase.rs \
    task::model::phase::phase_cancel_or_claim \
    'QUEUED => (Some(QUEUED | SETTLED), Early::Settle),' \
    'QUEUED => (Some(QUEUED), Early::Settle),'
mutant "phase: a running task expires in secret" src/task/phase.rs \
    task::model::phase::phase_expire_or_finish \
    'RUNNING if running_too => (Some(RUNNING | SETTLED), Early::Running),' \
    'RUNNING if running_too => (None, Early::Running),'
mutant "phase: a running task is settled by who cancels it" src/task/phase.rs \
    task::model::phase::phase_cancel_or_claim \
    'RUNNING => (None, Early::Running),' \
    'RUNNING => (Some(RUNNING | SETTLED), Early::Running),'
mutant "phase: a late attempt waits for another one" src/task/phase.rs \
    task::model::phase::phase_expire_or_postpone \
    '(Some(OVER | SETTLED), Verdict::Late)' \
    '(Some(to), Verdict::Late)'
mutant "phase: a waiter runs a settled task" src/task/phase.rs \
    task::model::phase::phase_in_place_or_claim_or_cancel \
    'match word {
            QUEUED => (Some(CLAIMED), true),' \
    'match word & PHASE {
            QUEUED => (Some(CLAIMED), true),'
mutant "phase: a settled task is evicted" src/task/phase.rs \
    task::model::phase::phase_evict_or_claim_or_cancel \
    'match word {
            WAITING | QUEUED => (Some(CLAIMED), true),' \
    'match word & PHASE {
            WAITING | QUEUED => (Some(CLAIMED), true),'
mutant "phase: a claimed task is settled in secret" src/task/phase.rs \
    task::model::phase::phase_cancel_or_claim \
    'CLAIMED => (Some(CLAIMED | SETTLED), Early::Settle),' \
    'CLAIMED => (None, Early::Settle),'
mutant "phase: a settled attempt begins" src/task/phase.rs \
    task::model::phase::phase_cancel_or_claim \
    '            if word & SETTLED == 0 {
                (Some(RUNNING), true)' \
    '            if word & SETTLED <= SETTLED {
                (Some(RUNNING), true)'
mutant "phase: an evicted task stays in the queue" src/task/phase.rs \
    task::model::phase::phase_evict_or_claim_or_cancel \
    'WAITING | QUEUED => (Some(CLAIMED), true),' \
    'WAITING | QUEUED => (None, true),'
mutant "phase: a postponed task counts as queued" src/task/phase.rs \
    task::model::phase::phase_cancel_or_postpone \
    'self.leave(WAITING)' \
    'self.leave(QUEUED)'
mutant "phase: a change publishes nothing" src/task/phase.rs \
    task::model::phase::phase_hands_the_body_on \
    '.compare_exchange_weak(word, wanted, Ordering::AcqRel, Ordering::Acquire)' \
    '.compare_exchange_weak(word, wanted, Ordering::Acquire, Ordering::Acquire)'
mutant "model: a runner that postpones does not look at its token" src/task/model/life.rs \
    task::model::phase::phase_cancel_or_postpone \
    '// Whoever cancelled while it ran has left it to the runner.
        if self.token.is_cancelled() {' \
    'if false {'

# Cancelling a plain task

mutant "state: a claim from outside does not say so" src/task/state.rs \
    task::model::cancel::claim_cancelled_from_outside \
    'let bits = CLAIMED | if foreign { FOREIGN } else { 0 };' \
    'let bits = CLAIMED | if foreign { 0 } else { 0 };'
mutant "state: a kept entry frees nothing" src/task/state.rs \
    task::model::cancel::claim_cancelled_from_outside \
    'if old & HANDLE == 0 {' \
    'if old & HANDLE == 0 && old & DONE == 0 {'
mutant "queues: a foreign entry is let go before its task is done" src/scheduler/queues.rs \
    task::model::cancel::claim_cancelled_from_outside \
    'if kept[at].is_done() {' \
    'if true {'
mutant "queues: a foreign entry is forgotten" src/scheduler/queues.rs \
    task::model::cancel::claim_cancelled_from_outside \
    'kept.swap_remove(at).release();' \
    'drop(kept.swap_remove(at));'
mutant "heap: a cancelled closure is forgotten" src/task/heap.rs \
    task::model::cancel::claim_cancelled_from_outside \
    'return unwind::drop_quietly(closure);' \
    'std::mem::forget(closure);
            return None;'

# When a pool is at rest

mutant "ledger: lives are read after what was submitted" src/scheduler/ledger.rs \
    scheduler::model::rest::model_rest_late_task_submits_before_it_is_gone \
    'self.lives() <= resting && ended + resting as u64 >= sums().submitted();' \
    'ended + resting as u64 >= sums().submitted() && self.lives() <= resting;'

# The inbox of a run, and sheaves

mutant "inbox: items are put without Release" src/task/inbox.rs \
    task::model::inbox::model_inbox_gets_everything_and_may_go_then \
    'item.as_ptr().expose_provenance(),
                Ordering::AcqRel,' \
    'item.as_ptr().expose_provenance(),
                Ordering::Relaxed,'
mutant "inbox: items are taken without Acquire" src/task/inbox.rs \
    task::model::inbox::model_inbox_gets_everything_and_may_go_then \
    'self.word.swap(0, Ordering::Acquire)' \
    'self.word.swap(0, Ordering::Relaxed)'
mutant "inbox: whoever brings an item wakes nobody" src/task/inbox.rs \
    task::model::inbox::model_inbox_gets_everything_and_may_go_then \
    '        // The inbox may be gone.
        wake(old);' \
    '        drop(take_parker(old));'
mutant "inbox: a parker is not news, but taken for a list" src/task/inbox.rs \
    task::model::inbox::model_inbox_gets_everything_and_may_go_then \
    'let next = if old & PARKED != 0 || old == RUNG {' \
    'let next = if old == RUNG {'
mutant "inbox: a ring beside items publishes nothing" src/task/inbox.rs \
    task::model::inbox::model_inbox_hears_a_ring_beside_an_item \
    '                    Ordering::Release,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => return,' \
    '                    Ordering::Relaxed,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => return,'
mutant "inbox: a ring wakes nobody" src/task/inbox.rs \
    task::model::inbox::model_inbox_hears_a_ring_beside_an_item \
    '                Err(found) => old = found,
            }
        }
        wake(old);
    }

    /// Owner, before it looks around' \
    '                Err(found) => old = found,
            }
        }
        drop(take_parker(old));
    }

    /// Owner, before it looks around'
mutant "inbox: a ring is heard after the look" src/task/inbox.rs \
    task::model::inbox::model_inbox_hears_a_ring_beside_an_item \
    'let word = self.word.load(Ordering::Relaxed);
        !self.first.get().is_null() || word != 0 && word & PARKED == 0' \
    'self.hear();
        let word = self.word.load(Ordering::Relaxed);
        !self.first.get().is_null() || word != 0 && word & PARKED == 0'
mutant "inbox: who stops waiting forgets what came" src/task/inbox.rs \
    task::model::inbox::model_inbox_gets_everything_and_may_go_then \
    'self.word.swap(0, Ordering::Acquire);' \
    'self.word.swap(0, Ordering::Acquire) & RUNG;'
mutant "gathered: a cancelled task does not come back" src/task/gathered.rs \
    task::model::inbox::model_inbox_task_comes_back_run_or_not \
    'unsafe { slot.write(Slot::Forfeited(panic.map(Box::new))) };
        // SAFETY: the claimant has it.
        unsafe { Self::put(task, how, env) };' \
    'unsafe { slot.write(Slot::Forfeited(panic.map(Box::new))) };
        let _ = (how, env);'
mutant "sheaf: a task that came too late counts" src/task/sheaf.rs \
    task::model::sheaf::model_sheaf_grows_while_it_is_closed \
    'if tasks.len.fetch_add(1, Ordering::Release) & CLOSED == 0 {' \
    'if tasks.len.fetch_add(1, Ordering::Release) & CLOSED != usize::MAX {'
mutant "sheaf: it is not closed before it is cut" src/task/sheaf.rs \
    task::model::sheaf::model_sheaf_grows_while_it_is_closed \
    'sheaf.tasks.len.fetch_or(CLOSED, Ordering::Acquire);' \
    'sheaf.tasks.len.load(Ordering::Acquire);'
mutant "sheaf: what is cut is noted after the entry is back" src/task/sheaf.rs \
    task::model::sheaf::model_sheaf_is_cut_by_two \
    '    sheaf.cut.set(cut.end);
    if cut.end < total {
        sheaf.item.header.state.requeue();
        barn.requeue(Entry::new(task));
    }' \
    '    if cut.end < total {
        sheaf.item.header.state.requeue();
        barn.requeue(Entry::new(task));
    }
    sheaf.cut.set(cut.end);'
mutant "sheaf: the last does not hear of the others" src/task/sheaf.rs \
    task::model::sheaf::model_sheaf_is_cut_by_two \
    'sheaf.done.fetch_add(tasks, Ordering::AcqRel)' \
    'sheaf.done.fetch_add(tasks, Ordering::Relaxed)'

mutant "share: the thief leaves what it takes" src/par/plumbing/share.rs \
    par::plumbing::model::model_share_each_step_is_taken_once \
    'if self.change(word, pack(lo, mid)).is_ok()' \
    'if self.change(word, pack(lo, hi)).is_ok()'
mutant "share: the owner takes without a comparison" src/par/plumbing/share.rs \
    par::plumbing::model::model_share_each_step_is_taken_once \
    'match self.change(pack(lo, hi), pack(next, hi)) {' \
    'self.word.store(pack(next, hi), Ordering::Relaxed);
        match Ok::<(), ()>(()) {'
mutant "share: the thief takes without a comparison" src/par/plumbing/share.rs \
    par::plumbing::model::model_share_each_step_is_taken_once \
    'if self.change(word, pack(lo, mid)).is_ok() {' \
    'self.word.store(pack(lo, mid), Ordering::Relaxed);
            if true {'
mutant "share: closing leaves the rest" src/par/plumbing/share.rs \
    par::plumbing::model::model_share_closing_leaves_nothing_to_two \
    'if self.change(word, pack(hi, hi)).is_ok()' \
    'if self.change(word, pack(lo, hi)).is_ok()'
mutant "share: closing does not look again" src/par/plumbing/share.rs \
    par::plumbing::model::model_share_closing_leaves_nothing_to_two \
    'if self.change(word, pack(hi, hi)).is_ok() {' \
    'self.word.store(pack(hi, hi), Ordering::Relaxed);
            if true {'
mutant "share: a theft goes unnoticed" src/par/plumbing/share.rs \
    par::plumbing::model::model_share_a_theft_is_noticed \
    'if hi != self.len {' \
    'if hi > self.len {'

# The whole pool

by windrow_shuttle "" --test shuttle

mutant "pool: a sleeper does not look again" src/scheduler/idle.rs \
    a_result_comes_back_to_a_thread_outside \
    'if view.wanted(counts, polled || !counts.lingering()) {' \
    'if false && view.wanted(counts, polled || !counts.lingering()) {'
mutant "pool: who is taken off the list is not woken" src/scheduler/idle.rs \
    a_result_comes_back_to_a_thread_outside \
    'drop(roster);
            bed.parker.unpark();' \
    'drop(roster);'
mutant "pool: who is woken is not counted" src/scheduler/idle.rs \
    a_task_blocks_unseen_on_a_later_one \
    'let mut delta = (ACTIVE + SEARCHING).wrapping_sub(SLEEPING);' \
    'let mut delta = SEARCHING.wrapping_sub(SLEEPING);'
mutant "pool: who stops searching stays counted" src/scheduler/idle.rs \
    a_task_blocks_unseen_on_a_later_one \
    'self.word.fetch_sub(SEARCHING, Ordering::Relaxed)' \
    'self.word.load(Ordering::Relaxed)'
mutant "pool: the last searcher wakes no successor" src/scheduler/worker.rs \
    a_task_blocks_unseen_on_a_later_one \
    'if registry.idle.stop_searching() {' \
    'if registry.idle.stop_searching() && false {'
mutant "pool: what comes from outside is not announced" src/scheduler/registry.rs \
    two_threads_submit \
    'let wake = self.announce(level, Kind::Task);' \
    'let wake = Wake::Nobody;'
mutant "pool: who lends wakes nobody" src/scheduler/blocking.rs \
    a_task_blocks_on_a_later_one \
    'place.hand_slot_on(stalled, &loan.parker);' \
    'let _ = stalled;'
mutant "pool: the end wakes nobody" src/scheduler/presence.rs \
    a_pool_without_work_ends \
    'for bed in roster.sleepers.drain(..) {
            bed.parker.unpark();' \
    'for bed in roster.sleepers.drain(..) {
            drop(bed);'
mutant "pool: it ends beside work" src/scheduler/presence.rs \
    a_pool_is_dropped_with_tasks_in_its_queue \
    'self.guests_inside() == 0 && view.settled();' \
    'self.guests_inside() == 0;'
mutant "pool: it ends while somebody works" src/scheduler/presence.rs \
    tasks_spawn_tasks_while_the_pool_ends \
    'roster.sleepers.len() == roster.threads && self.guests' \
    'self.guests'
mutant "pool: who submits does not look again whether it is closed" src/pool/submit.rs \
    a_task_is_accepted_or_refused_by_a_closing_pool \
    'if closed() {
        // See the module' \
    'if false {
        // See the module'
mutant "pool: a full queue has room in secret" src/scheduler/ledger.rs \
    a_full_queue_makes_room \
    'self.taken.fetch_sub(1, Ordering::Relaxed);
        self.room.notify();' \
    'self.taken.fetch_sub(1, Ordering::Relaxed);'
mutant "forks: a job that is gone is taken back" src/scheduler/forks.rs \
    nested_joins_add_up \
    '_ => Reclaimed::Stolen,' \
    '_ => Reclaimed::Ours,'
mutant "forks: the thief leaves what it takes" src/scheduler/forks.rs \
    nested_joins_add_up \
    'let taken = jobs.remove(at);
        self.board' \
    'let taken = jobs.entries[at]?;
        self.board'
mutant "latch: set wakes nobody" src/latch.rs \
    nested_joins_add_up \
    'unsafe { Arc::from_raw(old as *const Parker) }.unpark();' \
    'drop(unsafe { Arc::from_raw(old as *const Parker) });'
mutant "counter: a child is uncounted twice" src/task/counter.rs \
    a_scope_counts_all_its_children \
    '.fetch_sub(ONE, Ordering::AcqRel)' \
    '.fetch_sub(ONE * 2, Ordering::AcqRel)'
mutant "pool: what it is given after its end stays" src/life/begin.rs \
    a_delayed_task_is_run_by_who_waits_for_it \
    'registry.sweep();' ''
mutant "pool: who runs the last task further out tells nobody" src/scheduler/wait.rs \
    a_worker_runs_the_last_task_of_its_pool_from_inside_another \
    'place.at(|| place.run(work));
                place.tell_if_idle();' \
    'place.at(|| place.run(work));'
mutant "pool: what was given back counts as one of its tasks" src/life/run.rs \
    what_was_given_back_runs_the_last_task \
    'if returned {
            // The pool' \
    'if false {
            // The pool'
mutant "mail: a letter wakes nobody" src/scheduler/start.rs \
    a_broadcast_reaches_each_worker \
    'self.idle.wake_everybody();' ''

echo
echo "$planted planted, $((planted - failures)) caught"
[ "$failures" -eq 0 ]
