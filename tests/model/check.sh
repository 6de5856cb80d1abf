#!/usr/bin/env bash
# The model of the claim protocol, checked with spin: every property holds, and each fails to hold once
# the rule behind it is taken out.
#
#   tests/model/check.sh        exit code 77: spin or gcc is not there
set -euo pipefail
model=$(dirname "$(readlink -f "$0")")/claim.pml
for tool in spin gcc; do
    command -v $tool >/dev/null || { echo "skipped: $tool is not there"; exit 77; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

# verify FLAGS PROPERTY: prints "holds" or "fails" (or what else pan had to say, and then exits).
verify() {
    local flags=$1 property=$2 fair=
    [ "$property" != ends ] || fair=-f
    # shellcheck disable=SC2086
    spin $flags -a "$model" >spin.log 2>&1 || { cat spin.log >&2; exit 1; }
    gcc -O1 -w -DNFAIR=4 -DMEMLIM=1000 -o pan pan.c
    # shellcheck disable=SC2086
    timeout 60 ./pan -a $fair -m200000 -N "$property" >pan.log 2>&1 || true
    if grep -q 'errors: 0' pan.log && ! grep -qE 'max search depth too small|out of memory' pan.log; then
        echo holds
    elif grep -q 'errors: 1' pan.log; then
        echo fails
    else
        cat pan.log >&2
        exit 1
    fi
}

# expect WHAT FLAGS PROPERTY
expect() {
    local found states
    found=$(verify "$2" "$3")
    states=$(sed -nE 's/^ *([0-9]+) states, stored.*/\1/p' pan.log | head -n 1)
    printf '%-12s %-12s %s (%s states)\n' "$3" "$2" "$found" "$states"
    [ "$found" = "$1" ] || { echo "it should be: $1" >&2; exit 1; }
}

for property in one_outcome absorbed read_back one_runner ends; do
    expect holds "" $property
done
expect fails -DNO_EPOCH one_outcome
expect fails -DEAGER read_back
expect fails -DNO_FENCE one_runner
expect fails -DOLD_CLAIMS one_runner
