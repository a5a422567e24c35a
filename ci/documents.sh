#!/usr/bin/env bash
# Runs the commands of README, CONTRIBUTING and the guides as written: `ci/documents.sh [--long]
# [PAGE...]`. They run in a copy of this repository, beside someone else's project and a program
# called `server`. ci/markdown/blocks.py says which do not run.
source "$(dirname "$0")/lib.sh"

debian python3=python3 curl=curl jq=jq
long=
if [[ ${1-} == --long ]]; then
    long=--long
    shift
fi
pages=("$@")
((${#pages[@]})) || pages=(README.md CONTRIBUTING.md docs/guide/*.md)

# These pages begin with parts of the tables of docs/performance.md.
mkdir -p "$target"
for page in README.md docs/performance.md; do
    cp "$page" "$target/$(basename "$page").before"
done
ci/performance.sh --readme
for page in README.md docs/performance.md; do
    before=$target/$(basename "$page").before
    cmp "$page" "$before" || {
        cp "$before" "$page"
        echo "FAILED: the first table of $page differs from those it is made from: run ci/performance.sh --readme"
        exit 1
    }
done

# Always in the same place, so that cargo finds its earlier builds.
home=$target/documents
mkdir -p "$home/repo" "$home/installed"
home=$(cd "$home" && pwd)
repo=$home/repo
# Copies only what has changed. Cargo compares file times, and an old time would hide a change.
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    [[ ! -e $file && ! -L $file ]] || printf '%s\n' "$file"
done | sort >"$home/files"
(cd "$repo" && find . -path ./target -prune -o ! -type d -print | cut -c3- | sort) | comm -13 "$home/files" - | while IFS= read -r file; do
    rm -f "$repo/$file"
done
while IFS= read -r file; do
    if [[ -L $file ]]; then
        [[ -L $repo/$file && $(readlink "$file") == "$(readlink "$repo/$file")" ]] && continue
    elif cmp --silent "$file" "$repo/$file"; then
        continue
    fi
    mkdir -p "$repo/$(dirname "$file")"
    cp --no-dereference --no-target-directory --remove-destination "$file" "$repo/$file"
done <"$home/files"

# A project that knows nothing of nexus-lockprof.
rm -rf "$home/your-project" "$home/load" "$home/origin"
cp -r tests/sample-old "$home/your-project"

# A project with our locks, a branch, and a program `load`, for the guide to CI.
mkdir -p "$home/load/src"
cat >"$home/load/Cargo.toml" <<TOML
[package]
name = "load"
version = "0.0.0"
edition = "2024"
[dependencies]
nexus-lockprof = { path = "$repo/crates/nexus-lockprof" }
[workspace]
TOML
cat >"$home/load/src/main.rs" <<'RUST'
use nexus_lockprof::Mutex;
static QUEUE: Mutex<Vec<u64>> = Mutex::named("queue", Vec::new());
fn main() {
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..200_000).for_each(|i| QUEUE.lock().push(i)));
        }
    });
}
RUST
(
    cd "$home/load"
    cp "$repo/Cargo.lock" .
    printf '/target\n/build-*\n*.lockprof\ndiff.txt\n' >.gitignore
    git init --quiet --initial-branch=main
    git config user.name nobody
    git config user.email nobody@localhost
    git add .
    git commit --quiet --message "load: the program"
    git clone --quiet --bare . ../origin
    git remote add origin ../origin
    git fetch --quiet origin
    git switch --quiet --create branch
    git commit --quiet --allow-empty --message "load: a change"
)

export CARGO_INSTALL_ROOT=$home/installed PATH=$home/installed/bin:$PATH
# Nothing is measured here.
export CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_DEBUG=false
unset CARGO_TARGET_DIR

# `./server` serves until it is killed, if asked to. Otherwise it ends after two seconds.
cargo build --quiet --manifest-path "$repo/Cargo.toml" --package nexus-lockprof-tests --bin watched --features serve
cat >"$repo/server" <<SH
#!/bin/sh
[ -z "\$LOCKPROF_SERVE" ] || exec "$repo/target/debug/watched"
timeout 2 "$repo/target/debug/watched"
exit 0
SH
chmod +x "$repo/server"

failed=0
for page in "${pages[@]}"; do
    python3 ci/markdown/blocks.py "$page" "$repo" $long >"$home/page.sh"
    # A process group, to end whatever a page has left running.
    set -m
    bash -e "$home/page.sh" </dev/null >"$home/log" 2>&1 &
    group=$!
    set +m
    if wait "$group"; then
        grep -- '^--- ' "$home/log" || true
    else
        cat "$home/log"
        echo "FAILED: $page"
        failed=1
    fi
    kill -KILL -- "-$group" 2>/dev/null || true
done
exit "$failed"
