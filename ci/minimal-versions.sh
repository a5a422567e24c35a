#!/usr/bin/env bash
# Every version that crates/*/Cargo.toml asks for is enough: builds the published crates, their tests and examples with the least versions of what they
# depend on directly. Needs nightly cargo to choose them, and the registry. In a copy: `Cargo.lock` stays as it is.
source "$(dirname "$0")/lib.sh"

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "FAILED: choosing least versions needs a nightly toolchain: rustup toolchain install nightly"
    exit 1
fi
scratch
CARGO_TARGET_DIR=$(realpath -m "$target")/minimal-versions
export CARGO_TARGET_DIR
git ls-files -z -- Cargo.toml crates | tar --create --null --files-from=- | tar --extract --directory="$work"
cd "$work"
# Of the workspace's own packages only the published: nobody else chooses versions for the others.
sed --in-place 's|, "tests", "benches"]|]|' Cargo.toml
# Indirect dependencies are the newest that this compiler can build: the least would test other people's requirements.
cargo +nightly update --quiet -Z direct-minimal-versions
features=
for feature in $all_features; do
    features+=nexus-lockprof/$feature,
done
cargo check --quiet --locked --keep-going --workspace --all-targets --features "$features"
echo "built with the least versions"
