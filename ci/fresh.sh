#!/usr/bin/env bash
# A machine that has never built us: the tests that build programs, with an empty CARGO_HOME and without network. Then a registry with
# newer versions than our lock file: `cargo lockprof` takes those of the lock file.
#
# `ci/fresh.sh --workspace` runs all of `cargo test --workspace` in the same two ways, which takes far longer.
source "$(dirname "$0")/lib.sh"

tests=(--package nexus-lockprof-cli --test projects)
[[ ${1-} != --workspace ]] || tests=(--workspace)

# Not the target folder of the other steps: cargo builds anew what it has unpacked elsewhere.
mkdir -p "$target/fresh"
CARGO_TARGET_DIR=$(cd "$target/fresh" && pwd)
settings=${CARGO_HOME:-$HOME/.cargo}/config.toml
CARGO_HOME=$CARGO_TARGET_DIR/home
export CARGO_TARGET_DIR CARGO_HOME

# The settings stay: a mirror of the registry is no download.
empty_home() {
    rm -rf "$CARGO_HOME"
    mkdir "$CARGO_HOME"
    [[ ! -f $settings ]] || cp "$settings" "$CARGO_HOME/config.toml"
}

# Runs a command with the loopback device and no other; where that is not permitted, with a proxy that answers nothing.
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
# With what cargo fetches for the tests themselves, they have to do.
cargo test "${tests[@]}" --no-run
offline cargo test "${tests[@]}"

echo "--- cargo fetch, then no network"
empty_home
cargo fetch --quiet
offline cargo test "${tests[@]}"

[[ $(sha256sum Cargo.lock) == "$lock" ]] || {
    git diff Cargo.lock
    echo "FAILED: Cargo.lock was changed"
    exit 1
}

echo "--- a registry with newer versions than the lock file"
# An older lock file comes to the same. Two of the engine's dependencies, in versions that it takes.
older=(arc-swap@1.9.1 crossbeam-epoch@0.9.20)
mkdir "$work/checkout"
git ls-files -z --cached --others --exclude-standard Cargo.toml Cargo.lock crates tests benches |
    tar --create --null --files-from=- --ignore-failed-read | tar --extract --directory "$work/checkout"
cp -r tests/sample-old "$work"
cd "$work/checkout"
for package in "${older[@]}"; do
    cargo update --quiet "${package%@*}" --precise "${package#*@}"
done
cd "$work/sample-old"
cp Cargo.lock "$work/before"
LOCKPROF_SOURCES=$work/checkout "$CARGO_TARGET_DIR/debug/cargo-lockprof" lockprof vendor locks >"$work/lines"
diff Cargo.lock "$work/before" || {
    echo "FAILED: the project's lock file was changed"
    exit 1
}
# `NAME@VERSION` of each package of the lock file.
packages() {
    awk -F'"' '/^name = / { name = $2 } /^version = "/ { print name "@" $2 }' "$1" | sort -u
}
packages locks/Cargo.lock >"$work/built"
packages "$work/checkout/Cargo.lock" >"$work/tested"
for package in "${older[@]}"; do
    grep --quiet --line-regexp --fixed-strings "$package" "$work/built" || {
        echo "FAILED: the profiler is not built from $package: $(grep "^${package%@*}@" "$work/built")"
        exit 1
    }
done
untested=$(comm -23 "$work/built" <(packages Cargo.lock | sort -u - "$work/tested") | grep -v '^lockprof-real-' || true)
if [[ -n $untested ]]; then
    echo "FAILED: the profiler is built from versions that it was not tested with: ${untested//$'\n'/, }"
    exit 1
fi
echo "$(wc -l <"$work/built") packages, each at the project's version or the tested one"
