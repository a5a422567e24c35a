#!/usr/bin/env bash
# Simulates a machine that has never built nexus-lockprof. Runs the tests that build programs with
# an empty CARGO_HOME and without network. Then builds the program as a registry has it, without
# this repository.
#
# `ci/fresh.sh --workspace` runs all of `cargo test --workspace` in the same two ways, which takes
# far longer.
source "$(dirname "$0")/lib.sh"

# The tests that build with each of the stand-ins; `test` runs the others.
tests=(--package cargo-lockprof --test projects)
only=(-- ways::locks_of_several_kinds basics::a_program_runs_as_ever basics::tests_are_profiled_too)
if [[ ${1-} == --workspace ]]; then
    tests=(--workspace)
    only=()
fi

# Not the target folder of the other steps: cargo rebuilds what it has unpacked elsewhere.
mkdir -p "$target/fresh"
CARGO_TARGET_DIR=$(cd "$target/fresh" && pwd)
settings=${CARGO_HOME:-$HOME/.cargo}/config.toml
CARGO_HOME=$CARGO_TARGET_DIR/home
# The last part needs no runtime but the tests': the same sources have the same hash.
LOCKPROF_CACHE=$CARGO_TARGET_DIR/tmp/cache
export CARGO_TARGET_DIR CARGO_HOME LOCKPROF_CACHE

# Keeps the settings: a mirror of the registry is not a download.
empty_home() {
    rm -rf "$CARGO_HOME"
    mkdir "$CARGO_HOME"
    [[ ! -f $settings ]] || cp "$settings" "$CARGO_HOME/config.toml"
}

# Runs a command with only the loopback device. Where that is not permitted, with a proxy that does
# not answer.
offline() {
    local new=(unshare --net)
    ((EUID == 0)) || new+=(--map-root-user)
    if "${new[@]}" true 2>/dev/null; then
        # shellcheck disable=SC2016
        "${new[@]}" sh -c 'ip link set lo up && exec "$@"' sh "$@"
    else
        env CARGO_NET_OFFLINE=true CARGO_HTTP_PROXY=http://127.0.0.1:9 "$@"
    fi
}

debian ip=iproute2 unshare=util-linux
scratch
lock=$(sha256sum Cargo.lock)

echo "--- an empty CARGO_HOME"
empty_home
# They must get by with what cargo fetches for the tests themselves.
cargo test "${tests[@]}" --no-run
offline cargo test "${tests[@]}" "${only[@]}"

echo "--- cargo fetch, then no network"
empty_home
cargo fetch --quiet
# One test tells whether something was not fetched.
((${#only[@]} == 0)) || only=(-- ways::locks_of_several_kinds)
offline cargo test "${tests[@]}" "${only[@]}"

[[ $(sha256sum Cargo.lock) == "$lock" ]] || {
    git diff Cargo.lock
    echo "FAILED: Cargo.lock was changed"
    exit 1
}

echo "--- the package, without this repository"
# In the package, the links in runtime/ must be files. --no-verify and --exclude-lockfile, because
# its dependencies are on no registry yet.
rm -rf "$CARGO_TARGET_DIR/package"
cargo package --quiet --package cargo-lockprof --no-verify --allow-dirty --exclude-lockfile
tar --extract --file "$CARGO_TARGET_DIR"/package/cargo-lockprof-*.crate --directory "$work"
cp -r tests/sample-old "$work"
cd "$work"/cargo-lockprof-*
[[ -z $(find . -type l) ]] || {
    echo "FAILED: there are links in the package"
    exit 1
}
# Takes our own crates from here until they are published.
{
    echo "[patch.crates-io]"
    for name in $(sed -n 's/^\[dependencies\.\(nexus-[a-z-]*\)\]$/\1/p' Cargo.toml) nexus-lockprof; do
        echo "$name = { path = \"$OLDPWD/crates/$name\" }"
    done
    echo "[workspace]"
} >>Cargo.toml
cargo install --quiet --path . --root "$work/installed" --debug
export PATH=$work/installed/bin:$PATH
cd "$work/sample-old"
CARGO_TARGET_DIR=$work/target cargo lockprof run 2>"$work/log" || {
    cat "$work/log"
    exit 1
}
grep --quiet '1.00k' "$work/log" || {
    cat "$work/log"
    echo "FAILED: no profile"
    exit 1
}
echo "--- the same without network"
rm -rf "$work/target"
CARGO_TARGET_DIR=$work/target offline cargo lockprof run --offline 2>"$work/log" || {
    cat "$work/log"
    exit 1
}
