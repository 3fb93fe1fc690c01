"""The fields of POST /api/v1/embed beside texts and model: what each does to the vectors, and what is said of a wrong one."""
import base64
import itertools
import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from conftest import TINY, golden_of
from test_server import error, get, post

MODEL = "bert-mean-norm"  # 36 dimensions, 48 tokens, normalised, no prompts
ALL_POOLINGS = "bert-prompt-all-poolings"  # six poolings side by side, not normalised; prompts query (the default) and document
TEXTS = ["Hello, world", "", "a somewhat longer text, of more than a few words, so that poolings differ"]
LONG = "one word after the other " * 40


@pytest.fixture(scope="module")
def tiny_server(start_server):
    server = start_server("-m", MODEL, models=TINY)
    yield server
    assert server.stop() == 0


def vectors_of(server, texts, model=MODEL, **fields):
    reply = post(server, {"texts": texts, "model": model, **fields})
    assert reply.status_code == 200, reply.text
    body = reply.json()
    vectors = np.array(body["embeddings"], dtype=np.float32)
    assert vectors.shape == (len(texts), body["model"]["dimension"])
    return vectors


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def near(a, b):
    return a.shape == b.shape and np.abs(a - b).max() < 1e-5 * max(1, np.abs(b).max())


# --- truncate


def test_texts_that_were_cut_are_told(tiny_server):
    body = post(tiny_server, {"texts": ["short", LONG, "", LONG]}).json()
    assert body["truncated"] == [1, 3]
    assert post(tiny_server, {"texts": ["short", LONG, "", LONG], "truncate": True}).json() == body
    assert body["usage"]["total_tokens"] >= 2 * 48
    assert post(tiny_server, {"texts": ["short"]}).json()["truncated"] == []


def test_truncate_false_refuses_a_long_text(tiny_server):
    text = error(post(tiny_server, {"texts": ["short", LONG], "truncate": False}), 422, "texts[1]", "at most 48")
    tokens = int(text.split(": ")[1].split()[0])
    assert tokens > 48
    assert post(tiny_server, {"texts": ["short"], "truncate": False}).json()["truncated"] == []


# --- normalize, dimensions


def test_normalize_false_keeps_the_length(tiny_server):
    normal, raw = vectors_of(tiny_server, TEXTS), vectors_of(tiny_server, TEXTS, normalize=False)
    assert near(np.linalg.norm(normal, axis=1), np.ones(3))
    assert np.abs(np.linalg.norm(raw, axis=1) - 1).min() > 1e-3
    assert near(unit(raw), normal)
    assert (vectors_of(tiny_server, TEXTS, normalize=True) == normal).all()


def test_normalize_true_gives_length_one_where_the_model_does_not(tiny_server):
    raw, normal = vectors_of(tiny_server, TEXTS, ALL_POOLINGS), vectors_of(tiny_server, TEXTS, ALL_POOLINGS, normalize=True)
    assert np.abs(np.linalg.norm(raw, axis=1) - 1).min() > 1e-3
    assert near(unit(raw), normal)
    assert (vectors_of(tiny_server, TEXTS, ALL_POOLINGS, normalize=False) == raw).all()


def test_vectors_are_cut_then_normalised_if_the_model_does(tiny_server):
    whole = vectors_of(tiny_server, TEXTS)
    assert near(vectors_of(tiny_server, TEXTS, dimensions=10), unit(whole[:, :10]))
    assert near(vectors_of(tiny_server, TEXTS, dimensions=1), unit(whole[:, :1]))
    assert (vectors_of(tiny_server, TEXTS, dimensions=36) == whole).all()
    raw = vectors_of(tiny_server, TEXTS, normalize=False)
    assert (vectors_of(tiny_server, TEXTS, dimensions=10, normalize=False) == raw[:, :10]).all()
    as_it_is = vectors_of(tiny_server, TEXTS, ALL_POOLINGS)
    assert (vectors_of(tiny_server, TEXTS, ALL_POOLINGS, dimensions=10) == as_it_is[:, :10]).all()
    assert near(vectors_of(tiny_server, TEXTS, ALL_POOLINGS, dimensions=10, normalize=True), unit(as_it_is[:, :10]))


def test_dimensions_reach_to_the_full_dimension(tiny_server):
    """Where the folder cuts, a request may ask for what was cut off."""
    cut = vectors_of(tiny_server, TEXTS, "bert-truncate-dim")
    assert cut.shape[1] == 10
    full = vectors_of(tiny_server, TEXTS, "bert-truncate-dim", dimensions=24)
    assert full.shape[1] == 24
    error(post(tiny_server, {"texts": TEXTS, "model": "bert-truncate-dim", "dimensions": 25}), 422, "dimensions", "25", "24")
    error(post(tiny_server, {"texts": TEXTS, "dimensions": 2**31 - 1}), 422, "dimensions", "36")
    error(post(tiny_server, {"texts": TEXTS * 100, "dimensions": 2**31 - 1}), 422, "dimensions", "36")


