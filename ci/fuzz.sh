#!/usr/bin/env bash
# Fuzzes what reads outside input, with libFuzzer: `ci/fuzz.sh [SECONDS]` for each target. First
# each target must find the defect planted in it, which shows that it can find one.
source "$(dirname "$0")/lib.sh"

seconds=${1:-10}
scratch
export CARGO_TARGET_DIR=$target/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
# The flags that cargo-fuzz passes. It needs a nightly toolchain only for its sanitizer, of little
# use to safe code.
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=1"
build() {
    # --target: otherwise build scripts would be instrumented too, and fail to link.
    cargo build --quiet --release --locked --manifest-path tests/fuzz/Cargo.toml --target "$host" "$@"
}
fuzz() {
    local name=$1
    shift
    mkdir -p "$work/corpus-$name"
    "$CARGO_TARGET_DIR/$host/release/$name" "$work/corpus-$name" "tests/fuzz/seeds/$name" \
        -artifact_prefix="$work/" -print_final_stats=1 -max_len=4096 -timeout=25 -rss_limit_mb=2048 "$@" >"$work/log" 2>&1
}

build --features planted
for name in read-file http config; do
    if fuzz "$name" -max_total_time=300; then
        echo "FAILED: $name has not found the planted defect"
        exit 1
    fi
    grep --quiet planted "$work/log" || {
        tail -n 40 "$work/log"
        echo "FAILED: $name found something else than the planted defect"
        exit 1
    }
    echo "$name: found the planted defect after $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log") inputs"
done

rm -rf "$work"/corpus-*
build
for name in read-file http config; do
    fuzz "$name" -max_total_time="$seconds" || {
        tail -n 60 "$work/log"
        echo "FAILED: $name"
        exit 1
    }
    echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log") inputs, $(sed -n 's/^stat::average_exec_per_sec: *//p' "$work/log") a second, nothing found"
done
