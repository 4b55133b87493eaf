#!/usr/bin/env bash
# Mutation testing: changes one operator, condition, statement or function of the library after the other, and shows
# that a test fails. All changes are compiled into one program, of which each run turns one on; see
# `tests/mutation/src/plant.rs`.
#
#     tests/mutation.sh [PATH..]     of the library's sources; without any: the scheduler, tasks, latches, scopes, groups
#     tests/mutation.sh --check      whether what has all changes in it compiles, and no more
#
# First the programs of `tests/shuttle` run with each mutant that they reach, then the models, then the unit tests, `tests/it`,
# `fork` and `thread_start` with those that are left. What survives all of them and is not explained in
# `tests/mutation/survivors.tsv` is printed in the end, and the exit status is 1. Works on a copy, below `target/mutation`.
# Takes hours: on two processors ten minutes for `src/group src/latch.rs`, which have a tenth of the mutants.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
only_check=
if [ "${1:-}" = --check ]; then
    only_check=yes
    shift
fi
paths=("$@")
if [ $# = 0 ]; then
    paths=(src/scheduler src/task src/latch.rs src/gate.rs src/park.rs src/scope.rs src/group)
fi
work=$root/target/mutation
tree=$work/tree
export SHUTTLE_RANDOM_SEED=${SHUTTLE_RANDOM_SEED:-1}
export SHUTTLE_SCHEDULES=${SHUTTLE_SCHEDULES:-40000}
export LOOM_MAX_PREEMPTIONS=${LOOM_MAX_PREEMPTIONS:-2}

cargo build --release --quiet --manifest-path "$root/tests/mutation/Cargo.toml" --target-dir "$work/tool"
tool=$work/tool/release/mutation

rm -rf "$tree"
mkdir -p "$tree"
tar -C "$root" --exclude=./target --exclude=./.git -cf - . | tar -C "$tree" -xf -
cd "$tree"
"$tool" plant "$tree" "${paths[@]}" >"$work/all"
cp "$work/all" "$work/left"
printf '%s mutants\n' "$(wc -l <"$work/all")"
if [ -n "$only_check" ]; then
    RUSTFLAGS="--cap-lints allow" cargo check --quiet --target-dir "$work/plain"
    exit
fi

# stage CFG SECONDS_A_RUN PREFIXES CARGO_ARGUMENTS...: a prefix with a dash leaves tests out
stage() {
    printf '\n=== %s\n' "${*:4}"
    local flags="--cap-lints allow"
    [ "$1" = plain ] || flags="--cfg $1 $flags"
    local binary
    binary=$(RUSTFLAGS=$flags cargo test --target-dir "$work/$1" --no-run "${@:4}" 2>&1 |
        sed -n 's/.*Executable .*(\(.*\))$/\1/p')
    # shellcheck disable=SC2086
    "$tool" run "$work/left" "$work/next" "$2" $3 -- "$binary"
    mv "$work/next" "$work/left"
}

stage windrow_shuttle 20 "" --release --test shuttle
stage loom 40 "scheduler:: task:: cancel:: gate:: par::" --release --lib
stage plain 20 "" --lib
# Loops reach everything, see little of it, and take long. Those that read the tree would see the mutants themselves.
stage plain 20 "-loops -tidy -planted" --test it
stage plain 60 "loops" --test it
stage plain 60 "" --test fork
stage plain 60 "" --test thread_start

explained() {
    grep -v '^#' "$root/tests/mutation/survivors.tsv" | cut -f 1-3
}
place() { sed 's/^[0-9]*\t\([^:]*\):[0-9]*\t/\1\t/' "$work/left"; }

printf '\n%s of %s survive; those without an explanation:\n' "$(wc -l <"$work/left")" "$(wc -l <"$work/all")"
! place | grep -vxF -f <(explained)
