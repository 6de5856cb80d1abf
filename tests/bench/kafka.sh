#!/bin/bash
# kafka.sh [MEASURE ...]: the figures of many machines in README.md: front ends and workers of one service on this
# machine, with the broker of KAFKA_BROKERS (deploy/kafka/kafka start) on it as well. Needs a release build. Each
# measure has topics of its own. Without arguments: all that one broker can show.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
build=${BUILD:-build/release} port=${PORT:-8137} brokers=${KAFKA_BROKERS:?HOST:PORT,... of a broker}
work=$(mktemp -d "${TMPDIR:-/tmp}/buzzer-bench.XXXXXX") load=$build/tests/bench/bench_load topics= pids=()
trap 'stop; rm -rf "$work"' EXIT

stop() { [ ${#pids[@]} = 0 ] || { kill "${pids[@]}" 2>/dev/null && wait "${pids[@]}" || true; }; pids=(); }
fresh() { stop; rm -rf "$work"/node*; topics=bench-$$-$RANDOM; }
serve() { # NAME FLAGS...
  local name=$1; shift
  "$build/buzzer" serve --kafka "$brokers" --kafka-topics "$topics" --data "$work/node-$name" "$@" 2>>"$work/log-$name" & pids+=($!)
}
api() { # NAME PORT: started and ready
  serve "$1" --roles api --listen "127.0.0.1:$2"
  for _ in $(seq 20000); do curl -sf -o /dev/null "http://127.0.0.1:$2/readyz" && return; sleep 0.005; done
  cat "$work/log-$1"; exit 1
}
workers() { # N FLAGS...: working
  local n=$1; shift
  for i in $(seq "$n"); do serve "worker$i" --roles worker "$@"; done
  for i in $(seq "$n"); do until grep -q working "$work/log-worker$i" 2>/dev/null; do sleep 0.01; done; done
}
since() { echo $((($(date +%s%N) - $1) / 1000000)); }

push() { fresh; api a $port; workers 1; $load push $port 2000; $load push $port 200 8; }
accept() { fresh; api a $port; for c in 100 10 1; do $load post $port $c 6; done; }
drain() { fresh; api a $port; tests/bench/fill.py $port 60000; workers 4; tests/bench/fill.py $port 60000 drain; }
newnode() { # 10^6 events: 333,000 jobs that have run
  fresh; api a $port; workers 2; tests/bench/fill.py $port 333000 wait
  local t0; t0=$(date +%s%N); api b $((port + 1)); echo "a new front end is ready after $(since "$t0") ms, with a copy of a peer's view"
  stop; t0=$(date +%s%N); api c $((port + 2)); echo "a new front end is ready after $(since "$t0") ms, from the log alone"
  t0=$(date +%s%N); stop; api c $((port + 2)); echo "a restarted front end is ready after $(since "$t0") ms, its stop included"; }

for measure in ${*:-push accept drain newnode}; do echo "== $measure"; $measure; done
