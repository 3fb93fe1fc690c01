"""Damaged model folders: each is refused with exit code 1, in one line that names file and fault, quickly and in little memory."""
import json
import os
import resource
import subprocess
import sys
import time

import pytest
from conftest import FAMILIES, GOLDEN, TINY, clean_env

MOST_SECONDS = float(os.environ.get("VECD_MOST_SECONDS", "10"))
MOST_MB = float(os.environ.get("VECD_MOST_MB", "100"))  # sanitizer builds need more

sys.path.insert(0, str(GOLDEN))
import make_damaged  # noqa: E402
import make_damaged_families  # noqa: E402


def make(maker, good, path):
    """The folder of damaged folders, and what to expect of each."""
    subprocess.run([sys.executable, maker.__file__, good, path], check=True, stdout=subprocess.DEVNULL)
    return path, {e["name"]: e for e in json.loads((path / "expected.json").read_text())}


@pytest.fixture(scope="session")
def damaged(tmp_path_factory):
    return make(make_damaged, TINY / "bert-mean-norm", tmp_path_factory.mktemp("damaged"))


@pytest.fixture(scope="session")
def damaged_families(tmp_path_factory):
    return make(make_damaged_families, FAMILIES, tmp_path_factory.mktemp("damaged-families"))


def limit_memory():
    """In the child: an allocation beyond the limit fails, and the error line would tell of that and not of the damage. (The
    resident peak cannot be used: the kernel counts in what the parent held when it forked.)"""
    most = int(MOST_MB * 2**20)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def run(command, env):
    """(exit code, stdout, stderr, seconds)"""
    started = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=env, timeout=4 * MOST_SECONDS,
                          preexec_fn=limit_memory)
    return done.returncode, done.stdout, done.stderr, time.monotonic() - started


def check(result, expected):
    code, out, err, seconds = result
    text = err.decode("utf-8")  # strictly: an error line is always valid UTF-8
    assert code == 1, (code, text)
    assert out == b""
    assert text.count("\n") == 1 and text.endswith("\n"), text
    for word in expected["must_name"]:
        assert word in text, (word, text)
    assert seconds < MOST_SECONDS


@pytest.mark.parametrize("name", [d[0] for d in make_damaged.DAMAGES])
def test_is_refused(name, vecd_bin, damaged):
    path, expected = damaged
    command = [vecd_bin, "embed", "-m", str(path / name), "hello"]
    check(run(command, clean_env(path)), expected[name])


@pytest.mark.parametrize("name", [d[0] for d in make_damaged_families.DAMAGES])
def test_family_is_refused(name, vecd_bin, damaged_families):
    path, expected = damaged_families
    fault = expected[name]
    command = [vecd_bin, "show", str(path / name)]
    if fault["when"] != "open":
        command = [vecd_bin, "embed", "-m", str(path / name), fault["text"]]
    result = run(command, clean_env(path))
    if fault["when"] == "quick" and result[0] == 0:
        assert not result[2] and result[3] < MOST_SECONDS, result[2:]
    else:
        check(result, fault)


@pytest.mark.parametrize("name", ["weights-cut-in-data", "config-missing", "tokenizer-cut-off", "modules-path-up"])
def test_show_refuses_too(name, vecd_bin, damaged):
    path, expected = damaged
    check(run([vecd_bin, "show", str(path / name)], clean_env(path)), expected[name])


GOOD = [TINY / "bert-mean-norm", *(FAMILIES / name for name in sorted({d[1] for d in make_damaged_families.DAMAGES}))]


@pytest.mark.parametrize("good", GOOD, ids=lambda path: path.name)
def test_the_good_folder_is_good(good, vecd_bin, tmp_path):
    """The faults are what is refused, not the folder they were put into."""
    code, out, err, *_ = run([vecd_bin, "embed", "-m", str(good), "hello"], clean_env(tmp_path))
    assert code == 0 and out, err
