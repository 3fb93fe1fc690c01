#!/bin/bash
# format.sh --write|--check - clang-format over our C files, tables (*_tab.c) excepted.
# --check names what would change and fails; formatting differs a little between clang-format's versions, so CI only reports it.
set -eu
cd "$(dirname "$0")/.."
mapfile -t files < <(git ls-files --cached --others --exclude-standard -- '*.c' '*.h' | grep -v '_tab\.[ch]$')
[ ${#files[@]} -gt 0 ] || { echo "format: no files" >&2; exit 1; }
case ${1-} in
  --write) exec clang-format -i "${files[@]}" ;;
  --check) ;;
  *) echo "usage: tools/format.sh --write|--check" >&2; exit 2 ;;
esac
failed=0
for f in "${files[@]}"; do
  clang-format "$f" | cmp -s - "$f" || { echo "format: $f would change (make fmt)"; failed=$((failed + 1)); }
done
echo "format: $((${#files[@]} - failed)) as they should be, $failed not"
[ $failed = 0 ]
