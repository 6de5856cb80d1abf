#!/bin/bash
# try.sh: from nothing to a job done, on a fresh Debian with root: installs what is needed, builds, starts
# the service on a free port of the loopback address, posts a scanned page and shows the text arrive
# over WebSocket. Leaves nothing running.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

say "1. What it needs"
bash deploy/apt.sh build try

say "2. Building build/release/buzzer"
cmake --preset release >/tmp/buzzer-try.$$.log 2>&1 && cmake --build --preset release >>/tmp/buzzer-try.$$.log 2>&1 ||
  { cat /tmp/buzzer-try.$$.log; exit 1; }
rm -f /tmp/buzzer-try.$$.log
buzzer=build/release/buzzer
$buzzer version | head -n 1

work=$(mktemp -d)
trap 'kill "$service" 2>/dev/null || true; wait "$service" 2>/dev/null || true; rm -rf "$work"' EXIT

say "3. Starting it: $buzzer serve --listen 127.0.0.1:0 --data $work/data"
$buzzer serve --listen 127.0.0.1:0 --data "$work/data" 2>"$work/log" &
service=$!
for _ in $(seq 100); do
  url=$(grep -o 'http://127.0.0.1:[0-9]*' "$work/log" | head -n 1 || true)
  [ -n "$url" ] && break
  kill -0 "$service" 2>/dev/null || { cat "$work/log"; exit 1; }
  sleep 0.1
done
until curl -sf "$url/readyz" >/dev/null; do sleep 0.1; done
echo "ready at $url"

page=$(ls deploy/try/page.*)
say "4. Listening on ws://${url#http://}/v1/ws?all=1, then: curl --data-binary @$page -H 'Content-Type: image/...' '$url/v1/jobs?type=ocr'"
/usr/bin/python3 deploy/try/listen.py "$url" "$page"

say "5. The same work over and over, if you like"
echo "  $buzzer serve                            # in one terminal"
echo "  $buzzer submit ocr $page --watch         # in another"