def test_a_cut_the_model_does_not_speak_of_is_warned_of_once(start_server, tmp_path):
    for name in (MODEL, "bert-truncate-dim", "bert-no-modules", "bert-cls", "bert-max"):
        (tmp_path / name).symlink_to(TINY / name)
    (tmp_path / "catalogue.json").write_text(json.dumps([{"id": name, "least_dimension": 8} for name in ("bert-cls", "bert-max")]))
    server = start_server("-m", MODEL, models=tmp_path)
    assert get(server, "/api/v1/models/bert-cls").json()["least_dimension"] == 8
    for _ in range(3):
        assert post(server, {"texts": ["a"], "dimensions": 8}).status_code == 200
        assert post(server, {"texts": ["a"], "dimensions": 36}).status_code == 200
        assert post(server, {"texts": ["a"], "model": "bert-truncate-dim", "dimensions": 8}).status_code == 200
        assert post(server, {"texts": ["a"], "model": "bert-no-modules", "dimensions": 7}).status_code == 200
        assert post(server, {"texts": ["a"], "model": "bert-cls", "dimensions": 8}).status_code == 200
        assert post(server, {"texts": ["a"], "model": "bert-max", "dimensions": 7}).status_code == 200
    assert server.stop() == 0
    lines = [line for line in server.text.splitlines() if "does not say that they may be cut" in line]
    assert len(lines) == 2 and MODEL in lines[0] and "8 of 36" in lines[0] and "bert-no-modules" in lines[1]
    lines = [line for line in server.text.splitlines() if "the fewest they may be cut to" in line]
    assert len(lines) == 1 and "bert-max" in lines[0]


# --- pooling


def test_each_pooling_is_its_part_of_all_side_by_side(start_server, tmp_path):
    """The reference has all six side by side; a copy of that folder has one, in whose place a request asks for each."""
    names = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
    shutil.copytree(TINY / ALL_POOLINGS, tmp_path / "one")
    config = tmp_path / "one" / "1_Pooling" / "config.json"
    settings = json.loads(config.read_text())
    config.write_text(json.dumps({k: k == "pooling_mode_max_tokens" if k.startswith("pooling_mode") else v for k, v in settings.items()}))
    texts, _, want = golden_of(TINY / ALL_POOLINGS)
    width = want.shape[1] // len(names)
    server = start_server("-m", "one", models=tmp_path)
    assert near(vectors_of(server, texts, "one"), want[:, width:2 * width])
    for i, name in enumerate(names):
        assert near(vectors_of(server, texts, "one", pooling=name), want[:, i * width:(i + 1) * width]), name
    assert server.stop() == 0


def test_a_pooling_that_cannot_be_had(tiny_server):
    error(post(tiny_server, {"texts": ["a"], "model": ALL_POOLINGS, "pooling": "mean"}), 422, "pooling", ALL_POOLINGS)


def test_a_pooling_of_a_request_is_its_own(tiny_server):
    """Others that share a batch with it are pooled as ever, and the model's own way has the same bits asked for by name."""
    usual = vectors_of(tiny_server, TEXTS)
    assert (vectors_of(tiny_server, TEXTS, pooling="mean") == usual).all()
    assert not near(vectors_of(tiny_server, TEXTS, pooling="cls"), usual)
    last = vectors_of(tiny_server, TEXTS, pooling="lasttoken")
    for alias in ("last_token", "last-token", "last"):
        assert (vectors_of(tiny_server, TEXTS, pooling=alias) == last).all()
    assert (vectors_of(tiny_server, TEXTS) == usual).all()


def test_other_options_in_the_batch_change_no_bit(start_server):
    """Many clients ask for the same texts in different ways at once, so that batches hold all of them."""
    server = start_server("-m", "bert-prompt", "--batch-window-us", "5000", models=TINY)
    ways = [dict(zip(("pooling", "prompt", "dimensions", "normalize"), way)) for way in
            itertools.product(("cls", "lasttoken", None), ("", "passage: ", None), (8, None), (True, False))]
    texts = TEXTS + [LONG]

    def ask(way):
        reply = post(server, {"texts": texts, "encoding_format": "base64", **way})
        assert reply.status_code == 200, reply.text
        return reply.json()["embeddings"]

    alone = [[post(server, {"texts": [text], "encoding_format": "base64", **way}).json()["embeddings"][0] for text in texts] for way in ways]
    assert len({tuple(vectors) for vectors in alone}) > len(ways) / 2, "ways differ"
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(ask, ways * 3)) == alone * 3
    assert server.stop() == 0


# --- prompts


