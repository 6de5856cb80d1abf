#!/usr/bin/env bash
# Everything that is tested, in stages, on a bare Debian 12 as root (or with the packages of
# deploy/apt.sh there already):
#
#   tests/run.sh           builds with warnings as errors, runs every test, then again under the
#                          address, undefined-behaviour and thread sanitizers
#   tests/run.sh quick     without the sanitizers
#
# Tests of many machines share one Kafka broker, which is started for the run and ended with it.
#
# Logs are kept in build/log/. The last line is 'N passed, N failed', and the exit code says the same.
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

quick=0
case "${1:-}" in
'') ;;
quick) quick=1 ;;
*) echo "usage: tests/run.sh [quick]" >&2; exit 64 ;;
esac

# Debian's own programs come first: the tests are written for its Python and what is packaged for it.
export PATH=/usr/bin:/bin:/usr/sbin:/sbin:$PATH
export PYTHONDONTWRITEBYTECODE=1
log=build/log
mkdir -p "$log"
passed=0 failed=0

# stage NAME COMMAND...: runs it, keeps what it said, tells how it went, and adds up its tests.
stage() {
    local name=$1 file begin=$SECONDS status=0 text
    shift
    file=$log/${name// /-}.log
    "$@" >"$file" 2>&1 || status=$?
    count "$file" "$status"
    text="$stage_passed passed"
    [ "$stage_failed" = 0 ] || text="$text, $stage_failed FAILED (see $file)"
    printf '%-28s %5d s   %s\n' "$name" $((SECONDS - begin)) "$text"
    if [ "$stage_failed" != 0 ]; then
        grep -hE '^(FAILED|ERROR) |^ *[0-9]+ - .*(Failed|Timeout)|error:|\[  FAILED  \]' "$file" | head -n 40
    fi
    passed=$((passed + stage_passed)) failed=$((failed + stage_failed))
    return "$status"
}

# What ctest or pytest counted; a stage that counts nothing is one test.
count() {
    local file=$1 status=$2 line
    stage_passed=0 stage_failed=0
    line=$(grep -E '^[0-9]+% tests passed, [0-9]+ tests failed out of [0-9]+' "$file" | tail -n 1)
    if [ -n "$line" ]; then
        stage_failed=$(echo "$line" | sed -E 's/.* ([0-9]+) tests failed.*/\1/')
        stage_passed=$(($(echo "$line" | sed -E 's/.*out of ([0-9]+).*/\1/') - stage_failed))
    else
        line=$(grep -E '^(=+ )?.*[0-9]+ (passed|failed|error).* in [0-9.]+s' "$file" | tail -n 1)
        stage_passed=$(echo "$line" | grep -oE '[0-9]+ passed' | grep -oE '[0-9]+')
        stage_passed=${stage_passed:-0}
        stage_failed=$(echo "$line" | grep -oE '[0-9]+ (failed|error)' | grep -oE '[0-9]+' | paste -sd+)
        stage_failed=$((${stage_failed:-0}))
    fi
    if [ "$status" != 0 ] && [ "$stage_failed" = 0 ]; then
        stage_failed=1
    elif [ "$status" = 0 ] && [ "$stage_passed" = 0 ]; then
        stage_passed=1
    fi
}

build() { cmake --preset "$1" && cmake --build --preset "$1"; }
labels() { ctest --preset "$1" --no-tests=error -L "^($2)$" -j "$(nproc)"; }
flow() { local preset=$1; shift; BUZZER=$PWD/build/$preset/buzzer pytest-3 -q -p no:cacheprovider -rfE "$@"; }
structure() { pytest-3 -q -p no:cacheprovider -rfE tests/structure; }

# The run's own broker, in a folder and on ports of its own: others may be at work on this machine.
broker() { KAFKA_DIR=$PWD/build/kafka/tests KAFKA_PORT=0 deploy/kafka/kafka "$@"; }
trap 'broker wipe >/dev/null 2>&1' EXIT
trap 'exit 1' INT TERM HUP
start_broker() {
    rm -f build/kafka/brokers
    broker wipe && broker fetch && broker start >build/kafka/brokers || return
    kcat -b "$(cat build/kafka/brokers)" -m 10 -L
}

# Under a sanitizer: everything but what is slow without being about memory or threads, and what is about
# signals that the sanitizer takes for itself.
asan_flow=(tests/flow --ignore tests/flow/test_browser.py --ignore tests/flow/test_crash.py --ignore tests/flow/test_wscat.py
           --ignore tests/flow/test_images.py --ignore tests/flow/test_article.py --ignore tests/flow/test_disk_full.py
           --ignore tests/flow/test_kafka_broker.py)
tsan_flow=(tests/flow/test_submit.py tests/flow/test_idempotency.py tests/flow/test_cancel.py tests/flow/test_retry.py
           tests/flow/test_sse.py tests/flow/test_websocket_ops.py tests/flow/test_websocket_resume.py
           tests/flow/test_websocket_slow.py tests/flow/test_restart.py)

all_stages() {
    stage "packages" bash deploy/apt.sh build run test || { cat "$log/packages.log"; return; }
    stage "kafka" start_broker
    KAFKA_BROKERS=$(cat build/kafka/brokers 2>/dev/null) && export KAFKA_BROKERS
    stage "build dev" build dev || return
    stage "build release" build release
    stage "structure" structure
    stage "unit" labels dev unit
    stage "conformance" labels dev conformance
    stage "sim" labels dev sim
    stage "model" labels dev model
    stage "fuzz replay" labels dev fuzz
    stage "flow" flow release tests/flow
    [ $quick = 0 ] || return
    export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
    if stage "build asan" build asan; then
        stage "unit conformance sim asan" labels asan "unit|conformance|sim|fuzz"
        stage "flow asan" flow asan "${asan_flow[@]}"
    fi
    unset KAFKA_BROKERS     # the thread sanitizer cannot follow the packaged Kafka client
    if stage "build tsan" build tsan; then
        stage "unit conformance tsan" labels tsan "unit|conformance"
        stage "flow tsan" flow tsan "${tsan_flow[@]}"
    fi
}

all_stages
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
