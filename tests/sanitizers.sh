#!/usr/bin/env bash
# The tests under the compiler's sanitizers, and an error planted for each to show that it sees it.
#
#     tests/sanitizers.sh             all of:
#     tests/sanitizers.sh address     uses after free, returned stack frames and leaks, over the suite
#     tests/sanitizers.sh thread      data races, over the endurance tests
#     tests/sanitizers.sh planted     a use after free, a leak and a data race, which have to be reported
#
# Needs x86-64 Linux, the nightly toolchain, bash and perl. On two processors that takes most of an hour, of which most
# goes into the build of `it`. Tasks get their memory from the allocator here, as recycled blocks would hide what becomes
# of them.
#
# Not run:
# * `alloc` counts allocations, and recycled blocks are what it counts on.
# * `fork`: the child has one thread of many, and the sanitizers' own threads and locks are not made for that.
# * `thread_start` limits the address space, of which they reserve terabytes.
# * `rayon_programs`: each method of loops once, twice the time of all the rest to build; the modules `loops_*` of `it`
#   do the same with more threads.
# * Documentation's programs: each is linked by itself, and none does what the others do not.
# * Under the thread sanitizer, all but `stress` and `accounting`: it is slow, and these two do everything from many threads.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
what=${1:-all}
builds=$root/target
host=x86_64-unknown-linux-gnu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

export ASAN_OPTIONS=detect_stack_use_after_return=1:detect_leaks=1
export LSAN_OPTIONS=suppressions=$root/tests/lsan.supp:print_suppressions=0
# Standard library's code is not instrumented: see the file for what that hides from it.
export TSAN_OPTIONS=suppressions=$root/tests/tsan.supp:history_size=4:print_suppressions=0
export RUST_BACKTRACE=0

# with SANITIZER CARGO-ARGUMENTS...
with() {
    local flags="-Zsanitizer=$1 --cfg windrow_system_alloc" folder=asan
    if [ "$1" = thread ]; then
        flags="-Zsanitizer=$1 -Cunsafe-allow-abi-mismatch=sanitizer --cfg windrow_system_alloc" folder=tsan
    fi
    RUSTFLAGS=$flags cargo +nightly test --target "$host" --target-dir "$builds/$folder" "${@:2}"
}

address() {
    with address --lib --test it --test stress --test accounting --test global --test scatter_plans
}

thread() {
    with thread --test stress --test accounting
}

failures=0

# planted DESCRIPTION SANITIZER REPORT FILE FIND REPLACE: in a copy of the tree; the endurance test has to fail with
# the report (an extended regex).
planted() {
    # With builds of its own: cargo would take these for builds of the tree that was copied.
    local builds=$root/target/planted tree=$root/target/planted/tree
    rm -rf "$tree"
    mkdir -p "$tree"
    tar -C "$root" --exclude=./target --exclude=./.git -cf - . | tar -C "$tree" -xf -
    cd "$tree"
    FIND=$5 REPLACE=$6 perl -0777 -i -pe '
        my ($find, $replace) = @ENV{qw(FIND REPLACE)};
        my $found = () = /\Q$find\E/g;
        die "found $found times\n" if $found != 1;
        s/\Q$find\E/$replace/;
    ' "$4"
    # Newer than what was built with the last plant.
    touch "$4"
    local told=missed
    if ! WINDROW_STRESS_SIZE=8 with "$2" --test stress >"$work/planted.log" 2>&1; then
        told=$(grep -m 1 -oE "$3" "$work/planted.log" || echo missed)
    fi
    printf '%-48s | %s\n' "$1" "$told"
    if [ "$told" = missed ]; then
        failures=$((failures + 1))
        tail -n 40 "$work/planted.log" >&2
    fi
    cd "$root"
}

all_planted() {
    planted "the setter of a latch looks at it again" address \
        'AddressSanitizer: (heap|stack)-use-after-[a-z]+' \
        src/latch.rs \
        'if old != UNSET && old != SET {' \
        'for _ in 0..20 { crate::sync::yield_now(); }
        if unsafe { &*this }.is_set() && old != UNSET && old != SET {'
    planted "a task's memory is not given back" address \
        'LeakSanitizer: detected memory leaks' \
        src/task/blocks.rs \
        'None => unsafe { alloc::dealloc(block.as_ptr(), Layout::new::<T>()) },' \
        'None => {}'
    planted "a latch that is set publishes nothing" thread \
        'ThreadSanitizer: data race' \
        src/latch.rs \
        '.swap(SET, Ordering::AcqRel)' \
        '.swap(SET, Ordering::Relaxed)'
    [ "$failures" -eq 0 ]
}

case $what in
all)
    address
    thread
    all_planted
    ;;
address) address ;;
thread) thread ;;
planted) all_planted ;;
*)
    echo "address, thread, planted or nothing" >&2
    exit 2
    ;;
esac
