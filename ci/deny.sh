#!/usr/bin/env bash
# Checks advisories, licences, sources and wildcards of all dependencies with cargo-deny.
#
# Not checked: advisories newer than the copy in ci/advisories, which has a date. Also not checked:
# dependencies of separate workspaces only, such as the rivals in benches/peers.
source "$(dirname "$0")/lib.sh"

version=0.20.2
# Outside the target folder, so that it is built once on a machine.
tools=${XDG_CACHE_HOME:-$HOME/.cache}/nexus-lockprof/tools
mkdir -p "$tools"
deny=$tools/bin/cargo-deny
if [[ $("$deny" --version 2>&1) != "cargo-deny $version" ]]; then
    # Unoptimised: it runs for seconds, but an optimised build takes minutes.
    CARGO_PROFILE_DEV_DEBUG=false cargo install --quiet --locked --debug --root "$tools" --target-dir "$tools/build" \
        "cargo-deny@$version"
    rm -rf "$tools/build"
fi

failed=0
# A package that the copy does not cover would pass unnoticed.
unknown=$(dependencies | comm -23 - ci/advisories/packages)
if [[ -n $unknown ]]; then
    echo "FAILED: ci/advisories was not made for: ${unknown//$'\n'/, }. Renew it with ci/advisories.sh"
    failed=1
fi

# cargo-deny wants a repository, and git takes the copy for the one of that name.
scratch
cp -r ci/advisories "$work/db"
git -C "$work/db" init --quiet --initial-branch main
git -C "$work/db" add --all
git -C "$work/db" -c user.name=ci -c user.email=ci@localhost commit --quiet --message copy
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="url.file://$work/db.insteadOf"
export GIT_CONFIG_VALUE_0=https://github.com/rustsec/advisory-db
rm -rf "$target/advisory-db"

"$deny" --locked --config ci/deny.toml check || failed=1
exit "$failed"
