"""Fixtures of the end-to-end tests: the program, models, a running server.

Nothing here asserts on speed: waits are generous deadlines, not measurements. Processes are ended by their own handle.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
TINY, FAMILIES = GOLDEN / "tiny", GOLDEN / "families"
DEADLINE_S = 60  # for anything that must happen; sanitizer builds on a busy machine are slow


# Of a model, as the server and `vecd models --json` tell it.
MODEL_FIELDS = ["id", "name", "hf_path", "state", "is_default", "dimension", "least_dimension", "parameters_m", "size_mb", "max_seq_length", "languages",
                "use_cases", "default_quantization", "description", "architecture", "pooling", "normalized", "prompts", "licence",
                "estimated_memory_mb", "quality", "precision", "parameters", "resident_bytes", "error"]


CACHE = tempfile.TemporaryDirectory(prefix="vecd-test-cache-")  # what servers remember from run to run is not the user's


def default_models_dir():
    base = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return pathlib.Path(os.environ.get("VECD_MODELS") or f"{base}/vecd/models")


def clean_env(models, **more):
    """The environment without a user's vecd settings and cache of the hub, which are not the tests'."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("VECD_", "HF_", "HUGGINGFACE_"))}
    env["VECD_MODELS"] = str(models)
    env["HF_HUB_CACHE"] = "/nonexistent"
    env["XDG_CACHE_HOME"] = CACHE.name
    env.update(more)
    return env


@pytest.fixture(scope="session")
def vecd_bin():
    path = pathlib.Path(os.environ.get("VECD_BIN") or ROOT / "build" / "vecd")
    if not path.exists():
        pytest.fail(f"{path} is not there: run make build, or set VECD_BIN")
    return str(path)


@pytest.fixture(scope="session")
def models_dir():
    """The real models folder with all-MiniLM-L6-v2 in it."""
    path = default_models_dir()
    if not (path / "all-MiniLM-L6-v2" / "model.safetensors").exists():
        pytest.fail(f"no all-MiniLM-L6-v2 in {path}: run tools/get_default_model.sh")
    return path


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory):
    """A models folder of two small models. bert-mean-norm also plays the default model."""
    path = tmp_path_factory.mktemp("models")
    for name in ("bert-mean-norm", "bert-no-modules"):
        (path / name).symlink_to(TINY / name)
    (path / "all-MiniLM-L6-v2").symlink_to(TINY / "bert-mean-norm")
    return path


@pytest.fixture(scope="session")
def tiny_model():
    return TINY / "bert-mean-norm"


def golden_of(folder):
    """(texts, ids, vectors) of a folder of tests/golden, as the reference implementation gives them."""
    doc = json.loads((folder / "golden.json").read_text())
    shared = json.loads((GOLDEN / "texts.json").read_text())
    texts = [shared[i] for i in doc["text_indices"]] + doc["texts"]
    return texts, doc["ids"], np.load(folder / "vectors.npy")


@pytest.fixture(scope="session")
def golden(tiny_model):
    return golden_of(tiny_model)


def write_jsonl(path, texts, **more):
    """The file as `-i` takes it, a text a line, each with `more` beside it; gives the path."""
    path.write_text("".join(json.dumps({"text": t, **more}) + "\n" for t in texts))
    return path


def put_into_cache(cache, repository, folder):
    """As the Python client lays out what it has downloaded: files are links into blobs/."""
    place = cache / f"models--{repository.replace('/', '--')}"
    commit = "0123456789abcdef0123456789abcdef01234567"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text(commit)
    (place / "blobs").mkdir()
    for i, path in enumerate(p for p in sorted(folder.rglob("*")) if p.is_file()):
        link = place / "snapshots" / commit / path.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place / "blobs" / str(i))
        link.symlink_to(os.path.relpath(place / "blobs" / str(i), link.parent))


class Run:
    """What a finished command gave."""

    def __init__(self, done):
        self.code, self.out, self.raw = done.returncode, done.stdout.decode("utf-8", "replace"), done.stdout
        self.err = done.stderr.decode("utf-8", "replace")

    def lines(self):
        return self.out.splitlines()


@pytest.fixture(scope="session")
def vecd(vecd_bin, tiny_models):
    """vecd("embed", "a", stdin=b"...") runs the program with the tiny models and waits for its end."""

    def run(*args, stdin=b"", models=tiny_models, env=None, cwd=None):
        done = subprocess.run(
            [vecd_bin, *map(str, args)], input=stdin, capture_output=True, timeout=DEADLINE_S * 3, cwd=cwd,
            env=clean_env(models, **(env or {})))
        return Run(done)

    return run


class Server:
    """A running `vecd serve`. Everything it prints is kept and shown when a test fails."""

    def __init__(self, binary, models, *flags, wait=True, env=None):
        self.process = subprocess.Popen(
            [binary, "serve", "--host", "127.0.0.1", "--port", "0", *map(str, flags)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=clean_env(models, **(env or {})))
        self.output = bytearray()
        self.host, self.port = "127.0.0.1", None
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        if wait:
            self.wait_ready()

    def _read(self):
        while chunk := os.read(self.process.stdout.fileno(), 65536):
            self.output += chunk

    @property
    def text(self):
        return self.output.decode("utf-8", "replace")

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    def wait_ready(self):
        """The address stands in the line "listening on http://127.0.0.1:PORT"."""
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            if self.port is None and (m := re.search(r"listening on http://127\.0\.0\.1:(\d+)", self.text)):
                self.port = int(m.group(1))
            if self.port and self.status("/health/ready") == 200:
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        self.stop()
        pytest.fail(f"the server did not become ready; it ended with {self.process.returncode} and said:\n{self.text}")

    def status(self, path):
        try:
            reply = self.raw(f"GET {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n".encode())
        except OSError:
            return None
        m = re.match(rb"HTTP/1\.1 (\d{3}) ", reply)
        return int(m.group(1)) if m else None

    def connect(self, timeout=DEADLINE_S):
        return socket.create_connection((self.host, self.port), timeout=timeout)

    def raw(self, data, timeout=DEADLINE_S):
        """Sends bytes, reads until the server closes."""
        with self.connect(timeout) as sock:
            try:
                sock.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused early; the answer is still to be read
            return read_to_end(sock)

    def resident_kb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))

    def stop(self, sig=signal.SIGTERM):
        """Ends the server and gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.reader.join(5)
        return self.process.returncode


def read_to_end(sock):
    got = bytearray()
    try:
        while chunk := sock.recv(65536):
            got += chunk
    except ConnectionResetError:
        pass
    return bytes(got)


@pytest.fixture(scope="session")
def start_server(vecd_bin, tiny_models):
    """start_server("--grace", "5") gives a ready Server with the tiny models; all are ended with the session."""
    servers = []

    def start(*flags, models=tiny_models, wait=True):
        server = Server(vecd_bin, models, *flags, wait=wait)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def shared_server(start_server):
    return start_server()


@pytest.fixture
def server(shared_server):
    """The server most tests share; its death fails the test that caused it."""
    yield shared_server
    assert shared_server.process.poll() is None, f"the server died:\n{shared_server.text}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Server):
                report.sections.append(("server output", value.text[-4000:]))


@pytest.fixture(scope="session")
def long_run():
    """Skips what only make test-long has time for."""
    if os.environ.get("VECD_LONG") != "1":
        pytest.skip("only with VECD_LONG=1 (make test-long)")
