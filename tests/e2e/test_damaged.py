"""Damaged model folders: each is refused with exit code 1, in one line that names file and fault, quickly and in little memory."""
import json
import os
import subprocess
import sys
import time

import pytest
from conftest import ROOT, TINY, clean_env

MOST_SECONDS = 10
MOST_RSS_MB = float(os.environ.get("VECD_MOST_RSS_MB", "100"))  # sanitizer builds need more

sys.path.insert(0, str(ROOT / "tests" / "golden"))
import make_damaged  # noqa: E402


@pytest.fixture(scope="session")
def damaged(tmp_path_factory):
    """The folder of damaged folders, and what to expect of each."""
    path = tmp_path_factory.mktemp("damaged")
    subprocess.run([sys.executable, make_damaged.__file__, TINY / "bert-mean-norm", path], check=True, stdout=subprocess.DEVNULL)
    return path, {e["name"]: e for e in json.loads((path / "expected.json").read_text())}


def run(command, env, tmp_path):
    """(exit code, stdout, stderr, seconds, peak MB) of this very child, not of all children so far."""
    out, err = tmp_path / "out", tmp_path / "err"
    started = time.monotonic()
    with open(out, "wb") as o, open(err, "wb") as e:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=o, stderr=e, env=env)
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() - started > 4 * MOST_SECONDS:
                child.kill()
            time.sleep(0.002)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, out.read_bytes(), err.read_bytes(), time.monotonic() - started, usage.ru_maxrss / 1024


def check(result, expected):
    code, out, err, seconds, megabytes = result
    text = err.decode("utf-8")  # strictly: an error line is always valid UTF-8
    assert code == 1, (code, text)
    assert out == b""
    assert text.count("\n") == 1 and text.endswith("\n"), text
    for word in expected["must_name"]:
        assert word in text, (word, text)
    assert seconds < MOST_SECONDS
    assert megabytes < MOST_RSS_MB, (megabytes, text)


@pytest.mark.parametrize("name", [d[0] for d in make_damaged.DAMAGES])
def test_is_refused(name, vecd_bin, damaged, tmp_path):
    path, expected = damaged
    command = [vecd_bin, "embed", "-m", str(path / name), "hello"]
    check(run(command, clean_env(path), tmp_path), expected[name])


@pytest.mark.parametrize("name", ["weights-cut-in-data", "config-missing", "tokenizer-cut-off", "modules-path-up"])
def test_show_refuses_too(name, vecd_bin, damaged, tmp_path):
    path, expected = damaged
    check(run([vecd_bin, "show", str(path / name)], clean_env(path), tmp_path), expected[name])


def test_the_good_folder_is_good(vecd_bin, tmp_path):
    """The faults are what is refused, not the folder they were put into."""
    code, out, err, *_ = run([vecd_bin, "embed", "-m", str(TINY / "bert-mean-norm"), "hello"], clean_env(tmp_path), tmp_path)
    assert code == 0 and out, err
