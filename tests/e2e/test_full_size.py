"""The four first models of the catalogue in their full size, coming and going in one server that keeps two of them.

all-MiniLM-L6-v2 is the real one, the others have random weights (bench/random_models.py). What a text's vector must be, bit for bit,
the program says itself, alone in a process of its own: which models were resident, who else asked and what shared a batch must not
be seen in it. make test-long runs this; it makes 1 GB of folders under build/bench-models."""
import concurrent.futures
import json
import random
import subprocess
import sys

import numpy as np
import pytest
import requests

from conftest import DEADLINE_S, GOLDEN, ROOT, clean_env, write_jsonl

sys.path.insert(0, str(ROOT / "bench"))
import random_models  # noqa: E402

MODELS = ("all-MiniLM-L6-v2", *random_models.MODELS)
CLIENTS, REQUESTS = 6, 1000
MOST_BYTES = 600  # of a text: long ones only take longer


@pytest.fixture(scope="module")
def full_size_dir(long_run, models_dir):
    return random_models.make_all()


@pytest.fixture(scope="module")
def some_texts():
    texts = [t for t in json.loads((GOLDEN / "texts.json").read_text()) if len(t.encode()) <= MOST_BYTES]
    return texts[::6]


def alone(vecd_bin, models, model, precision, texts, folder):
    """The vectors of one process that has nothing else to do."""
    path, out = write_jsonl(folder / "in.jsonl", texts), folder / "out.npy"
    argv = [vecd_bin, "embed", "-m", model, "-i", path, "--format", "npy", "-o", out, "--quantization", precision]
    subprocess.run(argv, check=True, timeout=10 * DEADLINE_S, env=clean_env(models))
    return np.load(out)


def post(server, texts, model, session=requests):
    reply = session.post(server.url + "/api/v1/embed", json={"texts": texts, "model": model}, timeout=10 * DEADLINE_S)
    assert reply.status_code == 200, (reply.status_code, reply.text[:500])
    return np.array(reply.json()["embeddings"], dtype=np.float32)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_every_answer_has_the_bits_of_the_model_alone(vecd_bin, start_server, full_size_dir, some_texts, tmp_path, precision):
    wanted = {m: alone(vecd_bin, full_size_dir, m, precision, some_texts, tmp_path) for m in MODELS}
    server = start_server("--quantization", precision, "--max-models", "2", "--request-timeout", "600", models=full_size_dir)

    def check(model, picked, session):
        got = post(server, [some_texts[i] for i in picked], model, session)
        assert np.array_equal(got, wanted[model][picked]), (model, picked)

    def client(number):
        draw = random.Random(number)
        with requests.Session() as session:
            for _ in range(REQUESTS // CLIENTS):
                check(draw.choice(MODELS), [draw.randrange(len(some_texts)) for _ in range(draw.choice((1, 1, 4)))], session)
        return REQUESTS // CLIENTS

    def settled_kb():
        """With the same two models resident each time."""
        with requests.Session() as session:
            for model in MODELS:
                check(model, range(len(some_texts)), session)
        return server.resident_kb()

    before = settled_kb()
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        assert sum(pool.map(client, range(CLIENTS))) > REQUESTS - CLIENTS
    after = settled_kb()
    assert after <= 1.05 * before, f"{before} KB before, {after} KB after"
    assert server.stop() == 0
