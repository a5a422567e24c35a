#!/usr/bin/env bash
# Measures what `cargo lockprof` costs. `ci/cost.sh run` runs a program that locks all the time.
# `ci/cost.sh build PACKAGE VERSION ...` times the builds of published programs. Each alternates
# between with and without; a figure is the median of the rounds. Run it by hand. On a machine that
# is not idle, compare builds by processor time (cpu) rather than by the clock (real).
#
# The variables `ROUNDS` and `PROFILE` (release or dev) have defaults.
source "$(dirname "$0")/lib.sh"
unset CARGO_INCREMENTAL CARGO_PROFILE_DEV_DEBUG CARGO_PROFILE_RELEASE_DEBUG

scratch
cargo build --quiet --release --package cargo-lockprof
bin=$(cd "$target/release" && pwd)
export PATH=$bin:$PATH

# The median of the numbers that are read, one a line.
median() {
    sort -g | awk '{ x[NR] = $1 } END { printf "%.3f", NR % 2 ? x[(NR + 1) / 2] : (x[NR / 2] + x[NR / 2 + 1]) / 2 }'
}
ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", b / a }'
}

run() {
    local rounds=${ROUNDS:-201} round way name plain profiled counted instructions
    mkdir -p "$work/loops/src"
    cd "$work/loops"
    printf '[package]\nname = "loops"\nversion = "0.1.0"\nedition = "2021"\n[workspace]\n[profile.release]\ndebug = "line-tables-only"\n' >Cargo.toml
    cat >src/main.rs <<'RUST'
//! Locks in loops that do nothing else: `loops ITERATIONS`. Prints the nanoseconds of each iteration.
use std::hint::black_box;
use std::sync::{Mutex, RwLock};
use std::time::Instant;

#[inline(never)]
fn measured_mutex(lock: &Mutex<u64>, n: u64) {
    for _ in 0..n {
        *black_box(lock).lock().unwrap() += 1;
    }
}
#[inline(never)]
fn measured_read(lock: &RwLock<u64>, n: u64) {
    for _ in 0..n {
        black_box(*black_box(lock).read().unwrap());
    }
}
#[inline(never)]
fn measured_write(lock: &RwLock<u64>, n: u64) {
    for _ in 0..n {
        *black_box(lock).write().unwrap() += 1;
    }
}

fn main() {
    let n: u64 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(1);
    let (mutex, rwlock) = (Mutex::new(0), RwLock::new(0));
    let time = |name, work: &dyn Fn(u64)| {
        work(n / 10);
        let begin = Instant::now();
        work(n);
        println!("{name} {}", begin.elapsed().as_nanos() as f64 / n as f64);
    };
    time("mutex", &|n| measured_mutex(&mutex, n));
    time("read", &|n| measured_read(&rwlock, n));
    time("write", &|n| measured_write(&rwlock, n));
}
RUST
    CARGO_TARGET_DIR=$work/plain cargo build --quiet --release
    cargo lockprof build --quiet --release 2>"$work/log" || {
        cat "$work/log"
        exit 1
    }
    cp "$work/plain/release/loops" "$work/plain.loops"
    cp target/lockprof/build/release/loops "$work/sampled.loops"
    # The same settings as `cargo lockprof run`.
    export LOCKPROF_OUT="$work/%p.lockprof" LOCKPROF_EVERY=1s,threaded LOCKPROF_STACKS=addresses

    for ((round = 0; round < rounds; round++)); do
        # Alternates which goes first.
        for way in $( ((round % 2)) && echo plain sampled || echo sampled plain); do
            # Shorter than a time slice: most rounds are not interrupted, whatever else the machine does.
            "$work/$way.loops" 100000 >>"$work/$way.times"
        done
    done
    echo "| lock | plain ns | profiled ns | ratio | plain instructions | profiled instructions |"
    echo "| --- | ---: | ---: | ---: | ---: | ---: |"
    for name in mutex read write; do
        plain=$(awk -v name="$name" '$1 == name { print $2 }' "$work/plain.times" | median)
        profiled=$(awk -v name="$name" '$1 == name { print $2 }' "$work/sampled.times" | median)
        instructions=()
        for way in plain sampled; do
            # Mode counts reads no clock, so the number is the same each time. The count includes
            # the first tenth, which warms up.
            counted=$(LOCKPROF=counts valgrind --tool=callgrind --callgrind-out-file="$work/callgrind" --collect-atstart=no \
                "--toggle-collect=loops::measured_$name*" "$work/$way.loops" 100000 2>&1 | sed -n 's/.*Collected : //p')
            instructions+=("$(awk -v n="$counted" 'BEGIN { printf "%.1f", n / 110000 }')")
        done
        echo "| $name | $plain | $profiled | $(ratio "$plain" "$profiled") | ${instructions[0]} | ${instructions[1]} |"
    done
}

# Builds the program in the current folder in the way `$1`, and keeps its wall-clock and processor
# time in seconds.
timed() {
    local way=$1 real user system
    shift
    rm -rf "$work/$way"
    {
        time CARGO_TARGET_DIR=$work/$way "$@" build --profile "${PROFILE:-release}" --locked >"$work/log" 2>&1 || {
            cat "$work/log"
            exit 1
        }
    } 2>"$work/time"
    read -r real user system <"$work/time"
    echo "$real" >>"$work/$way.real"
    awk -v a="$user" -v b="$system" 'BEGIN { print a + b }' >>"$work/$way.cpu"
}
build() {
    local rounds=${ROUNDS:-3} round figure plain profiled name found
    TIMEFORMAT='%R %U %S'
    while (($# >= 2)); do
        name=$1-$2
        found=$(compgen -G "${CARGO_HOME:-$HOME/.cargo}/registry/cache/*/$name.crate" | head -n 1) || {
            echo "FAILED: cargo has not fetched $name"
            exit 1
        }
        tar -xzf "$found" -C "$work"
        cd "$work/$name"
        cargo fetch --quiet --locked
        # What the profiler is made of is built once.
        CARGO_TARGET_DIR=$work/first cargo lockprof check --quiet --locked >"$work/log" 2>&1 || {
            cat "$work/log"
            exit 1
        }
        rm -f "$work"/*.real "$work"/*.cpu
        for ((round = 0; round < rounds; round++)); do
            timed plain cargo
            timed profiled cargo lockprof
        done
        for figure in cpu real; do
            plain=$(median <"$work/plain.$figure")
            profiled=$(median <"$work/profiled.$figure")
            echo "$name, ${PROFILE:-release}: $plain s without, $profiled s with: $(ratio "$plain" "$profiled") ($figure)"
        done
        shift 2
    done
}

"$@"