def test_prompts(tiny_server):
    named = {name: vectors_of(tiny_server, TEXTS, "bert-prompt", prompt_name=name) for name in ("query", "document")}
    assert (vectors_of(tiny_server, TEXTS, "bert-prompt") == named["query"]).all(), "the folder's default"
    assert (vectors_of(tiny_server, TEXTS, "bert-prompt", prompt="query: ") == named["query"]).all()
    assert (vectors_of(tiny_server, TEXTS, "bert-prompt", prompt="passage: ") == named["document"]).all()
    assert not near(named["query"], named["document"])
    none = vectors_of(tiny_server, TEXTS, "bert-prompt", prompt="")
    assert not near(none, named["query"])
    plain = vectors_of(tiny_server, TEXTS)
    assert (vectors_of(tiny_server, TEXTS, prompt="") == plain).all()
    assert not near(vectors_of(tiny_server, TEXTS, prompt="Represent this: "), plain), "any model takes a prompt"


def test_prompts_count_as_tokens(tiny_server):
    def tokens(**fields):
        return post(tiny_server, {"texts": TEXTS, **fields}).json()["usage"]["total_tokens"]

    assert tokens(prompt="one word ") > tokens()
    error(post(tiny_server, {"texts": ["a"], "prompt": LONG, "truncate": False}), 422, "texts[0]", "48")


def test_a_prompt_counts_for_each_text(tiny_server):
    """A small body must not ask for gigabytes of text."""
    error(post(tiny_server, {"texts": [""] * 16384, "prompt": "x" * 2049}), 422, "prompt", "2049 bytes before each of 16384", "--max-body")
    assert post(tiny_server, {"texts": [""] * 100, "prompt": "x" * 2049}).status_code == 200


def test_unknown_prompts_list_the_known(tiny_server):
    error(post(tiny_server, {"texts": ["a"], "model": "bert-prompt", "prompt_name": "qury"}), 422, "qury", "query, document")
    error(post(tiny_server, {"texts": ["a"], "prompt_name": "query"}), 422, "has no prompts")
    error(post(tiny_server, {"texts": ["a"], "model": "bert-prompt", "prompt_name": "query", "prompt": ""}), 422, "not both")


# --- encoding_format


def test_base64_has_the_same_bits(tiny_server):
    texts = TEXTS + [LONG]
    for model in (MODEL, "bert-truncate-dim", ALL_POOLINGS):
        numbers = post(tiny_server, {"texts": texts, "model": model, "encoding_format": "float"}).json()
        coded = post(tiny_server, {"texts": texts, "model": model, "encoding_format": "base64"}).json()
        want = np.array(numbers.pop("embeddings"), dtype="<f4")
        got = [np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4") for text in coded.pop("embeddings")]
        assert (np.array(got).view(np.uint32) == want.view(np.uint32)).all()
        assert numbers == coded


@pytest.mark.parametrize("form", ["float", "base64"])
def test_ten_thousand_texts(tiny_server, form):
    """The reply streams; what the server keeps is the vectors and a piece of text, not all of it."""
    texts = [f"text number {i}" for i in range(10_000)]
    before = tiny_server.resident_kb()
    reply = post(tiny_server, {"texts": texts, "encoding_format": form}, stream=True)
    assert reply.status_code == 200 and reply.headers["Transfer-Encoding"] == "chunked"
    body = json.loads(reply.raw.read(decode_content=True))
    assert len(body["embeddings"]) == 10_000 and body["truncated"] == []
    alone = post(tiny_server, {"texts": [texts[4321]], "encoding_format": form}).json()["embeddings"][0]
    assert body["embeddings"][4321] == alone
    assert tiny_server.resident_kb() < before + 64 * 1024


# --- wrong ones


@pytest.mark.parametrize("field, values", [
    ("truncate", [0, "true", []]), ("normalize", [1, "false"]), ("dimensions", ["8", 8.5, True, [8]]), ("pooling", [1, ["mean"]]),
    ("prompt", [1, {}]), ("prompt_name", [False]), ("encoding_format", [64]),
])
def test_wrong_types_are_400(tiny_server, field, values):
    for value in values:
        error(post(tiny_server, {"texts": ["a"], field: value}), 400, field + ": must be ")


@pytest.mark.parametrize("field, value, words", [
    ("dimensions", 0, ["from 1"]), ("dimensions", -1, ["from 1"]), ("dimensions", 37, ["37", "36"]), ("dimensions", 2**40, ["from 1"]),
    ("pooling", "average", ["cls, max, mean, mean_sqrt_len_tokens, weightedmean, lasttoken"]), ("pooling", "", ["cls"]),
    ("encoding_format", "base-64", ["float, base64"]), ("encoding_format", "", ["float"]), ("prompt", "x" * (2**20 + 1), ["--max-text-bytes"]),
])
def test_wrong_values_are_422(tiny_server, field, value, words):
    error(post(tiny_server, {"texts": ["a"], field: value}), 422, field, *words)


def test_null_fields_are_absent(tiny_server):
    fields = ["model", "truncate", "normalize", "dimensions", "pooling", "prompt", "prompt_name", "encoding_format", "unheard_of"]
    assert post(tiny_server, {"texts": TEXTS, **dict.fromkeys(fields)}).content == post(tiny_server, {"texts": TEXTS}).content
    assert get(tiny_server, "/health/ready").status_code == 200
