#!/bin/bash
# setup.sh CLASS - installs the Debian packages that are missing, and says which. Nothing missing: says and does nothing.
#
#   build   compiler, Meson, libraries, pip's virtual environments (for the default model), curl
#   test    the same, and cmocka, SIMDe, valgrind, a C++ compiler and clang with its run-time library
#   dev     the same, and clang-format
#
# What is there is found by looking for the thing itself, not for the package: a Meson from elsewhere counts. On systems without
# apt the list is printed and the script stops.
set -eu

die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

have_ensurepip() {
  local f
  for f in /usr/lib/python3*/ensurepip/__init__.py; do [ -e "$f" ] && return 0; done
  python3 -c 'import ensurepip, venv' 2>/dev/null
}

# clang's version as in its package's name, before or after it is installed; empty where nobody knows.
clang_version() {
  local path
  if path=$(command -v clang); then
    path=$(readlink -f "$path")
    [[ $path =~ llvm-([0-9]+) ]] && echo "${BASH_REMATCH[1]}"
  else
    apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\).*/\1/p' | head -n 1
  fi
}

have_clang_rt() {
  local f
  for f in /usr/lib/llvm-"$1"/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a; do [ -e "$f" ] && return 0; done
  return 1
}

missing=()
# need PACKAGE PROBE...: the package is missing when the probe fails.
need() {
  local package=$1
  shift
  "$@" >/dev/null 2>&1 || missing+=("$package")
}

class=${1-}
case $class in build | test | dev) ;; *) die "usage: tools/setup.sh build|test|dev" ;; esac

find_missing() {
  missing=()
  need gcc command -v gcc
  need libc6-dev test -e /usr/include/stdio.h
  need meson command -v meson
  need ninja-build command -v ninja
  need pkgconf command -v pkg-config
  need libjansson-dev pkg-config --exists jansson
  need libxxhash-dev pkg-config --exists libxxhash
  need libpcre2-dev pkg-config --exists libpcre2-8
  need libcurl4-openssl-dev pkg-config --exists libcurl
  need libssl-dev pkg-config --exists libcrypto
  need python3-venv have_ensurepip
  need curl command -v curl
  if [ "$class" != build ]; then
    need libcmocka-dev pkg-config --exists cmocka
    need libsimde-dev test -e /usr/include/simde/x86/avx512/dpbusd.h
    if [ "$(uname -m)" = x86_64 ]; then need valgrind test -x /usr/bin/valgrind -a -e /usr/include/valgrind/callgrind.h; fi
    need g++ command -v g++
    need clang command -v clang
    local v
    v=$(clang_version)
    [ -z "$v" ] || need "libclang-rt-$v-dev" have_clang_rt "$v"
  fi
  if [ "$class" = dev ]; then need clang-format command -v clang-format; fi
}

find_missing
[ ${#missing[@]} -gt 0 ] || exit 0
if ! command -v apt-get >/dev/null; then
  printf 'setup: this script knows Debian and Ubuntu only. What is missing here, by its Debian name:\n' >&2
  printf '  %s\n' "${missing[@]}" >&2
  exit 1
fi

as_root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || die "run this as root: apt-get install ${missing[*]}"
  as_root=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes
apt() { "${as_root[@]}" apt-get -qq -o Dpkg::Use-Pty=0 "$@"; }

printf 'setup: reading the package lists\n'
apt update || die "apt-get update failed: see its message above; is there a network?"
find_missing # clang's version may be known only now
printf 'setup: installing %s\n' "${missing[*]}"
apt install -y --no-install-recommends "${missing[@]}" >/dev/null || die "apt-get could not install: ${missing[*]}"
find_missing
# clang for this processor may come without a fuzzer: everything but the long fuzzing works without.
still=()
for package in "${missing[@]}"; do
  case $package in
    libclang-rt-*) printf 'setup: %s has no fuzzer for %s: make test-long will leave fuzzing out\n' "$package" "$(uname -m)" ;;
    *) still+=("$package") ;;
  esac
done
[ ${#still[@]} = 0 ] || die "still missing after installation: ${still[*]}"
