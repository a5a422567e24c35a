#!/usr/bin/env bash
# Other people's crates and programs, which know nothing of `cargo lockprof`.
#
# First it compiles the crates that tests/zoo depends on with the stand-ins, and names each that is
# refused. Then published packages run their own tests, with and without us: the results must be
# equal, and no file may change.
#
# `ci/zoo.sh` does a few. `ci/zoo.sh --long` does all: more than 404 crates, and the tests of more
# than 30. `--lock` rewrites the lock files. Names after it choose among the tested packages:
# `ci/zoo.sh --long threadpool`.
source "$(dirname "$0")/lib.sh"

form=few
case ${1-} in
    --long) form=many && shift ;;
    --lock) form=lock && shift ;;
esac
chosen=$*

scratch
root=$PWD
zoo=$root/tests/zoo
home=${CARGO_HOME:-$HOME/.cargo}
failures=()
failed() {
    echo "FAILED: $*"
    failures+=("$*")
}

# The packages of tests/zoo/tested, without the comments below them.
packages() {
    awk -v few="$([[ $form == few ]] && echo 1)" -v chosen=" $chosen " '
        /^[a-z]/ && (!few || $1 == "few") && (chosen == "  " || index(chosen, " " $2 " ")) { $1 = ""; print substr($0, 2) }' "$zoo/tested"
}
# Names of the tests of package `$1` whose results do not count.
left_out() {
    awk -v package="$1" '/^[a-z]/ { inside = $2 == package } inside && /^ / { sub(/:? +#.*/, ""); sub(/^ +/, ""); print }' "$zoo/tested"
}
# Fetches the packages. Cargo unpacks each in a folder of its own.
fetch() {
    local name version rest
    mkdir -p "$work/fetch/src"
    touch "$work/fetch/src/lib.rs"
    printf '[package]\nname = "fetch"\nedition = "2024"\n[workspace]\n[dependencies]\n' >"$work/fetch/Cargo.toml"
    while read -r name version rest; do
        echo "$name = { version = \"=$version\", default-features = false }" >>"$work/fetch/Cargo.toml"
    done < <(packages)
    (cd "$work/fetch" && cargo fetch --quiet --target "$(rustc --print host-tuple)")
}
# Copies version `$2` of package `$1` to the folder `$3`.
unpack() {
    local found
    found=$(compgen -G "$home/registry/src/*/$1-$2" | head -n 1) || {
        echo "FAILED: cargo has not unpacked $1 $2 in $home/registry/src"
        exit 1
    }
    mkdir -p "$3"
    cp -r "$found/." "$3"
    # Without the toolchain that it pins, which may be missing.
    rm -rf "$3"/{.cargo-ok,.cargo_vcs_info.json,Cargo.toml.orig,Cargo.lock,rust-toolchain,rust-toolchain.toml}
}

# One resolution for all tested packages. Each package's lock file is the part that it needs.
write_lock_files() {
    local name version rest
    fetch
    mkdir -p "$work/all"
    printf '[workspace]\nresolver = "3"\nmembers = ["*"]\n' >"$work/all/Cargo.toml"
    while read -r name version rest; do
        unpack "$name" "$version" "$work/all/$name"
        # The resolution may have it twice: as itself, and as a dependency.
        sed -i '/^links = /d' "$work/all/$name/Cargo.toml"
    done < <(packages)
    (cd "$work/all" && CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS=allow cargo generate-lockfile)
    cp "$work/all/Cargo.lock" "$zoo/tested.lock"
    (cd "$zoo" && cargo generate-lockfile)
}

# The crates of tests/zoo that become parts of programs, as NAME-VERSION.
expected_crates() {
    (cd "$zoo" && cargo tree --locked --package "zoo-$form" --edges normal,no-proc-macro --prefix none --format '{p}') |
        awk '{ sub(/^v/, "", $2); print $1 "-" $2 }' | sort -u
}

crates() {
    local build=$CARGO_TARGET_DIR/lockprof/build line label
    echo "--- the crates of tests/zoo ($form)"
    cp -r "$zoo" "$work/zoo"
    rm -rf "$work/zoo/target"
    cd "$work/zoo"
    checksums >"$work/before"
    # The notes there must come from this form only.
    rm -rf "$build"
    cargo lockprof check --quiet --locked --keep-going --package "zoo-$form" >"$work/log" 2>&1 || {
        grep -E '^error' "$work/log" | sort | uniq -c
        failed "cargo lockprof check: $(grep -E -m 1 '^error' "$work/log")"
    }
    checksums >"$work/after"
    diff "$work/before" "$work/after" || failed "tests/zoo: files were changed"
    cd "$root"

    expected_crates >"$work/expected"
    # Each compiled crate leaves a file of notes: its folder, and what the profile misses of it and
    # its dependencies.
    awk 'FNR == 1 { n = split($0, parts, "/"); print parts[n] }' "$build"/lockprof-notes/* |
        sed 's/^\(few\|many\|refused\)$/zoo-\1-0.0.0/' | sort -u >"$work/compiled"
    while read -r line; do
        failed "$line was not compiled"
    done < <(comm -23 "$work/expected" "$work/compiled")

    # `NAME VERSION (does not compile with the stand-in for std: E0308: ...)`
    awk 'FNR > 1' "$build"/lockprof-notes/* | grep 'does not compile' | sort -u >"$work/refused" || true
    while read -r line; do
        label=${line%% (*}
        case $label in
            # Refused on purpose.
            'zoo-refused 0.0.0') ;;
            *) failed "refused: $line" ;;
        esac
    done <"$work/refused"
    grep --quiet '^zoo-refused ' "$work/refused" || failed "what cannot be compiled with the stand-in is not said: nothing here is worth anything"

    echo "$(comm -12 "$work/expected" "$work/compiled" | wc -l) of $(wc -l <"$work/expected") crates were compiled, all with the stand-in for std but for $(wc -l <"$work/refused"):"
    sed 's/^/    /' "$work/refused"
    echo "and crates that have stand-ins of their own, beside that:"
    find "$build" -name 'lib*-lp-*.r*' -printf '%f\n' | sed 's/^lib//; s/-lp-.*//' | sort | uniq -c
}

