#!/bin/bash
# check_headers.sh [ROOT] - every header compiles alone, without warnings; the public one also as old C and as C++.
# A *_body.h is no header but a template, compiled once by each file that includes it: it is left out.
set -eu
root=${1:-$(dirname "$0")/..}
cd "$root"
cc=${CC:-gcc} cxx=${CXX:-g++}
flags=(-Iinclude -Isrc -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -Wall -Wextra -Werror -fsyntax-only)
read -ra extra <<<"$(pkg-config --cflags jansson libxxhash)"
flags+=(${extra[@]+"${extra[@]}"})
arch=$(uname -m)
passed=0
failed=0

# alone HEADER NAME COMMAND...
alone() {
  local header=$1 how=$2 out
  shift 2
  if out=$(printf '#include "%s"\ntypedef int unit;\n' "$header" | "$@" - 2>&1); then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'check_headers: %s does not compile alone %s:\n%s\n' "$header" "$how" "$(head -n 6 <<<"$out")"
  fi
}

while read -r header; do
  isa=()
  case $header in # the suffix alone chooses compiler flags
    *_avx2.h) isa=(-mavx2 -mfma -mf16c) ;;
    *_avx512.h) isa=(-mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma) ;;
  esac
  case $header:$arch in
    */x86/*:x86_64 | */arm/*:aarch64) ;;
    */x86/*:* | */arm/*:*) continue ;; # another processor's
    *_avx*:x86_64) ;;
    *_avx*) continue ;;
  esac
  alone "${header#*/}" "as C11" "$cc" -x c -std=c11 "${flags[@]}" "${isa[@]}"
done < <(find src include -name '*.h' ! -name '*_body.h' | sort)
alone vecd.h "as C99, pedantic" "$cc" -x c -std=c99 -pedantic-errors "${flags[@]}"
alone vecd.h "as C++11, pedantic" "$cxx" -x c++ -std=c++11 -pedantic-errors "${flags[@]}"
alone vecd.h "as C++20, pedantic" "$cxx" -x c++ -std=c++20 -pedantic-errors "${flags[@]}"
[ $passed -gt 3 ] || { echo "check_headers: found no headers"; failed=$((failed + 1)); }
printf 'check_headers: %d passed, %d failed\n' $passed $failed
[ $failed = 0 ]
