#!/bin/bash
# run.sh [MEASURE ...]: the figures of README.md, one after the other, on whatever machine this is; the whole stack
# and the load share it. Needs a release build (cmake --preset release && cmake --build --preset release), wrk and
# python3-websockets. RIVAL_GET=URL sets another server's GET beside ours in `get`. Without arguments: all.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
build=${BUILD:-build/release} port=${PORT:-8127} work=$(mktemp -d "${TMPDIR:-/tmp}/buzzer-bench.XXXXXX")
load=$build/tests/bench/bench_load service=
trap 'stop; rm -rf "$work"' EXIT

stop() { [ -z "$service" ] || { kill "$service" 2>/dev/null && wait "$service" || true; }; service=; }
start() { # fresh|again [flags]
  local kind=$1; shift; stop
  [ "$kind" = again ] || rm -rf "$work/data"
  "$build/buzzer" serve --listen 127.0.0.1:$port --data "$work/data" "$@" 2>>"$work/log" & service=$!
  for _ in $(seq 2000); do curl -sf -o /dev/null "http://127.0.0.1:$port/readyz" && return; sleep 0.005; done
  cat "$work/log"; exit 1
}
rss() { awk '/VmRSS/{print $2 " kB"}' "/proc/$service/status"; }
get() { wrk -t1 -c"${2:-100}" -d5s --latency "$1" | awk -v what="$3" '/50%/{a=$2}/99%/{b=$2}/Requests.sec/{print what ": " $2 "/s, p50 " a ", p99 " b}'; }
one_job() { curl -s -H 'content-type: application/json' -d '{"type":"echo","input":{"a":1}}' "http://127.0.0.1:$port/v1/jobs" | grep -o '"id":"[^"]*' | cut -c7-; }

accept() { start fresh --roles api; for c in 100 10 1; do $load post $port $c 6; done; }
push() { start fresh; $load push $port 3000; $load push $port 500 8; }
drain() { start fresh --roles api; tests/bench/fill.py $port 20000; start again; tests/bench/fill.py $port 20000 drain; }
http() {
  start fresh; "$build/tests/bench/bench_epoll_server" $((port + 1)) & local bare=$!; sleep 0.3
  for _ in 1 2 3; do get "http://127.0.0.1:$((port + 1))/" 100 "bare epoll"; get "http://127.0.0.1:$port/livez" 100 "livez"
    [ -z "${RIVAL_GET:-}" ] || get "$RIVAL_GET" 100 "rival"; done
  kill $bare; }
status() { start fresh; tests/bench/fill.py $port "${N:-1000000}" wait; local id; id=$(one_job)
  get "http://127.0.0.1:$port/v1/jobs/$id" 100 "status at ${N:-1000000} jobs, alone"
  $load post $port 20 8 & sleep 1.5; get "http://127.0.0.1:$port/v1/jobs/$id" 100 "status while writing"; wait $!; }
fanout() { start fresh; $load fanout $port 10000 40; start fresh; $load fanout $port 1000 150 8; start fresh; $load fanout $port 10000 15 8; }
memory() { start fresh; sleep 1; echo "idle: $(rss)"; $load fanout $port 10000 5 >/dev/null & sleep 5; echo "with 10,000 sockets: $(rss)"; wait $!; }
ready() { start fresh --roles api; tests/bench/fill.py $port 100000 >/dev/null
  for _ in 1 2 3 4 5; do stop; local t0 t1; t0=$(date +%s%N); start again --roles api; t1=$(date +%s%N)
    echo "ready after $(((t1 - t0) / 1000000)) ms with 100,000 waiting"; done
  stop; start again; tests/bench/fill.py $port 100000 drain >/dev/null
  for _ in 1 2 3; do stop; t0=$(date +%s%N); start again; t1=$(date +%s%N); echo "ready after $(((t1 - t0) / 1000000)) ms with 100,000 finished"; done; }
growth() { for n in 1000 1000000; do start fresh; tests/bench/fill.py $port $((n < 4000 ? 4000 : n)) wait; local id; id=$(one_job)
  get "http://127.0.0.1:$port/v1/jobs/$id" 100 "status at $n"; start again --roles api; $load post $port 100 5
  start again; tests/bench/fill.py $port 100000 wait; done; }
images() { start fresh; /usr/bin/python3 tests/bench/images.py $port deploy/try/page.jpg 100; }

article() { start fresh --slots 100; /usr/bin/python3 tests/bench/article.py $port; }

for measure in ${*:-accept push drain http status fanout memory ready growth images article}; do echo "== $measure"; $measure; done
