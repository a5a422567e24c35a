# Sourced by every script here: strict mode, the root of the repository, and one set of build
# settings, so that the scripts share their builds.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Incremental builds cost time and disk, and pay off only at the second build. Here there is one.
export CARGO_INCREMENTAL=0
# Full debug information makes up most of a debug build. Lines are enough for a backtrace.
export CARGO_PROFILE_DEV_DEBUG=line-tables-only
# No check reads the lines of optimised code. The gates use addresses and names, and the code is the
# same. This saves a fifth of each optimised build.
export CARGO_PROFILE_RELEASE_DEBUG=false CARGO_PROFILE_BENCH_DEBUG=false

target=${CARGO_TARGET_DIR:-target}

# The runtimes of `cargo lockprof`, each of which takes minutes of processor time: where its tests
# keep them, so that each is built once for all scripts. An absolute path, because the scripts go to
# other folders.
LOCKPROF_CACHE=$(realpath -m "$target")/tmp/cache
export LOCKPROF_CACHE

# All features that work together: send_guard and deadlock_detection exclude each other (parking_lot
# refuses both).
all_features="arc_lock serde owning_ref serve stacks tokio tracing metrics deadlock_detection"

# None of the programs measures an acquisition. This saves a fifth of their builds; the gates and the
# benches are built as by users.
programs_lto=off

# The programs that the scripts start: `programs` builds them for debugging, `programs --release`
# optimised. All at once, because which features a crate has depends on what is built with it, and a
# crate is built anew for each set of features.
programs() {
    local bins=(lockprof scraped stuck watched) features=(nexus-lockprof-tests/serve)
    if [[ ${1-} == --release ]]; then
        local -x CARGO_PROFILE_RELEASE_LTO=$programs_lto
        bins+=(hostile pulled snapshot-files)
    else
        bins+=(cargo-lockprof child sample-check)
        features+=(nexus-lockprof-tests/stacks nexus-lockprof-export/otlp)
    fi
    # --workspace: with what `cargo run --example` builds, which has the whole workspace's features.
    # shellcheck disable=SC2046 # an option for each
    cargo build --quiet "$@" --workspace --features "${features[*]}" $(printf -- '--bin %s ' "${bins[@]}") --example convert
}

# Builds optimised programs of benches/, for `cargo bench` and tests, too: with the features of their
# dependencies. With others, all that the programs share would be built once more.
benches() {
    cargo build --release --package nexus-lockprof-benches --test allocations "$@"
}

# Names of the packages in Cargo.lock from outside this repository.
dependencies() {
    awk -F'"' '/^name = / { name = $2 } /^source = / { print name }' Cargo.lock | sort -u
}

# A directory that is removed when the script ends.
scratch() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
}

# Replaces the text between the marks of section `$2` in the page `$1` by standard input, and prints
# it. Needs `scratch`.
section() {
    cat >"$work/section"
    awk -v name="$2" -v text="$work/section" '
        index($0, "<!-- " name ": end") { inside = 0 }
        !inside { print }
        index($0, "<!-- " name ": begin") { inside = 1; print ""; while ((getline line < text) > 0) print line; print "" }
    ' "$1" >"$work/page"
    # A page that has not changed is not written: other scripts may be reading it.
    cmp --silent "$work/page" "$1" || cp "$work/page" "$1"
    cat "$work/section"
}

# Installs each Debian package whose command is missing: `debian promtool=prometheus go=golang-go`.
debian() {
    local pair packages=()
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null || packages+=("${pair#*=}")
    done
    ((${#packages[@]} == 0)) || debian_packages "${packages[@]}"
}
debian_packages() {
    # One at a time: apt does not wait for another. No questions: nobody would answer.
    # shellcheck disable=SC2016
    as_root env DEBIAN_FRONTEND=noninteractive flock --close "${TMPDIR:-/tmp}/nexus-lockprof-apt" \
        sh -c 'apt-get update -qq && apt-get install --yes --no-install-recommends "$@"' sh "$@"
}
as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        sudo "$@"
    fi
}
