#!/usr/bin/env bash
# Advisories, licences, sources and wildcards of all dependencies, by cargo-deny.
#
# Not checked: advisories that are newer than the copy in ci/advisories, which says its date; and what only the workspaces of their own are
# built from, such as the rivals in benches/peers.
source "$(dirname "$0")/lib.sh"

version=0.20.2
mkdir -p "$target/tools"
tools=$(realpath "$target/tools")
deny=$tools/bin/cargo-deny
if [[ $("$deny" --version 2>&1) != "cargo-deny $version" ]]; then
    # Unoptimised: it runs for seconds, and is built for minutes.
    CARGO_PROFILE_DEV_DEBUG=false cargo install --quiet --locked --debug --root "$tools" --target-dir "$tools/build" \
        "cargo-deny@$version"
    rm -rf "$tools/build"
fi

failed=0
# A package that the copy was not made for would pass unseen.
unknown=$(dependencies | comm -23 - ci/advisories/packages)
if [[ -n $unknown ]]; then
    echo "FAILED: ci/advisories was not made for: ${unknown//$'\n'/, }. Renew it with ci/advisories.sh"
    failed=1
fi

# cargo-deny wants a repository, and git takes this one for the one of that name.
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
