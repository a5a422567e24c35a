#!/usr/bin/env bash
# The loom models of the engine's protocols: every order of their threads' steps that the memory model allows, within
# the bounds that each model names. docs/protocol.md says which ordering each of them guards. About 20 s once built.
source "$(dirname "$0")/lib.sh"

# A target directory of its own: the flags below would otherwise make every other script build everything anew.
export CARGO_TARGET_DIR=$target/loom

# The cfg swaps core's atomics for loom's (sync.rs) and leaves out what is not modelled. What only that uses is then
# dead; denied everywhere else (clippy.sh), it would drown a failing model here.
export RUSTFLAGS="--cfg lockprof_loom --allow dead_code --allow unused_imports"

# --release: loom runs a model thousands of times; without optimisation that takes ten times as long.
# --lib: the models are unit tests, and under the cfg nothing else of the package would build.
models() {
    cargo test --quiet --release --package nexus-lockprof-engine --lib models:: -- "$@"
}

# A cfg that is misspelt, or a module that is left out, would run no model and pass.
written=$(cat crates/nexus-lockprof-engine/src/models/*.rs | grep --count '^#\[test\]')
built=$(models --list | grep --count ': test$' || true)
if [[ $built != "$written" ]]; then
    echo "models/ has $written models, and $built were built" >&2
    exit 1
fi

# Two threads: a model is single-threaded, however many threads it models.
models --test-threads=2
