#!/usr/bin/env bash
# Remakes the pictures of docs/pictures from a program that runs for half a minute: `lockprof top`
# in a terminal, as SVG, and the page in a browser. Run it by hand when either looks different: the
# figures, and so the files, differ each time.
source "$(dirname "$0")/terminal.sh"

debian python3=python3 chromium=chromium pngquant=pngquant
# One of the locks has a name in Japanese.
[[ -n $(fc-list :lang=ja) ]] || debian_packages fonts-droid-fallback

start
terminal new-session -d -s top -x 118 -y 26 "COLORTERM=truecolor '$bin/lockprof' top 'unix:$socket'"
sleep 30
terminal capture-pane -e -p -t top | sed "s|$work/||g" >"$work/screen"
python3 ci/pictures/svg.py 118 'lockprof top' <"$work/screen" >docs/pictures/top.svg

"$bin/lockprof" export "unix:$socket" --output "$work/page.html"
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --force-device-scale-factor=1 --window-size=1240,540 \
    --virtual-time-budget=5000 --screenshot="$work/page.png" "file://$work/page.html" 2>/dev/null
pngquant --force --strip --quality 60-90 --output docs/pictures/page.png "$work/page.png"
wc --bytes docs/pictures/*
