#!/bin/bash
# run_tests.sh all|check|long - the tests, in phases; the first that fails ends the run. A summary with times closes it.
#
#   all    what CI runs: gcc and clang builds without warnings, the suite, the suite under ASan+UBSan, the threaded tests under
#          TSan, the house checks, the end-to-end tests over a real socket
#   check  the part for while typing: unit, kernel and house tests of the optimised build
#   long   all texts on every ISA, FUZZ_SECONDS (60) of libFuzzer a target, all-mpnet-base-v2, full-size models that come and go (1 GB
#          in build/bench-models), VECD_SOAK_SECONDS (600) of a server at 70 %, large parity runs
#
# Run tools/setup.sh test first (make does). Meson's output, cmocka's and pytest's counts among it, is shown as it comes.
set -eu
cd "$(dirname "$0")/.."

mode=${1-}
case $mode in all | check | long) ;; *) echo "usage: tools/run_tests.sh all|check|long" >&2; exit 2 ;; esac

export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:halt_on_error=1:detect_stack_use_after_return=1${ASAN_OPTIONS+:$ASAN_OPTIONS}
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1${UBSAN_OPTIONS+:$UBSAN_OPTIONS}
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1${TSAN_OPTIONS+:$TSAN_OPTIONS}
export MESON_TESTTHREADS=${MESON_TESTTHREADS:-$(nproc)}
unset VECD_MODEL VECD_HOST VECD_PORT # a user's settings are not the tests'

summary=()
current=
started=0
finish() {
  local rc=$?
  if [ -n "$current" ]; then summary+=("$(printf 'FAILED  %-10s %4d s' "$current" $((SECONDS - started)))"); fi
  printf '\n== summary\n'
  printf '%s\n' "${summary[@]-}"
  if [ $rc = 0 ] && [ -z "$current" ]; then
    printf 'make %s: every phase passed, %d s\n' "$title" $SECONDS
  else
    printf 'make %s: stopped at phase "%s" (its output is above); nothing after it was run\n' "$title" "$current" >&2
  fi
}
trap finish EXIT
trap 'exit 130' INT TERM
case $mode in all) title=test ;; check) title=check ;; long) title=test-long ;; esac

# phase NAME WHAT-IT-DOES COMMAND...
phase() {
  current=$1
  started=$SECONDS
  printf '\n== %s: %s\n' "$1" "$2"
  shift 2
  "$@"
  summary+=("$(printf 'ok      %-10s %4d s' "$current" $((SECONDS - started)))")
  current=
}

# suites DIR TIMEOUT-FACTOR SUITE... runs those Meson suites with their output. None of their tests there is a failure.
suites() {
  local dir=$1 factor=$2 s args=()
  shift 2
  for s in "$@"; do args+=(--suite "$s"); done
  meson test -C "$dir" --no-rebuild --list "${args[@]}" 2>/dev/null | grep -q . || { echo "no tests in: $*" >&2; return 1; }
  meson test -C "$dir" --no-rebuild --verbose --timeout-multiplier "$factor" ${wrapper:+--wrapper "$wrapper"} "${args[@]}"
}
wrapper=

build_gcc() { CC=gcc tools/build.sh build -Dwerror=true -Dtests=true all; }
build_clang() { CC=clang tools/build.sh build-clang -Dwerror=true -Dtests=true all; }
# Under sanitizers gcc's flow analysis sees ghosts, so there warnings are not errors.
build_asan() {
  CC=gcc tools/build.sh build-asan -Dtests=true -Db_sanitize=address,undefined -Dbuildtype=debugoptimized all
}
build_tsan() { CC=gcc tools/build.sh build-tsan -Dtests=true -Db_sanitize=thread -Dbuildtype=debugoptimized all; }

test_gcc() {
  build_gcc
  local factor=1
  if [ -n "${VECD_LONG-}" ]; then factor=40; fi # every float32, every text by the scalar kernels
  meson test -C build --no-rebuild --verbose --timeout-multiplier $factor --no-suite house
}

test_clang() {
  build_clang
  suites build-clang 1 unit kern
}

test_asan() {
  build_asan
  suites build-asan 5 unit kern fuzz golden-tiny
}

# ThreadSanitizer cannot run where the kernel spreads addresses too widely; then the tests run with a fixed layout.
test_tsan() {
  build_tsan
  local probe
  probe=$(mktemp -d)
  echo 'int main(void) { return 0; }' >"$probe/p.c"
  gcc -fsanitize=thread -o "$probe/p" "$probe/p.c"
  if ! "$probe/p" 2>/dev/null; then
    wrapper="setarch $(uname -m) -R"
    $wrapper "$probe/p" || { rm -rf "$probe"; echo "tsan: cannot run here; try: sysctl vm.mmap_rnd_bits=28" >&2; return 1; }
  fi
  rm -rf "$probe"
  suites build-tsan 10 threads
  wrapper=
}

house() {
  suites build 1 house
  if command -v clang-format >/dev/null; then tools/format.sh --check || echo "(only a report: versions of clang-format differ)"; fi
}

