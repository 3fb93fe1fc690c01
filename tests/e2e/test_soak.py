"""A server at 70 % of what it can do, for VECD_SOAK_SECONDS (600), with models that come and go: no failure, no growth.

Most requests are for the real default model. A few are for others, of which there is room for one, so they are loaded and evicted all
the time. http_load asks, one client of our own compares answers with the golden vectors. make test-long runs this."""
import json
import os
import pathlib
import subprocess
import threading
import time

import numpy as np
import pytest
import requests

from conftest import DEADLINE_S, GOLDEN, TINY

DEFAULT = "all-MiniLM-L6-v2"
SECONDS = float(os.environ.get("VECD_SOAK_SECONDS", "600"))
LOAD = 0.7
SAMPLES = 100  # of memory
NEAR = 2e-6


@pytest.fixture(scope="module")
def soak_dir(long_run, models_dir, tmp_path_factory):
    """The default model; itself under two other names; two small ones."""
    path = tmp_path_factory.mktemp("soak")
    for name in (DEFAULT, "other-a", "other-b"):
        (path / name).symlink_to(models_dir / DEFAULT)
    for name in ("bert-mean-norm", "bert-cls"):
        (path / name).symlink_to(TINY / name)
    return path


class Asking:
    """http_load on its way; result() waits for its end."""

    def __init__(self, vecd_bin, server, **flags):
        program = pathlib.Path(vecd_bin).parent / "bench" / "http_load"
        argv = [program, *(str(x) for flag, value in flags.items() for x in (f"--{flag}", value)), f"127.0.0.1:{server.port}"]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)

    def result(self):
        out, _ = self.process.communicate(timeout=SECONDS + 10 * DEADLINE_S)
        assert self.process.returncode == 0
        return json.loads(out)


def compare_until(stop, server, n_compared):
    """Asks for golden texts, one after the other, and remembers the first answer that is wrong."""
    texts, vectors = json.loads((GOLDEN / "texts.json").read_text()), np.load(GOLDEN / "minilm_vectors.npy")
    with requests.Session() as session:
        while not stop.wait(0.5):
            i = len(n_compared) * 7 % len(texts)
            reply = session.post(server.url + "/api/v1/embed", json={"texts": [texts[i]]}, timeout=DEADLINE_S)
            assert reply.status_code == 200, reply.text
            assert np.abs(np.array(reply.json()["embeddings"][0], dtype=np.float32) - vectors[i]).max() < NEAR
            n_compared.append(i)


def n_fds(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def test_soak(vecd_bin, start_server, soak_dir, capsys):
    server = start_server("--quantization", "fp32", "--max-models", "2", "--request-timeout", "60", models=soak_dir)
    rate = LOAD * Asking(vecd_bin, server, connections=64, seconds=5).result()["good_per_s"]
    assert rate > 0
    mix = f"97:1:10,2:20:10,0.25:1:10:other-a,0.25:1:10:other-b,0.25:1:10:bert-mean-norm,0.25:1:10:bert-cls"
    rate /= 0.97 + 0.02 * 20 + 0.01  # texts a request
    Asking(vecd_bin, server, rate=rate, mix=mix, seconds=min(10, SECONDS)).result()
    fds, compared, memory, stop = n_fds(server), [], [], threading.Event()
    asking = Asking(vecd_bin, server, rate=rate, mix=mix, seconds=SECONDS, seed=2)
    failed = []

    def compare():
        try:
            compare_until(stop, server, compared)
        except Exception as error:  # told by the test's own thread
            failed.append(error)

    thread = threading.Thread(target=compare)
    thread.start()
    while len(memory) < SAMPLES and asking.process.poll() is None:
        memory.append(server.resident_kb())
        time.sleep(SECONDS / SAMPLES)
    result = asking.result()
    stop.set()
    thread.join()
    with capsys.disabled():
        print(f"\nsoak of {SECONDS:g} s at {rate:.0f}/s: {result['statuses']}, {len(compared)} answers compared, "
              f"{min(memory)} to {max(memory)} KB resident")
    assert not failed and compared
    assert set(result["statuses"]) == {"200"}
    assert not any(result[x] for x in ("broken", "given_up", "unsent", "unfinished")), result
    # Beside the default model there is a small one or another of its size, so the least and the most are compared, each with its like.
    for tenth in (10, 90):
        early, late = (np.percentile(part, tenth) for part in (memory[SAMPLES // 5 : SAMPLES * 2 // 5], memory[-SAMPLES // 5 :]))
        assert late <= 1.05 * early, f"{early} KB in the second fifth, {late} KB in the last (percentile {tenth})"
    stats = requests.get(server.url + "/api/v1/cache/stats", timeout=DEADLINE_S).json()
    assert stats["evictions"] > 0 and stats["resident_models"] <= 2, stats
    time.sleep(1)
    assert n_fds(server) <= fds + 64  # http_load's connections are gone; others may be closing
    assert server.stop() == 0
