#!/usr/bin/env bash
# The Debian packages Buzzer is built from, runs with, is tried with and is tested by: the one list.
#
#   deploy/apt.sh build test         installs what is missing of these lists (as root), or says what is
#   deploy/apt.sh --list run         prints the names
#
# What Debian 12 and 13 call by different names stands as one|other; what is there, or can be had, counts.
set -euo pipefail

build=(gcc libc6-dev cmake ninja-build pkg-config python3 python3-yaml
       libwebsockets-dev libev-dev libjansson-dev libsqlite3-dev librdkafka-dev libssl-dev libcurl4-openssl-dev libcyaml-dev libyaml-dev libseccomp-dev libpcre2-dev
       libtesseract-dev libleptonica-dev libzbar-dev)
run=('libwebsockets17|libwebsockets19t64' libwebsockets-evlib-ev 'libev4|libev4t64' libjansson4 libsqlite3-0 librdkafka1
     'libssl3|libssl3t64' 'libcurl4|libcurl4t64' libcyaml1 libseccomp2 libpcre2-8-0 libtesseract5 'liblept5|libleptonica6'
     'libzbar0|libzbar0t64' tesseract-ocr-eng)
kafka=('openjdk-17-jre-headless|openjdk-21-jre-headless' maven kcat)
try=("${run[@]}" curl python3-websockets)
test=("${run[@]}" "${kafka[@]}" libcmocka-dev git curl procps spin python3-pytest python3-websockets python3-jsonschema
      python3-selenium chromium chromium-driver nodejs node-ws)

list=0
if [ "${1:-}" = --list ]; then
    list=1
    shift
fi
[ $# -gt 0 ] || { echo "usage: deploy/apt.sh [--list] build|run|kafka|try|test ..." >&2; exit 64; }

wanted=()
for which in "$@"; do
    case $which in
    build) wanted+=("${build[@]}") ;;
    run) wanted+=("${run[@]}") ;;
    kafka) wanted+=("${kafka[@]}") ;;
    try) wanted+=("${try[@]}") ;;
    test) wanted+=("${test[@]}") ;;
    *) echo "deploy/apt.sh: no list '$which'; there are build, run, kafka, try and test" >&2; exit 64 ;;
    esac
done

# Names without a choice: the one of each row that apt has, or else the first.
resolve() {
    local row name known
    known=$(apt-cache policy ${*//|/ } 2>/dev/null | awk '/^[^ ]/{name = $1} /^  Candidate: [^(]/{print name}')
    for row in "$@"; do
        for name in ${row//|/ }; do
            if grep -qxF "$name:" <<<"$known"; then
                echo "$name"
                continue 2
            fi
        done
        echo "${row%%|*}"
    done
}

is_installed() { dpkg-query -W -f '${db:Status-Abbrev}\n' ${1//|/ } 2>/dev/null | grep -q '^ii'; }

if [ $list = 1 ]; then
    resolve "${wanted[@]}"
    exit
fi

missing=()
for row in "${wanted[@]}"; do
    is_installed "$row" || missing+=("$row")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ]; then
    echo "missing: apt-get install --no-install-recommends $(resolve "${missing[@]}" | paste -sd' ')" >&2
    exit 69
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
mapfile -t missing < <(resolve "${missing[@]}")
apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
