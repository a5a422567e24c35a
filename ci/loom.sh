#!/usr/bin/env bash
# Runs the loom models of the engine's protocols: every order of their threads' steps that the
# memory model allows, within each model's bounds. docs/protocol.md says which ordering each of them
# guards. `ci/loom.sh NAME...` runs those whose names begin so: `wait_log` is a file of them.
source "$(dirname "$0")/lib.sh"

# A separate target directory: the flags below would otherwise make every other script rebuild
# everything.
export CARGO_TARGET_DIR=$target/loom

# The cfg swaps core's atomics for loom's (sync.rs) and leaves out what is not modelled. Code that
# only this uses is then dead. Everywhere else clippy.sh denies that; here the warnings would hide a
# failing model.
export RUSTFLAGS="--cfg lockprof_loom --allow dead_code --allow unused_imports --allow unreachable_pub"

# --release: loom runs a model thousands of times, which takes ten times as long without
# optimisation. --lib: the models are unit tests, and nothing else of the package builds with the
# cfg.
models() {
    local options=() names=()
    for word in "$@"; do
        if [[ $word == --* ]]; then options+=("$word"); else names+=("models::$word"); fi
    done
    cargo test --quiet --release --package nexus-lockprof-engine --lib -- \
        "${options[@]}" "${names[@]:-models::}"
}

# With a misspelt cfg or a missing module, no model would run, and the check would pass.
written=$(cat crates/nexus-lockprof-engine/src/models/*.rs | grep --count '^#\[test\]')
built=$(models --list | grep --count ': test$' || true)
if [[ $built != "$written" ]]; then
    echo "models/ has $written models, and $built were built" >&2
    exit 1
fi

# Two test threads: each model runs in one, however many threads it models.
models --test-threads=2 "$@"
