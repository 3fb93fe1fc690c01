"""The cache that `vecd pull` fills: what lies there is damaged, there is no room, nobody may be asked, and the real Python client
reads and writes it too."""
import resource
import shutil
import signal
import subprocess
import sys
import threading

import pytest

from conftest import DEADLINE_S, TINY
from hub import change, header, sha256, slow
from test_pull import ID, WEIGHTS, cache, files_of, hub, stopped_in_the_middle, tiny, weights  # noqa: F401, some are fixtures


# --- what lies there is damaged


def test_a_damaged_cache_is_mended(tiny, cache):
    folder = cache.good(ID)
    blob = cache.blob(weights(tiny))
    blob.write_bytes(blob.read_bytes()[:1000])  # cut short
    (folder / "tokenizer.json").resolve().unlink()  # a link that leads nowhere
    (folder / "config.json").unlink()
    (folder / "config.json").mkdir()
    assert cache.pull(ID)[0] == 1  # a folder is no file of ours to remove
    (folder / "config.json").rmdir()
    assert files_of(cache.good(ID)) == {n: tiny.repos[ID][tiny.commit][n] for n in files_of(folder)}
    assert (cache.folder() / "refs/main").read_text() == tiny.commit
    (cache.folder() / "refs/main").write_text("nonsense")
    cache.good(ID)
    assert (cache.folder() / "refs/main").read_text() == tiny.commit


@pytest.mark.parametrize("part", [b"another file's beginning", b"x" * 154288, b"y" * 200000, b""], ids=len)
def test_a_part_of_something_else(tiny, cache, part):
    blob = cache.blob(weights(tiny))
    blob.parent.mkdir(parents=True)
    blob.with_name(blob.name + ".incomplete").write_bytes(part)
    assert files_of(cache.good(ID))[WEIGHTS] == weights(tiny)


def test_a_link_in_place_of_a_part_is_not_written_through(tiny, cache, tmp_path):
    blob = cache.blob(weights(tiny))
    blob.parent.mkdir(parents=True)
    (tmp_path / "precious").write_text("precious")
    blob.with_name(blob.name + ".incomplete").symlink_to(tmp_path / "precious")
    cache.bad("cannot open")
    assert (tmp_path / "precious").read_text() == "precious"


# --- no room


def test_no_room_is_known_beforehand(tiny, cache):
    tiny.rule("/api/models", change(lambda body: body.replace(b'"size"', b'"other"')))
    tiny.rule(WEIGHTS, header(X_Linked_Size=str(10**15)), method="HEAD")
    cache.bad("1000000000.0 MB are to be downloaded", "HF_HUB_CACHE")
    assert not tiny.asked(".", where="cdn")


def test_a_file_that_cannot_be_written_whole_is_gone_on_from(tiny, cache):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))

    code, out, err = cache.end(cache.start(ID, preexec=limit))
    assert code == 1 and out == "" and "cannot write after 100000 bytes" in err.splitlines()[-1]
    assert files_of(cache.good(ID))[WEIGHTS] == weights(tiny)
    assert [r.first for r in tiny.asked(WEIGHTS, "cdn")] == [0, 100000]


def test_a_full_disk(tiny, cache, tmp_path):
    """A disk of 200 KB in a mount namespace of its own, filled by another while the weights come."""
    cache.root.mkdir()
    script = f"mount -t tmpfs -o size=200k none {cache.root} && "
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rm", "sh", "-c", script + "true"], capture_output=True).returncode:
        pytest.skip("no mounting here")
    event = threading.Event()
    tiny.rule(WEIGHTS, slow(50000, 0.05), where="cdn")
    tiny.rule("/tokenizer.json", lambda r: (event.set(), r.send()), times=1)
    fill = f"(until [ -e {cache.blob(weights(tiny))}.incomplete ]; do sleep 0.01; done; head -c 100000 /dev/zero >{cache.root}/fill) & "
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script + fill + f"{cache.binary} pull {ID}; echo code $?; ls {cache.folder()}/blobs"],
                          capture_output=True, text=True, env=cache.env(), timeout=DEADLINE_S)
    assert "code 1" in done.stdout and "No space left on device" in done.stderr and "make room" in done.stderr, done
    assert sha256(weights(tiny)) not in done.stdout  # nothing that keeps the disk full


# --- offline


def test_offline_asks_nothing(tiny, cache):
    cache.bad("HF_HUB_OFFLINE", "is not in", HF_HUB_OFFLINE="1")
    assert not tiny.log
    folder = cache.good(ID)
    tiny.log.clear()
    assert cache.good(ID, HF_HUB_OFFLINE="yes") == folder == cache.good(ID, "--revision", tiny.commit, TRANSFORMERS_OFFLINE="1")
    assert not tiny.log


