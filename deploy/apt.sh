#!/usr/bin/env bash
# The Debian packages Buzzer is built from, runs with, is tried with and is tested by: the one list.
#
#   deploy/apt.sh build test         installs what is missing of these lists (as root), or says what is
#   deploy/apt.sh --list run         prints the names
set -euo pipefail

build=(gcc libc6-dev cmake ninja-build pkg-config python3 python3-yaml
       libwebsockets-dev libev-dev libjansson-dev libsqlite3-dev librdkafka-dev libssl-dev libcurl4-openssl-dev libcyaml-dev libyaml-dev libseccomp-dev libpcre2-dev
       libtesseract-dev libleptonica-dev libzbar-dev)
run=(libwebsockets17 libwebsockets-evlib-ev libev4 libjansson4 libsqlite3-0 librdkafka1 libssl3 libcurl4 libcyaml1 libseccomp2 libpcre2-8-0
     libtesseract5 liblept5 libzbar0 tesseract-ocr-eng)
try=("${run[@]}" curl python3-websockets)
test=("${run[@]}" libcmocka-dev git curl procps python3-pytest python3-websockets python3-jsonschema python3-selenium
      chromium chromium-driver nodejs node-ws)

list=0
if [ "${1:-}" = --list ]; then
    list=1
    shift
fi
[ $# -gt 0 ] || { echo "usage: deploy/apt.sh [--list] build|run|try|test ..." >&2; exit 64; }

wanted=()
for which in "$@"; do
    case $which in
    build) wanted+=("${build[@]}") ;;
    run) wanted+=("${run[@]}") ;;
    try) wanted+=("${try[@]}") ;;
    test) wanted+=("${test[@]}") ;;
    *) echo "deploy/apt.sh: no list '$which'; there are build, run, try and test" >&2; exit 64 ;;
    esac
done
if [ $list = 1 ]; then
    printf '%s\n' "${wanted[@]}"
    exit
fi

missing=()
for package in "${wanted[@]}"; do
    dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ]; then
    echo "missing: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 69
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