# A virtual environment with the pinned test tools, made anew when their list changes.
python_env() {
  local venv=build/venv want
  want=$(sha256sum tests/requirements.txt)
  if [ "$(cat $venv/.made-from 2>/dev/null)" != "$want" ]; then
    rm -rf $venv
    python3 -m venv $venv
    $venv/bin/python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
    printf '%s\n' "$want" >$venv/.made-from
  fi
}

e2e() {
  python_env
  build/venv/bin/python -m pytest -q -ra --durations=5 -p no:cacheprovider tests/e2e
}

# The same server, abused with the sanitizers watching, and damaged folders, with room for what the sanitizers map.
e2e_asan() {
  VECD_BIN=$PWD/build-asan/vecd VECD_MOST_MB=100000000 VECD_MOST_SECONDS=60 build/venv/bin/python -m pytest -q -ra \
    -p no:cacheprovider tests/e2e/test_{server,load,http,damaged}.py
}

# Each target works in a corpus of its own; what it finds is kept in build-fuzz/ and belongs into tests/fuzz/corpus once mended.
fuzz() {
  local target name n=0
  if ! ls /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a >/dev/null 2>&1; then
    echo "no libFuzzer for this clang here: left out"
    return 0
  fi
  CC=clang tools/build.sh build-fuzz -Dtests=false -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false \
    -Dc_args=-fsanitize=fuzzer-no-link -Dbuildtype=debugoptimized all
  for target in build-fuzz/tests/fuzz/fuzz_*; do
    [ -f "$target" ] && [ -x "$target" ] || continue
    name=$(basename "$target")
    mkdir -p "build-fuzz/corpus/$name" "build-fuzz/found"
    printf -- '-- %s, %d s\n' "$name" "${FUZZ_SECONDS:-60}"
    "$target" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 -verbosity=0 \
      -artifact_prefix="build-fuzz/found/$name-" "build-fuzz/corpus/$name" "tests/fuzz/corpus/$name"
    n=$((n + 1))
  done
  [ $n -gt 0 ] || { echo "no fuzz target was built" >&2; return 1; }
  printf 'fuzzing: %d passed, 0 failed\n' $n
}

# Our tokenizer against the one it must equal, on texts nobody wrote down.
parity() {
  local venv=build/venv-parity model=${VECD_MODELS:-${XDG_DATA_HOME:-$HOME/.local/share}/vecd/models}/all-MiniLM-L6-v2
  [ -d $venv ] || python3 -m venv $venv
  $venv/bin/python -m pip install --quiet --disable-pip-version-check "$(grep '^tokenizers==' tests/golden/requirements.txt)"
  tools/build.sh build tests/golden/tokenize_lines
  tools/build.sh build tests/golden/pieces_lines
  $venv/bin/python tests/golden/tokenizer_parity.py build/tests/golden/tokenize_lines "$model/tokenizer.json" --texts "${PARITY_TEXTS:-6000}"
  $venv/bin/python tests/golden/tokenizer_parity.py build/tests/golden/tokenize_lines tests/golden/tokenizers/*/tokenizer.json \
    --texts $((${PARITY_TEXTS:-6000} / 6))
  $venv/bin/python tests/golden/pipeline_parity.py build/tests/golden/pieces_lines --texts "$((${PARITY_TEXTS:-6000} / 20))"
}

# A second model with real weights, for tests/e2e/test_mpnet.py. Where they cannot be had, that is left out and says so.
mpnet() { tools/get_mpnet.sh || echo "no all-mpnet-base-v2 here: its tests will be skipped"; }

case $mode in
  check)
    phase build "optimised build" env CC=gcc tools/build.sh build -Dtests=true all
    phase tests "unit, kernel and house tests" \
      meson test -C build --no-rebuild --print-errorlogs --suite unit --suite kern --suite house
    ;;
  all)
    phase model "the default model, which golden and end-to-end tests need" tools/get_default_model.sh
    phase gcc "optimised build with gcc, warnings are errors; every test" test_gcc
    phase house "layers, symbols, headers, documents" house
    phase clang "the same with clang; unit and kernel tests" test_clang
    phase asan "AddressSanitizer and UndefinedBehaviorSanitizer" test_asan
    phase tsan "ThreadSanitizer over the threaded tests" test_tsan
    phase e2e "end to end: command line, server, documents" e2e
    phase e2e-asan "the server's end-to-end tests and damaged folders under ASan and UBSan" e2e_asan
    ;;
  long)
    phase model "the default model, which golden and end-to-end tests need" tools/get_default_model.sh
    VECD_LONG=1 phase gcc "every test, the long ones too" test_gcc
    phase asan "the suite under ASan and UBSan" test_asan
    phase fuzz "libFuzzer" fuzz
    phase mpnet "the weights of all-mpnet-base-v2, for end-to-end tests" mpnet
    VECD_LONG=1 phase e2e "end to end, the long ones too" e2e
    phase parity "large comparisons with the reference implementations" parity
    ;;
esac
