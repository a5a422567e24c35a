#!/usr/bin/env bash
# Runs `cargo lockprof` on projects that need crates or a toolchain from outside this repository:
# exact and old pins, vendored sources, nightly, and a machine that has fetched only the project's
# dependencies. It must not change their files.
source "$(dirname "$0")/lib.sh"

scratch
programs
bin=$(cd "$target/debug" && pwd)
export PATH=$bin:$PATH

checksums() {
    find . -type f -not -path './target/*' -print0 | sort -z | xargs -0 sha256sum
}
# A project with these dependencies, which locks 7 times. Cargo writes its lock file.
project() {
    mkdir -p "$work/$1/src"
    cd "$work/$1"
    printf '[package]\nname = "%s"\nversion = "0.1.0"\nedition = "2021"\n[workspace]\n[dependencies]\n%s\n' "$1" "$2" >Cargo.toml
    cat >src/main.rs <<'RUST'
fn main() {
    let lock = parking_lot::Mutex::new(0);
    for _ in 0..7 {
        *lock.lock() += 1;
    }
    println!("locked {} times", lock.into_inner());
}
RUST
    cargo generate-lockfile --quiet
}
# Runs a command. Fails unless the profile has 7 acquisitions and the files are unchanged.
counted() {
    checksums >"$work/before"
    "$@" >"$work/out" 2>"$work/log" || {
        cat "$work/log"
        echo "FAILED: $*"
        exit 1
    }
    grep --quiet 'locked 7 times' "$work/out" && grep --quiet '1 point, 7 acquisitions' "$work/log" || {
        cat "$work/log"
        echo "FAILED: no profile"
        exit 1
    }
    checksums >"$work/after"
    diff "$work/before" "$work/after" || {
        echo "FAILED: files were changed"
        exit 1
    }
    echo "$PWD: ok"
}

project pinned-lock-api $'parking_lot = "=0.12.1"\nlock_api = "=0.4.9"'
counted cargo lockprof run
# That lock_api does not pass on its caller's location; ours does.
grep --quiet 'src/main.rs:' "$work/log" || {
    cat "$work/log"
    echo "FAILED: the line is not the program's"
    exit 1
}

project pinned-small $'parking_lot = "0.12"\nlibc = "=0.2.150"\nserde = { version = "=1.0.100", default-features = false }'
counted cargo lockprof run --locked

project vendored 'parking_lot = "0.12"'
mkdir .cargo
cargo vendor --quiet >.cargo/config.toml 2>"$work/log"
counted cargo lockprof run --offline

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "FAILED: a project that pins nightly needs one: rustup toolchain install nightly"
    exit 1
fi
project nightly 'parking_lot = "0.12"'
printf '[toolchain]\nchannel = "nightly"\n' >rust-toolchain.toml
sed -i '1i #![feature(never_type)]\nfn _never() -> Result<(), !> { Ok(()) }' src/main.rs
# Without the variable, rustup's cargo obeys the toolchain file.
counted env -u RUSTUP_TOOLCHAIN cargo lockprof run

# sccache in front of rustc. The second build comes from its cache.
debian sccache=sccache
project cached 'parking_lot = "0.12"'
sccache() {
    # A separate server, which ends by itself if this script does not end it.
    env SCCACHE_DIR="$work/sccache" SCCACHE_SERVER_PORT=4227 SCCACHE_IDLE_TIMEOUT=60 "$@"
}
for _ in 1 2; do
    rm -rf target
    counted sccache env RUSTC_WRAPPER=sccache cargo lockprof run
done
hits=$(sccache sccache --show-stats | awk '/^Cache hits +[0-9]/ { print $3; exit }')
sccache sccache --stop-server >/dev/null
((hits > 0)) || {
    echo "FAILED: sccache has compiled all of it twice"
    exit 1
}

# No Debian package has cargo-nextest, and building it takes minutes.
# crates/cargo-lockprof/tests/projects has a script that does the same.
if cargo nextest --version >/dev/null 2>&1; then
    project nextest 'parking_lot = "0.12"'
    printf '#[test]\nfn locks() {\n    main();\n}\n' >>src/main.rs
    counted cargo lockprof nextest run --no-capture
else
    echo "NOT CHECKED: cargo-nextest is not installed"
fi

# Without the profiler's dependencies, an error says so. After a fetch, it works.
project fresh 'parking_lot = "0.12"'
settings=${CARGO_HOME:-$HOME/.cargo}/config.toml
export CARGO_HOME=$work/home LOCKPROF_CACHE=$work/cache
mkdir "$CARGO_HOME"
[[ ! -f $settings ]] || cp "$settings" "$CARGO_HOME/config.toml"
cargo fetch --quiet
! cargo lockprof run --offline 2>"$work/log" || {
    echo "FAILED: there is a profiler from nothing"
    exit 1
}
grep --quiet 'never fetched. Run .cargo lockprof fetch. once' "$work/log" || {
    cat "$work/log"
    echo "FAILED: it is not said what is missing"
    exit 1
}
cargo lockprof fetch --quiet 2>"$work/log"
counted cargo lockprof run --offline
