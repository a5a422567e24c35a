#!/usr/bin/env bash
# The minimum versions in crates/*/Cargo.toml are enough. Builds the published crates with the
# minimum versions of direct dependencies. Needs nightly cargo to choose them, and the registry.
# Works in a copy, so `Cargo.lock` stays as it is.
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
# Only the workspace's published packages: nobody else chooses versions for the others.
sed --in-place 's|, "tests", "benches"]|]|' Cargo.toml
# Indirect dependencies are the newest that this compiler can build. Their minimum would test other
# people's requirements.
cargo +nightly update --quiet -Z direct-minimal-versions
features=
for feature in $all_features; do
    features+=nexus-lockprof/$feature,
done
cargo check --quiet --locked --keep-going --workspace --features "$features"
echo "built with the least versions"
