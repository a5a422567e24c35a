#!/usr/bin/env bash
# Remakes the pictures of docs/pictures from a program that runs for half a minute: `lockprof top`
# in a terminal, as SVG, and the page in a browser. Run it by hand when either looks different: the
# figures, and so the files, differ each time.
source "$(dirname "$0")/lib.sh"

debian tmux=tmux python3=python3 chromium=chromium pngquant=pngquant
# One of the locks has a name in Japanese.
[[ -n $(fc-list :lang=ja) ]] || debian_packages fonts-droid-fallback
cargo build --package nexus-lockprof-cli --bin lockprof
cargo build --package nexus-lockprof-tests --bin watched --features serve
bin=$(cd "$target/debug" && pwd)

work=$(mktemp -d)
program=
terminal() {
    env -u TMUX LC_ALL=C.UTF-8 tmux -u -f /dev/null -S "$work/tmux" "$@"
}
finish() {
    terminal kill-server 2>/dev/null || true
    [[ -z $program ]] || kill -KILL "$program" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

env -u LOCKPROF LOCKPROF_SERVE="unix:$work/app.sock" "$bin/watched" &
program=$!
for _ in {1..100}; do
    [[ ! -S $work/app.sock ]] || break
    sleep 0.1
done

terminal new-session -d -s top -x 118 -y 26 "COLORTERM=truecolor '$bin/lockprof' top 'unix:$work/app.sock'"
sleep 30
terminal capture-pane -e -p -t top | sed "s|$work/||g" >"$work/screen"
python3 ci/pictures/svg.py 118 'lockprof top' <"$work/screen" >docs/pictures/top.svg

"$bin/lockprof" export "unix:$work/app.sock" --output "$work/page.html"
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --force-device-scale-factor=1 --window-size=1240,540 \
    --virtual-time-budget=5000 --screenshot="$work/page.png" "file://$work/page.html" 2>/dev/null
pngquant --force --strip --quality 60-90 --output docs/pictures/page.png "$work/page.png"
wc --bytes docs/pictures/*
