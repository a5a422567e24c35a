#!/usr/bin/env bash
# What a user's program gets with us: nothing that it did not ask for, nothing twice, and no crate
# of ours that the architecture keeps apart.
source "$(dirname "$0")/lib.sh"

# Names of the crates that `$1` is built from, on this system. --locked: the lock file must be up to
# date. Not --target all: that includes loom, which only a test's cfg enables.
crates() {
    local package=$1
    shift
    cargo tree --locked --package "$package" --edges normal --prefix none --format '{p}' "$@" |
        cut -d' ' -f1 | sort -u
}

failed=0
# The lock files of the separate workspaces are up to date, too.
while read -r lock; do
    cargo update --workspace --locked --quiet --manifest-path "${lock%lock}toml" || failed=1
done < <(git ls-files '*/Cargo.lock' ':!crates/cargo-lockprof/runtime')

# Fails if a crate that matches the extended regular expression `$2` is in `$1`'s tree.
without() {
    local package=$1 pattern=$2 names found
    shift 2
    # On its own line, so that a failure of cargo ends the script.
    names=$(crates "$package" "$@")
    found=$(grep -E -x "$pattern" <<<"$names" || true)
    if [[ -n $found ]]; then
        echo "FAILED: $package $* is built from: ${found//$'\n'/, }"
        failed=1
    else
        echo "$package $*: no $pattern"
    fi
}
# Fails if there is none. Otherwise the check above would also pass for a misspelt name.
with() {
    local package=$1 pattern=$2 names
    shift 2
    names=$(crates "$package" "$@")
    if ! grep -E -x --quiet "$pattern" <<<"$names"; then
        echo "FAILED: $package $* is not built from $pattern"
        failed=1
    fi
}

# Features that nobody asked for.
without nexus-lockprof 'tracing.*|metrics.*|tokio.*'
with nexus-lockprof tracing --features tracing
with nexus-lockprof metrics --features metrics
with nexus-lockprof tokio --features tokio

# A profiler needs no runtime.
without nexus-lockprof 'tokio.*|async-.*|smol|mio|futures.*' --features "${all_features/tokio/}"
# Tokio's locks, but nothing that runs tasks.
without nexus-lockprof 'tokio-.*|async-.*|smol|mio|socket2|futures.*' --features "$all_features"
features=$(cargo tree --locked --package nexus-lockprof --features tokio --edges normal,features --prefix none --format '{lib} {f}' | awk '$1 == "tokio" && $2 != "feature" { print $2 }' | sort -u)
if [[ $features != sync ]]; then
    echo "FAILED: tokio is built with: $features"
    failed=1
fi
without nexus-lockprof-export 'tokio.*|async-.*|smol|mio|futures.*'

# The endpoint, for those who ask for it.
endpoint='http|httparse|httpdate|form_urlencoded|percent-encoding|rustix|linux-raw-sys'
without nexus-lockprof "$endpoint|nexus-lockprof-(export|serve)"
without nexus-lockprof-engine "$endpoint"
without nexus-lockprof-export "$endpoint"
for crate in http httparse httpdate form_urlencoded rustix; do
    with nexus-lockprof-serve "$crate"
done
with nexus-lockprof httparse --features serve
with nexus-lockprof-serve nexus-lockprof-export
# No lock that we replace, and nothing that may be built on one: cargo would refuse the cycle.
without nexus-lockprof-serve 'tokio.*|hyper.*|mio|lock_api|parking_lot.*|nexus-lockprof(-adaptor)?'

# The arrows of docs/architecture.md: export -> snapshot <- engine <- nexus-lockprof, and serve ->
# engine, export.
without nexus-lockprof-snapshot 'nexus-lockprof(-engine|-export)?|parking_lot.*'
without nexus-lockprof-engine 'nexus-lockprof(-export|-adaptor|-serve)?|parking_lot.*'
without nexus-lockprof-adaptor 'nexus-lockprof(-export)?|parking_lot.*'
without nexus-lockprof-export 'nexus-lockprof(-engine|-serve)?|parking_lot.*'
with nexus-lockprof nexus-lockprof-engine
# The programs have none of our locks, except for the self test, which is a feature.
without nexus-lockprof-cli 'nexus-lockprof(-engine|-adaptor|-serve)?' --no-default-features
with nexus-lockprof-cli nexus-lockprof-engine

# What every profiled program gets. An impl of a std trait for a std type with the crate's own type
# parameter changes type inference in programs.
without nexus-lockprof-std 'serde_json|bytes|http|ordered-float|nexus-lockprof|parking_lot.*|tokio.*'
# None of these has such an impl. Look for one in a crate that is new here: `impl PartialEq<Own> for
# u8`, `impl Add<Own> for f64`, ...
known='arc-swap|bitflags|cfg-if|crc32fast|crossbeam-epoch|crossbeam-utils|fastrand|libc|lock_api|nexus-lockprof-(adaptor|engine|snapshot|std)|portable-atomic|quanta|raw-cpuid|scopeguard|serde|serde_core|thiserror'
# Names for call stacks, if the program itself looks them up.
names='addr2line|adler2|backtrace|gimli|memchr|miniz_oxide|object|rustc-demangle'
# Programs do not load what macros are built from.
macros='proc-macro2|quote|rustversion|serde_derive|syn|thiserror-impl|unicode-ident'
only() {
    local new
    new=$(crates nexus-lockprof-std --features "$1" | grep -E -x -v "$2|$macros" || true)
    if [[ -n $new ]]; then
        echo "FAILED: nexus-lockprof-std --features $1 is built from crates whose impls nobody has looked at: ${new//$'\n'/, }"
        failed=1
    fi
}
only addresses "$known"
only stacks "$known|$names"
with nexus-lockprof-std nexus-lockprof-engine
without nexus-lockprof-command 'nexus-lockprof(-engine|-adaptor|-serve|-export)?|parking_lot.*'
without cargo-lockprof 'nexus-lockprof(-engine|-adaptor|-serve)?'

# No crate in two versions. Without deadlock_detection, for which parking_lot takes petgraph, which
# has hashbrown twice. Also without what procedural macros are built from, since no program contains
# it: prost's and serde's use syn 2 and 3.
twice=$(cargo --quiet tree --locked --package nexus-lockprof --edges normal,no-proc-macro --duplicates --depth 0 \
    --features "${all_features/deadlock_detection/}")
if [[ -n $twice ]]; then
    echo "FAILED: in two versions:"
    echo "$twice"
    failed=1
fi
exit "$failed"