# --- with the real Python client

CLIENT = """
import sys
from huggingface_hub import scan_cache_dir, snapshot_download, hf_hub_download, constants
constants.HF_HUB_DISABLE_XET = True
"""


def python(cache, code, **env):
    done = subprocess.run([sys.executable, "-c", CLIENT + code], capture_output=True, text=True, timeout=DEADLINE_S,
                          env=cache.env(HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_PROGRESS_BARS="1", **env))
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_python_reads_what_vecd_wrote(tiny, cache):
    folder = cache.good(ID)
    cache.good(ID, "--revision", tiny.add(ID, files_of(TINY / "bert-no-modules"), "other"))
    cache.good(ID, "--revision", "other")
    tiny.log.clear()
    lines = python(cache, f"""
print(snapshot_download({ID!r}, local_files_only=True))
print(hf_hub_download({ID!r}, "1_Pooling/config.json", local_files_only=True))
print(snapshot_download({ID!r}, revision="other", local_files_only=True))
info = scan_cache_dir()
assert not info.warnings, info.warnings
[repo] = info.repos
print(repo.repo_id, repo.repo_type, len(repo.revisions), sorted(r for v in repo.revisions for r in v.refs), repo.size_on_disk)
""")
    size = sum(p.stat().st_size for p in (cache.folder() / "blobs").iterdir())
    assert lines == [str(folder), str(folder / "1_Pooling/config.json"), str(cache.folder() / "snapshots" / tiny.refs[ID]["other"]),
                     f"{ID} model 2 ['main', 'other'] {size}"]
    assert not tiny.log


def test_python_finds_no_fault_with_an_unfinished_pull(tiny, cache):
    with stopped_in_the_middle(tiny, cache) as process:
        process.kill()
        process.communicate()
        python(cache, "info = scan_cache_dir(); assert not info.warnings, info.warnings")
        # ... and downloads it as if nothing was there
        assert python(cache, f"print(snapshot_download({ID!r}))") == [str(cache.folder() / "snapshots" / tiny.commit)]
    assert (cache.folder() / "snapshots" / tiny.commit / WEIGHTS).read_bytes() == weights(tiny)


def test_vecd_reads_and_completes_what_python_wrote(tiny, cache, vecd):
    folder = python(cache, f"print(snapshot_download({ID!r}, allow_patterns=['*.json']))")
    tiny.log.clear()
    assert [str(cache.good(ID))] == folder
    assert {r.path.split("?")[0].rsplit("/")[-1] for r in tiny.log if "/api/" not in r.path} == {WEIGHTS}
    assert vecd("embed", "-m", folder[0], "hello").raw == vecd("embed", "-m", "bert-mean-norm", "hello").raw
    assert python(cache, "info = scan_cache_dir(); assert not info.warnings; print(len(info.repos))") == ["1"]


def test_vecd_asks_for_nothing_that_python_has(tiny, cache):
    folder = python(cache, f"print(snapshot_download({ID!r}))")
    tiny.log.clear()
    assert [str(cache.good(ID))] == folder and len(tiny.log) == 1
    tiny.log.clear()
    assert [str(cache.good(ID, HF_HUB_OFFLINE="1"))] == folder and not tiny.log


def test_vecd_waits_for_pythons_lock(tiny, cache):
    lock = cache.root / ".locks" / cache.folder().name / f"{sha256(weights(tiny))}.lock"
    lock.parent.mkdir(parents=True)
    holder = subprocess.Popen([sys.executable, "-c", f"""
from huggingface_hub.utils import WeakFileLock
with WeakFileLock({str(lock)!r}):
    print("held", flush=True)
    input()
"""], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    process = cache.start(ID, stderr=subprocess.STDOUT)
    while "another pull is at it" not in (line := process.stdout.readline()):
        assert line
    assert not tiny.asked(".", where="cdn")
    holder.communicate("\n", timeout=DEADLINE_S)
    code, out, _ = cache.end(process)
    assert code == 0 and out.splitlines()[-1].endswith(tiny.commit)


def test_python_waits_for_vecds_lock(tiny, cache):
    with stopped_in_the_middle(tiny, cache) as process:
        python(cache, f"""
from huggingface_hub.utils import WeakFileLock
import filelock
try:
    with WeakFileLock({str(cache.root / '.locks' / cache.folder().name / (sha256(weights(tiny)) + '.lock'))!r}, timeout=0.3):
        sys.exit("vecd's lock is none")
except filelock.Timeout:
    pass
""")
        process.kill()
        process.communicate()