checksums() {
    find . -type f -not -path './target/*' -print0 | sort -z | xargs -0 sha256sum
}
# The sorted results of the tests in a log, without the tests that the file `$2` names.
results() {
    sed -n -E 's/^test (.+) \.\.\. (ok|FAILED|ignored).*$/\2 \1/p' "$1" |
        awk -v names="$2" 'BEGIN { while ((getline line < names) > 0) out[line] = 1 } { name = $0; sub(/^[^ ]+ /, "", name) } !(name in out)' | sort
}

# Runs the tests of version `$3` of package `$2`, with the options from `$4` on: by cargo if `$1` is
# `plain`, otherwise by `cargo lockprof`.
run_tests() {
    local way=$1 name=$2 version=$3 run=(cargo) code=0
    shift 3
    [[ $way == plain ]] || run=(cargo lockprof)
    unpack "$name" "$version" "$work/$way/$name"
    cd "$work/$way/$name"
    cp "$zoo/tested.lock" Cargo.lock
    # Reduces the lock file to what this package needs.
    cargo tree --quiet >/dev/null
    checksums >"$work/$way.before"
    CARGO_TARGET_DIR=$CARGO_TARGET_DIR/$way timeout --kill-after=10s 15m "${run[@]}" test --locked --no-fail-fast "$@" \
        >"$work/$way.log" 2>"$work/$way.err" </dev/null || code=$?
    echo "$code" >"$work/$way.code"
    checksums >"$work/$way.after"
    results "$work/$way.log" "$work/left-out" >"$work/$way.results"
    cd "$root"
    rm -rf "${work:?}/$way"
}
# The differences between the two ways.
differences() {
    diff "$work/plain.results" "$work/profiled.results" | grep '^[<>]' | sed 's/^</without us:/; s/^>/with us:/' | sort -u || true
}

# Compares the tests of version `$2` of package `$1` with and without us. `$3` says whether they
# lock; options follow.
compare() {
    local name=$1 version=$2 locks=$3 begin=$SECONDS passed not_passed acquisitions
    shift 3
    left_out "$name" >"$work/left-out"
    run_tests plain "$name" "$version" "$@"
    run_tests profiled "$name" "$version" "$@"
    differences >"$work/differences"
    if [[ -s $work/differences ]]; then
        # Tests that depend on the machine's speed may end either way. A difference caused by us
        # appears each time.
        sed 's/^/    the first time: /' "$work/differences"
        mv "$work/differences" "$work/first"
        run_tests profiled "$name" "$version" "$@"
        differences | comm -12 "$work/first" - >"$work/differences"
    fi

    passed=$(grep -c '^ok' "$work/plain.results" || true)
    not_passed=$(grep -c '^FAILED' "$work/plain.results" || true)
    acquisitions=$(sed -n -E 's/^[0-9.k]+ points?, ([^ ]+) acquisitions?.*/\1/p' "$work/profiled.err" | tail -1)
    echo "$name $version: $passed passed, $not_passed failed, ${acquisitions:-0} acquisitions, $((SECONDS - begin)) s"
    ((passed > 0)) || {
        tail -n 5 "$work/plain.err"
        failed "$name: no test passed without us"
    }
    [[ ! -s $work/differences ]] || {
        cat "$work/differences"
        tail -n 30 "$work/profiled.log"
        failed "$name: other results with us"
    }
    # Checks that it was built and run at all. With the same results, its exit code is the same as
    # without us.
    if [[ ! -s $work/left-out ]] && cmp --quiet "$work/plain.results" "$work/profiled.results"; then
        cmp --quiet "$work/plain.code" "$work/profiled.code" ||
            failed "$name: cargo ends with $(<"$work/profiled.code"), and without us with $(<"$work/plain.code")"
    fi
    # What its tests leave in its folder, they leave there without us, too.
    diff "$work/plain.before" "$work/profiled.before" && diff "$work/plain.after" "$work/profiled.after" ||
        failed "$name: files were changed"
    ! grep 'does not compile with' "$work/profiled.err" || failed "$name: refused"
    [[ $locks != locks || -n $acquisitions ]] || failed "$name: it locks, and there is no profile"
    [[ $locks == locks || -z $acquisitions ]] || echo "    it locks, and tests/zoo/tested does not say so"
    # The test programs are large, and do not run again.
    find "$CARGO_TARGET_DIR" -path '*/deps/*' -type f -perm -u+x -not -name '*.so' -delete
}

if [[ $form == lock ]]; then
    write_lock_files
    exit
fi

programs
bin=$(cd "$target/debug" && pwd)
CARGO_TARGET_DIR=$(mkdir -p "$target/zoo" && cd "$target/zoo" && pwd)
export CARGO_TARGET_DIR PATH=$bin:$PATH

[[ -n $chosen ]] || crates
echo "--- packages' own tests"
fetch
while read -r -u 3 name version locks options; do
    # shellcheck disable=SC2086 # several options
    compare "$name" "$version" "$locks" $options
done 3< <(packages)

echo
if ((${#failures[@]})); then
    printf 'FAILED: %s\n' "${failures[@]}"
    exit 1
fi
