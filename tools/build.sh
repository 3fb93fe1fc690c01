#!/bin/bash
# build.sh DIR [--prefix P] [-Doption=value ...] TARGET - configures DIR when it is new or an option differs, then builds TARGET.
#
# Says nothing when there is nothing to do. A new DIR is configured without the tests, which need more packages than a user has;
# an option once set in DIR stays until another value is given.
set -eu
cd "$(dirname "$0")/.."

dir=$1
shift
target=all
options=()
while [ $# -gt 0 ]; do
  case $1 in
    --prefix) options+=("-Dprefix=$2"); shift ;;
    -D*) options+=("$1") ;;
    *) target=$1 ;;
  esac
  shift
done

wanted=$dir/.vecd-options # what this script asked for last: `meson configure` is slow even when nothing changes
if [ ! -f "$dir/build.ninja" ]; then
  case " ${options[*]-} " in *" -Dtests="*) ;; *) options+=(-Dtests=false) ;; esac
  meson setup "$dir" "${options[@]}" >"$dir.log" 2>&1 || { cat "$dir.log" >&2; rm -f "$dir.log"; exit 1; }
  mv "$dir.log" "$dir/setup.log"
  printf '%s\n' "${options[@]}" >"$wanted"
else
  for option in ${options[@]+"${options[@]}"}; do
    grep -qxF -e "$option" "$wanted" 2>/dev/null && continue
    meson configure "$dir" "$option"
    { grep -v -e "^${option%%=*}=" "$wanted" 2>/dev/null || true; printf '%s\n' "$option"; } >"$wanted.new"
    mv "$wanted.new" "$wanted"
  done
fi

# A dry run tells whether there is work; only then may ninja speak.
plan=$(ninja -C "$dir" -n "$target" 2>&1) || { printf '%s\n' "$plan" >&2; exit 1; }
case $plan in *'no work to do'*) exit 0 ;; esac
exec ninja -C "$dir" "$target"
