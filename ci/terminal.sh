# Sourced by the scripts that look at a program that serves its locks: that program, and a terminal
# (tmux) for `lockprof top`. Both end with the script.
# shellcheck shell=bash
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

debian tmux=tmux

# A debug build: only that has a way to panic on purpose.
programs
bin=$(cd "$target/debug" && pwd)

work=$(mktemp -d)
program=
socket=$work/app.sock

terminal() {
    # A separate server, without this machine's settings.
    env -u TMUX LC_ALL=C.UTF-8 tmux -u -f /dev/null -S "$work/tmux" "$@"
}
start() {
    env -u LOCKPROF LOCKPROF_SERVE="unix:$socket" "$bin/watched" &
    program=$!
    until_true "the program serves" test -S "$socket"
}
stop() {
    [[ -z $program ]] || {
        kill -KILL "$program" 2>/dev/null || true
        wait "$program" 2>/dev/null || true
        program=
    }
}
finish() {
    terminal kill-server 2>/dev/null || true
    stop
    rm -rf "$work"
}
trap finish EXIT

screen() {
    terminal capture-pane -p -t top
}
fail() {
    echo "FAILED: $*"
    echo "--- the screen"
    screen || true
    exit 1
}
# Waits for a command to succeed: `until_true WHAT COMMAND ...`.
until_true() {
    local what=$1 deadline=$((SECONDS + 60))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || fail "$what: not within 60 s"
        sleep 0.1
    done
}
