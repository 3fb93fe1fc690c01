"""all-mpnet-base-v2 as it is published, beside what sentence-transformers gives for it (tests/golden/make_mpnet.py).

A second model with real weights: the tiny folders of tests/golden show that the arithmetic is right, this one that a folder as
people have it opens. make test-long gets the weights (tools/get_mpnet.sh) and runs this."""
import json

import numpy as np
import pytest

from conftest import GOLDEN, default_models_dir, write_jsonl

EVERY = 4  # which texts have vectors
LEAST_COSINE, MOST_DIFFERENCE = 0.999999, 2e-6  # twice all-MiniLM-L6-v2's bound for twice the layers
INT8_LEAST_COSINE, INT8_MEAN_COSINE = 0.995, 0.999  # as all-MiniLM-L6-v2


@pytest.fixture(scope="module")
def model(long_run):
    path = default_models_dir() / "all-mpnet-base-v2"
    if not path.exists():
        pytest.skip(f"{path} is not there (tools/get_mpnet.sh)")
    return path


@pytest.fixture(scope="module")
def all_texts():
    return json.loads((GOLDEN / "texts.json").read_text())


def test_show(vecd, model):
    run = vecd("show", "--json", model)
    assert run.code == 0, run.err
    shown = json.loads(run.out)
    assert (shown["architecture"], shown["dimension"], shown["layers"], shown["max_tokens"]) == ("mpnet", 768, 12, 384)
    assert (shown["positions"], shown["pooling"], shown["normalize"]) == ("learned+relative", "mean", True)


def test_ids_of_all_texts(vecd, model, all_texts, tmp_path):
    path = write_jsonl(tmp_path / "in.jsonl", all_texts)
    run = vecd("tokenize", "-m", model, "-i", path)
    assert run.code == 0, run.err
    want = json.loads((GOLDEN / "mpnet_ids.json").read_text())
    assert len(want) == len(all_texts) and [json.loads(line) for line in run.lines()] == want


def cpu_has(vecd, isa):
    return vecd("doctor", "--isa", isa).code == 0


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("isa", ["avx512vnni", "avx512", "avxvnni", "avx2", "ref"])
def test_vectors(vecd, model, all_texts, tmp_path, capsys, isa, precision):
    if not cpu_has(vecd, isa):
        pytest.skip(f"this CPU has no {isa}")
    want = np.load(GOLDEN / "mpnet_vectors.npy").astype(np.float64)
    picked = all_texts[::EVERY]
    assert len(want) == len(picked) > 100
    if isa == "ref":  # slow: the shorter ones
        short = sorted(range(len(picked)), key=lambda i: len(picked[i]))[:20]
        picked, want = [picked[i] for i in short], want[short]
    path = write_jsonl(tmp_path / "in.jsonl", picked)
    run = vecd("embed", "-m", model, "-i", path, "--isa", isa, "--quantization", precision)
    assert run.code == 0, run.err
    got = np.array([json.loads(line) for line in run.lines()])
    assert got.shape == want.shape
    cosines = (got * want).sum(axis=1) / np.linalg.norm(got, axis=1) / np.linalg.norm(want, axis=1)
    worst = np.abs(got - want).max()
    with capsys.disabled():
        print(f"\n{isa}, {precision}, {len(got)} texts: largest difference {worst:.2e}, least cosine {cosines.min():.9f}, "
              f"mean {cosines.mean():.9f}")
    if precision == "fp32":
        assert cosines.min() >= LEAST_COSINE and worst <= MOST_DIFFERENCE
    else:
        assert cosines.min() >= INT8_LEAST_COSINE and cosines.mean() >= INT8_MEAN_COSINE
