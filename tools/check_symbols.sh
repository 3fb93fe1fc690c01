#!/bin/bash
# check_symbols.sh HEADER SHARED STATIC - the shared library exports exactly the VECD_API functions of the header, and the static
# one adds no global name that does not start with vecd_.
set -eu
export LC_ALL=C
header=$1 shared=$2 static=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tr '\n' ' ' <"$header" | grep -oE 'VECD_API [^;(#]*\(' | sed -n 's/.*[ *]\(vecd_[a-z0-9_]*\)($/\1/p' | sort >"$work/declared"
nm -D --defined-only "$shared" | awk '{print $NF}' | sed 's/@.*//' | sort >"$work/exported"
nm -g --defined-only "$static" 2>/dev/null | awk 'NF == 3 {print $3}' | sort -u >"$work/global"

passed=0
failed=0
# verdict FILE-OF-FAULTS WORDS
verdict() {
  while read -r name; do
    printf 'check_symbols: %s %s\n' "$name" "$2"
    failed=$((failed + 1))
  done <"$1"
}
comm -23 "$work/declared" "$work/exported" >"$work/a"
verdict "$work/a" "is declared VECD_API but $shared does not export it"
comm -13 "$work/declared" "$work/exported" >"$work/b"
verdict "$work/b" "is exported by $shared but not declared VECD_API"
grep -v '^vecd_' "$work/global" >"$work/c" || true
verdict "$work/c" "is a global name of $static without vecd_ in front"
passed=$(comm -12 "$work/declared" "$work/exported" | wc -l)
[ -s "$work/declared" ] && [ -s "$work/global" ] || { echo "check_symbols: compared nothing"; failed=$((failed + 1)); }
printf 'check_symbols: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
