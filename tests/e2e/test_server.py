"""The server's contract over a real socket, with an ordinary HTTP client: replies, errors, start and end."""
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

import numpy as np
import pytest
import requests

from conftest import DEADLINE_S, MODEL_FIELDS, TINY, Server, clean_env, golden_of, put_into_cache

MODEL = "bert-mean-norm"
NEAR = 2e-6


def post(server, body, **kwargs):
    return requests.post(server.url + "/api/v1/embed", json=body, timeout=DEADLINE_S, **kwargs)


def get(server, path, **kwargs):
    return requests.get(server.url + path, timeout=DEADLINE_S, **kwargs)


def error(reply, status, *words):
    """Exactly {"error": "..."} with this status; gives the text."""
    assert reply.status_code == status, (reply.status_code, reply.text)
    assert reply.headers["Content-Type"].split(";")[0] == "application/json"
    body = reply.json()
    assert list(body) == ["error"] and isinstance(body["error"], str) and body["error"], body
    for word in words:
        assert word in body["error"], body
    return body["error"]


# --- good requests


def test_embed_gives_vectors_model_and_usage(server, golden):
    texts, ids, vectors = golden
    reply = post(server, {"texts": texts, "model": MODEL})
    assert reply.status_code == 200, reply.text
    assert reply.headers["Content-Type"] == "application/json"
    body = reply.json()
    assert list(body) == ["embeddings", "model", "usage", "truncated"]
    assert np.abs(np.array(body["embeddings"], dtype=np.float32) - vectors).max() < NEAR
    assert list(body["model"]) == ["id", "name", "dimension"]
    assert body["model"]["id"] == MODEL and body["model"]["dimension"] == 36 and body["model"]["name"]
    n = sum(map(len, ids))
    assert body["usage"] == {"prompt_tokens": n, "total_tokens": n}
    assert all(len(ids[i]) == 48 for i in body["truncated"])


def test_embed_does_all_that_the_folder_says(start_server):
    """A default prompt, modules behind the pooling, truncation, weights in several files."""
    server = start_server("-m", "bert-mean-norm", models=TINY)
    for name in ("bert-prompt-all-poolings", "bert-dense-two", "bert-truncate-dim", "bert-sharded"):
        before = get(server, f"/api/v1/models/{name}").json()
        texts, ids, want = golden_of(TINY / name)
        body = post(server, {"texts": texts, "model": name}).json()
        assert np.abs(np.array(body["embeddings"]) - want).max() < 1e-5 * max(1, np.abs(want).max())
        assert body["usage"]["total_tokens"] == sum(map(len, ids))
        after = get(server, f"/api/v1/models/{name}").json()
        for field in ("dimension", "normalized", "pooling", "max_seq_length", "size_mb"):
            assert before[field] == after[field], "on disk and in memory alike"
        assert after["dimension"] == want.shape[1] == body["model"]["dimension"]
        assert after["normalized"] == (name in ("bert-dense-two", "bert-sharded"))
    server.stop()


def test_the_default_model_answers_when_none_is_named(server):
    named, unnamed = post(server, {"texts": ["a"], "model": "all-MiniLM-L6-v2"}), post(server, {"texts": ["a"]})
    assert unnamed.status_code == 200 and unnamed.content == named.content
    assert post(server, {"texts": ["a"], "model": None}).content == named.content


def test_the_same_text_has_the_same_bits_alone_and_in_company(server):
    alone = post(server, {"texts": ["the one"], "model": MODEL}).json()["embeddings"][0]
    many = [f"filler {i} " * (i % 7) for i in range(40)]
    assert post(server, {"texts": many + ["the one"], "model": MODEL}).json()["embeddings"][-1] == alone


def test_command_line_and_server_print_the_same_floats(server, vecd):
    line = vecd("embed", "-m", MODEL, "hello wörld").out.strip()
    assert line in post(server, {"texts": ["hello wörld"], "model": MODEL}).text


@pytest.mark.parametrize("text", ["", " ", "\0", "a\0b", "\n", "é", "🙂", "\u0301", "\ufffd", "a" * 100_000, "[CLS] [MASK]"])
def test_strange_texts_are_texts(server, text):
    reply = post(server, {"texts": [text], "model": MODEL})
    assert reply.status_code == 200 and len(reply.json()["embeddings"][0]) == 36


def test_escapes_in_json_are_their_characters(server):
    head = {"Content-Type": "application/json"}
    raw = requests.post(server.url + "/api/v1/embed", headers=head,
                        data=b'{"texts":["\\u00e9 \\ud83d\\ude42 \\/ \\u0000"],"model":"%s"}' % MODEL.encode())
    assert raw.json() == post(server, {"texts": ["é 🙂 / \0"], "model": MODEL}).json()


def test_many_texts_in_one_request(server):
    reply = post(server, {"texts": [f"text {i}" for i in range(2000)], "model": MODEL})
    assert reply.status_code == 200 and len(reply.json()["embeddings"]) == 2000


def test_models_are_listed(server):
    body = get(server, "/api/v1/models").json()
    assert body["default_model"] == "all-MiniLM-L6-v2"
    found = {m["id"]: m for m in body["models"]}
    for model in body["models"]:
        assert list(model) == MODEL_FIELDS
        assert model["state"] in ("available", "loading", "resident", "failed", "remote")
    assert {MODEL, "bert-no-modules", "all-MiniLM-L6-v2"} <= set(found)
    assert found[MODEL]["dimension"] == 36 and found[MODEL]["name"] == MODEL and found[MODEL]["state"] != "remote"
    assert [m["id"] for m in body["models"]][0] == "all-MiniLM-L6-v2", "the default first"
    here = [m for m in body["models"] if not m["is_default"] and m["size_mb"]]
    assert [m["size_mb"] for m in here] == sorted(m["size_mb"] for m in here), "then by size"
    one = get(server, f"/api/v1/models/{MODEL}")
    assert one.status_code == 200 and one.json()["id"] == MODEL and one.json()["dimension"] == 36


def test_a_folder_s_own_facts_win_over_the_catalogue_s(server):
    """The tiny folder that plays the default model here has 36 dimensions; its name, licence and the like come from the catalogue."""
    model = get(server, "/api/v1/models/all-MiniLM-L6-v2").json()
    assert (model["name"], model["hf_path"]) == ("MiniLM L6 v2", "sentence-transformers/all-MiniLM-L6-v2")
    assert (model["dimension"], model["max_seq_length"], model["is_default"]) == (36, 48, True)
    assert model["size_mb"] < 1 and model["parameters"] and abs(model["parameters_m"] - model["parameters"] / 1e6) < 1e-3
    assert model["languages"] == ["en"] and "Short texts" in model["use_cases"] and model["licence"] == "apache-2.0"
    assert (model["state"], model["precision"], model["default_quantization"]) == ("resident", "fp32", "fp32")
    assert model["resident_bytes"] > 0 and model["quality"] is None and model["error"] is None and model["prompts"] == {}
    by_hub = get(server, "/api/v1/models/sentence-transformers/all-MiniLM-L6-v2").json()
    assert by_hub["id"] == "all-MiniLM-L6-v2" and by_hub["state"] == "resident"
    reply = post(server, {"texts": ["a"], "model": "sentence-transformers/all-MiniLM-L6-v2"}).json()
    assert reply["model"] == {"id": "all-MiniLM-L6-v2", "name": "MiniLM L6 v2", "dimension": 36}


def test_what_is_only_in_the_catalogue_is_remote(server):
    model = get(server, "/api/v1/models/e5-small-v2").json()
    assert (model["state"], model["dimension"], model["size_mb"], model["normalized"]) == ("remote", 384, 130, None)
    assert model["estimated_memory_mb"] == {"fp32": 130, "fp16": 65, "int8": 32.5, "int4": 16.25}
    assert model["prompts"] == {"query": "query: ", "passage": "passage: ", "document": "passage: "}
    assert "multilingual-e5-small" in model["description"]
    gte = get(server, "/api/v1/models/thenlper%2Fgte-small").json()
    assert gte["id"] == "gte-small" and gte["estimated_memory_mb"]["fp16"] == gte["size_mb"], "its file has 16 bits a weight"
    error(post(server, {"texts": ["a"], "model": "e5-small-v2"}), 404, "Model not found: e5-small-v2", "`vecd pull e5-small-v2`")
    assert len(get(server, "/api/v1/models/multilingual-e5-small").json()["languages"]) > 90


def test_models_of_the_hub_s_cache_are_served(vecd_bin, tmp_path, tiny_model):
    models, cache = tmp_path / "models", tmp_path / "hub"
    models.mkdir()
    put_into_cache(cache, "intfloat/e5-small-v2", tiny_model)
    put_into_cache(cache, "who/ever", TINY / "bert-no-modules")
    (models / "catalogue.json").write_text(json.dumps([{"id": "e5-small-v2", "name": "Ours", "is_default": True, "licence": "mine"}]))
    server = Server(vecd_bin, models, env={"HF_HUB_CACHE": str(cache)})
    try:
        body = get(server, "/api/v1/models").json()
        assert body["default_model"] == body["models"][0]["id"] == "e5-small-v2"
        found = {m["id"]: m for m in body["models"]}
        assert (found["e5-small-v2"]["name"], found["e5-small-v2"]["licence"]) == ("Ours", "mine")
        assert (found["e5-small-v2"]["state"], found["e5-small-v2"]["dimension"]) == ("resident", 36)
        assert (found["who/ever"]["state"], found["who/ever"]["dimension"]) == ("available", 32)
        assert found["all-MiniLM-L6-v2"]["state"] == "remote" and not found["all-MiniLM-L6-v2"]["is_default"]
        for asked in (None, "e5-small-v2", "intfloat/e5-small-v2"):
            reply = post(server, {"texts": ["a"], **({"model": asked} if asked else {})}).json()
            assert reply["model"] == {"id": "e5-small-v2", "name": "Ours", "dimension": 36}
        assert post(server, {"texts": ["a"], "model": "who/ever"}).json()["model"]["name"] == "ever"
        text = error(post(server, {"texts": ["a"], "model": "who/else"}), 404)
        assert text == "Model not found: who/else"
        (cache / "models--who--broken" / "refs").mkdir(parents=True)
        (cache / "models--who--broken" / "refs" / "main").write_text("../../..")
        text = error(post(server, {"texts": ["a"], "model": "who/broken"}), 500, "refs/main")
        assert str(tmp_path) not in text, "paths of the server's machine are not the client's"
    finally:
        assert server.stop() == 0


def test_a_damaged_catalogue_is_one_line(vecd_bin, tmp_path, tiny_model):
    (tmp_path / "all-MiniLM-L6-v2").symlink_to(tiny_model)
    (tmp_path / "catalogue.json").write_text('[{"id": "mine", "languages": ["english"]}]')
    one_line(run_serve(vecd_bin, tmp_path, "--port", "0"), 1, 'catalogue.json: row 1 (mine): field "languages"')


def test_health_and_root(server):
    for path in ("/health/live", "/health/ready"):
        reply = get(server, path)
        assert reply.status_code == 200 and isinstance(reply.json()["status"], str)
    root = get(server, "/").json()
    assert root["name"] == "vecd" and root["version"] and root["documentation"]


def test_head_is_get_without_the_body(server):
    for path in ("/", "/health/live", "/health/ready", "/api/v1/models", f"/api/v1/models/{MODEL}"):
        head, whole = requests.head(server.url + path, timeout=DEADLINE_S), get(server, path)
        assert head.status_code == 200 and head.content == b""
        assert head.headers["Content-Length"] == str(len(whole.content))


# --- errors


@pytest.mark.parametrize("raw, line, column", [
    (b"", 1, 1), (b"{", 1, 2), (b'{"texts":["a"]', 1, 15), (b'{"texts":["a"]}x', 1, 16), (b'{\n "texts": [nope]\n}', 2, 12),
    (b'{"texts":["a"],}', 1, 16), (b"{'texts':[]}", 1, 2), (b'{"texts":["\\ud800"]}', 1, None), (b'{"texts":["\xff"]}', 1, None),
    (b'{"texts":["a\x01"]}', 1, None), (b"\xef\xbb\xbf{}", 1, 1), (b"NaN", 1, 1), (b"\x00", 1, 1),
])
def test_malformed_json_names_line_and_column(server, raw, line, column):
    reply = requests.post(server.url + "/api/v1/embed", data=raw, headers={"Content-Type": "application/json"}, timeout=DEADLINE_S)
    text = error(reply, 400, f"line {line}")
    assert re.search(r"column \d+", text)
    if column:
        assert f"column {column}" in text, text


def test_deep_json_is_refused(server):
    for deep in (b"[" * 100_000, b'{"texts":' + b"[" * 5000 + b"]" * 5000 + b"}", b'{"a":' * 50_000 + b"1" + b"}" * 50_000):
        reply = requests.post(server.url + "/api/v1/embed", data=deep, headers={"Content-Type": "application/json"}, timeout=DEADLINE_S)
        error(reply, 400)


@pytest.mark.parametrize("body, word", [
    ([], "object"), ("x", "object"), (1, "object"), (True, "object"),
    ({}, "texts"), ({"text": ["a"]}, "texts"), ({"texts": None}, "texts"), ({"texts": "a"}, "texts"), ({"texts": {}}, "texts"),
    ({"texts": []}, "texts"), ({"texts": [1]}, "texts[0]"), ({"texts": ["a", None]}, "texts[1]"), ({"texts": ["a", ["b"]]}, "texts[1]"),
    ({"texts": ["a"], "model": 1}, "model"), ({"texts": ["a"], "model": ["m"]}, "model"),
])
def test_wrong_types_name_the_field(server, body, word):
    error(post(server, body), 400, word)


@pytest.mark.parametrize("body, word", [
    ({"texts": ["a"], "modle": MODEL}, "modle"), ({"texts": ["a"], "precision": "int8"}, "precision"),
    ({"texts": ["a"] * 16385}, "16384"), ({"texts": ["x" * (2**20 + 1)]}, "texts[0]"),
])
def test_impossible_values_are_422(server, body, word):
    error(post(server, body), 422, word)


def test_null_is_absent(server):
    assert post(server, {"texts": ["a"], "model": None, "dimensions": None}).status_code == 200


@pytest.mark.parametrize("model", ["X", "", "../" + MODEL, "/etc", MODEL + "/", "a/b/c", "%2e%2e", "é", "m" * 300])
def test_unknown_model(server, model):
    text = error(post(server, {"texts": ["a"], "model": model}), 404)
    assert text == f"Model not found: {model}" or len(model) > 255 and text.startswith("Model not found: ")


def test_unknown_model_of_a_path(server):
    assert error(get(server, "/api/v1/models/X"), 404) == "Model not found: X"
    assert error(get(server, "/api/v1/models/a%20b%C3%A9"), 404) == "Model not found: a bé"
    assert error(get(server, "/api/v1/models/..%2fbert-mean-norm"), 404) == "Model not found: ../bert-mean-norm"
    for bad in ("%ff", "%zz", "a%"):  # by hand: a client library would escape these
        assert server.status(f"/api/v1/models/{bad}") == 400


@pytest.mark.parametrize("path", ["/nope", "/api", "/api/v1", "/api/v1/embed/", "/API/V1/EMBED", "/health", "/health/ready/x", "/favicon.ico"])
def test_unknown_path(server, path):
    error(get(server, path), 404, path)


@pytest.mark.parametrize("method, path, allowed", [
    ("GET", "/api/v1/embed", {"POST"}), ("PUT", "/api/v1/embed", {"POST"}), ("DELETE", "/api/v1/embed", {"POST"}),
    ("PATCH", "/api/v1/embed", {"POST"}), ("POST", "/api/v1/models", {"GET", "HEAD"}), ("POST", "/", {"GET", "HEAD"}),
    ("DELETE", f"/api/v1/models/{MODEL}", {"GET", "HEAD"}), ("POST", "/health/live", {"GET", "HEAD"}),
])
def test_wrong_method_names_the_right_ones(server, method, path, allowed):
    reply = requests.request(method, server.url + path, timeout=DEADLINE_S)
    error(reply, 405, method)
    assert allowed <= set(reply.headers["Allow"].split(", "))
    assert method not in reply.headers["Allow"].split(", ")


def test_head_of_a_post_route_is_405_without_a_body(server):
    reply = requests.head(server.url + "/api/v1/embed", timeout=DEADLINE_S)
    assert reply.status_code == 405 and "POST" in reply.headers["Allow"] and reply.content == b""


def test_options_tells_what_is_allowed(server):
    for path, method in (("/api/v1/embed", "POST"), ("/api/v1/models", "GET"), ("/", "GET")):
        reply = requests.options(server.url + path, timeout=DEADLINE_S)
        assert reply.status_code == 204 and method in reply.headers["Allow"].split(", ") and reply.content == b""


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "",
                                  "application/json; charset=latin1"])
def test_other_content_types_are_refused(server, kind):
    reply = requests.post(server.url + "/api/v1/embed", data=b'{"texts":["a"]}', headers={"Content-Type": kind}, timeout=DEADLINE_S)
    error(reply, 415, "application/json")


def test_other_content_codings_are_refused(server):
    reply = requests.post(server.url + "/api/v1/embed", data=b"x", headers={"Content-Encoding": "gzip"}, timeout=DEADLINE_S)
    error(reply, 415, "Content-Encoding")


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON;charset=UTF-8"])
def test_json_content_types_are_taken(server, kind):
    reply = requests.post(server.url + "/api/v1/embed", data=b'{"texts":["a"]}', headers={"Content-Type": kind}, timeout=DEADLINE_S)
    assert reply.status_code == 200


def test_no_content_type_is_taken_for_json(server):
    assert requests.post(server.url + "/api/v1/embed", data=b'{"texts":["a"]}', timeout=DEADLINE_S).status_code == 200


def test_query_strings_are_ignored(server):
    assert get(server, "/health/live?x=1").status_code == 200


# --- limits


@pytest.fixture(scope="module")
def small_server(start_server):
    return start_server("--max-body", "2000")


def test_too_large_a_body_is_413(small_server):
    error(post(small_server, {"texts": ["x" * 3000]}), 413, "2000")
    assert post(small_server, {"texts": ["x" * 1000]}).status_code == 200


def test_too_large_a_chunked_body_is_413(small_server):
    def pieces():
        for _ in range(100):
            yield b"x" * 1000
    try:
        reply = requests.post(small_server.url + "/api/v1/embed", data=pieces(), headers={"Content-Type": "application/json"},
                              timeout=DEADLINE_S)
    except requests.ConnectionError:
        pytest.fail("the answer was lost: the server must let the client read it")
    error(reply, 413, "too large")


def test_a_body_that_was_not_read_is_refused_at_the_head(small_server):
    """413 comes before the body, so nothing is uploaded for nothing."""
    with small_server.connect() as sock:
        sock.sendall(b"POST /api/v1/embed HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                     b"Expect: 100-continue\r\nContent-Length: 999999999\r\n\r\n")
        assert sock.recv(4096).startswith(b"HTTP/1.1 413 ")


# --- many clients


def test_concurrent_clients_get_their_own_answers(server, golden):
    texts, _, vectors = golden

    def ask(i):
        with requests.Session() as session:
            for j in range(8):
                k = (i * 5 + j) % len(texts)
                reply = session.post(server.url + "/api/v1/embed", json={"texts": [texts[k]], "model": MODEL}, timeout=DEADLINE_S)
                assert reply.status_code == 200, reply.text
                assert np.abs(np.array(reply.json()["embeddings"][0], dtype=np.float32) - vectors[k]).max() < NEAR
        return True

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        assert all(pool.map(ask, range(64)))


def test_no_thread_per_request(server):
    """Thread count stays what it was while many requests are in flight."""
    def threads():
        with open(f"/proc/{server.process.pid}/status") as f:
            return int(re.search(r"Threads:\s+(\d+)", f.read()).group(1))

    before = threads()
    body = json.dumps({"texts": ["many words " * 10] * 16, "model": MODEL}).encode()
    request = b"POST /api/v1/embed HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    socks = [server.connect() for _ in range(50)]
    for sock in socks:
        sock.sendall(request)
    assert threads() == before
    for sock in socks:
        assert sock.recv(15) == b"HTTP/1.1 200 OK"
        sock.close()


@pytest.mark.parametrize("ms,until", [(3600000, "R"), (1, "S")])
def test_busy_polling(start_server, ms, until):
    """A thread a processor, in the class that takes time from nobody: awake after a request for as long as was said, then asleep."""
    server = start_server("-m", MODEL, "--busy-poll-ms", str(ms), models=TINY)

    def threads():
        """State and scheduling policy of each: proc(5), fields 3 and 41."""
        stats = [(task / "stat").read_text() for task in pathlib.Path(f"/proc/{server.process.pid}/task").iterdir()]
        return [(fields[0], fields[38]) for fields in (s.rpartition(")")[2].split() for s in stats if "(vecd-poll)" in s)]

    assert post(server, {"texts": ["a"], "model": MODEL}).status_code == 200
    cpus = os.sched_getaffinity(0)
    end = time.monotonic() + DEADLINE_S
    while threads() != [(until, str(os.SCHED_IDLE))] * len(cpus):
        assert time.monotonic() < end, threads()
        time.sleep(0.01)
    assert post(server, {"texts": ["b"], "model": MODEL}).status_code == 200
    assert server.stop() == 0


def test_clients_that_leave_hurt_nobody(server):
    body = json.dumps({"texts": ["gone before the answer " * 20] * 200, "model": MODEL}).encode()
    request = b"POST /api/v1/embed HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    for cut in (len(request), len(request) // 2, 40):
        for _ in range(20):
            sock = server.connect()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # close with a reset
            sock.sendall(request[:cut])
            sock.close()
    assert post(server, {"texts": ["still here"], "model": MODEL}).status_code == 200


# --- start and end


def run_serve(vecd_bin, models, *flags):
    return subprocess.run([vecd_bin, "serve", *flags], capture_output=True, text=True, timeout=DEADLINE_S, env=clean_env(models))


def one_line(done, code, *words):
    assert done.returncode == code, (done.returncode, done.stderr)
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("vecd: "), done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


def test_port_in_use(vecd_bin, tiny_models, server):
    done = run_serve(vecd_bin, tiny_models, "--host", "127.0.0.1", "--port", str(server.port))
    one_line(done, 1, str(server.port), "in use")


def test_unreadable_address(vecd_bin, tiny_models):
    one_line(run_serve(vecd_bin, tiny_models, "--host", "203.0.113.1", "--port", "0"), 1, "203.0.113.1")


def test_damaged_default_model(vecd_bin, tmp_path, tiny_model):
    shutil.copytree(tiny_model, tmp_path / "all-MiniLM-L6-v2")
    with open(tmp_path / "all-MiniLM-L6-v2" / "model.safetensors", "r+b") as f:
        f.truncate(1000)
    one_line(run_serve(vecd_bin, tmp_path, "--port", "0"), 1, "model.safetensors")


def test_no_default_model(vecd_bin, tmp_path):
    one_line(run_serve(vecd_bin, tmp_path, "--port", "0"), 1, "all-MiniLM-L6-v2", "get_default_model.sh")


def test_the_environment_sets_what_flags_do_not(vecd_bin, tiny_models, server):
    done = subprocess.run([vecd_bin, "serve"], capture_output=True, text=True, timeout=DEADLINE_S,
                          env=clean_env(tiny_models, VECD_HOST="127.0.0.1", VECD_PORT=str(server.port)))
    one_line(done, 1, str(server.port), "in use")
    bad = subprocess.run([vecd_bin, "serve"], capture_output=True, text=True, timeout=DEADLINE_S,
                         env=clean_env(tiny_models, VECD_PORT="x"))
    assert bad.returncode == 2 and "VECD_PORT" in bad.stderr


def test_without_the_default_model_requests_name_one(start_server, tmp_path, tiny_model):
    (tmp_path / "org").mkdir()
    (tmp_path / "org" / "other").symlink_to(tiny_model)
    server = start_server(models=tmp_path)
    error(post(server, {"texts": ["a"]}), 400, "model", "no default model")
    assert post(server, {"texts": ["a"], "model": "org/other"}).json()["model"] == {"id": "org/other", "name": "other", "dimension": 36}
    for path in ("/api/v1/models/org/other", "/api/v1/models/org%2Fother"):
        assert get(server, path).json()["id"] == "org/other"
    assert get(server, "/api/v1/models").json()["default_model"] is None
    assert server.stop() == 0


def test_a_damaged_model_hurts_no_other(start_server, tmp_path, tiny_model):
    (tmp_path / "all-MiniLM-L6-v2").symlink_to(tiny_model)
    shutil.copytree(tiny_model, tmp_path / "broken")
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"")
    server = start_server(models=tmp_path)
    text = error(post(server, {"texts": ["a"], "model": "broken"}), 500, "broken/model.safetensors")
    assert str(tmp_path) not in text, "paths of the server's machine are not the client's"
    assert get(server, "/api/v1/models/broken").json()["state"] == "failed"
    assert post(server, {"texts": ["a"]}).status_code == 200
    assert server.stop() == 0


def test_another_default_model(start_server, tiny_model):
    server = start_server("-m", "bert-no-modules")
    assert post(server, {"texts": ["a"]}).json()["model"]["id"] == "bert-no-modules"
    assert get(server, "/api/v1/models").json()["default_model"] == "bert-no-modules"
    assert server.stop() == 0


def test_a_curl_line_that_works_is_printed(start_server):
    server = start_server()
    line = next(line for line in server.text.splitlines() if line.lstrip().startswith("curl "))
    done = subprocess.run(line, shell=True, capture_output=True, timeout=DEADLINE_S)
    assert done.returncode == 0 and len(json.loads(done.stdout)["embeddings"][0]) == 36
    assert server.stop() == 0


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains(start_server, sig):
    """What was taken is finished and answered, nothing new is accepted, the exit code is 0."""
    server = start_server("--grace", "300")
    body = json.dumps({"texts": ["many words to keep it busy " * 10] * 6000, "model": MODEL}).encode()
    with server.connect() as busy, server.connect() as idle:
        busy.sendall(b"POST /api/v1/embed HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                     % len(body) + body)
        time.sleep(0.1)
        server.process.send_signal(sig)
        reply = bytearray()
        while chunk := busy.recv(65536):
            reply += chunk
        head, _, content = bytes(reply).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ") and b"connection: close" in head.lower(), head
        if b"chunked" not in head.lower():
            assert len(json.loads(content)["embeddings"]) == 1500
        assert idle.recv(1) == b"", "an idle connection is closed"
    assert server.process.wait(DEADLINE_S) == 0
    with pytest.raises(OSError):
        server.connect(1)


def test_grace_is_a_limit(start_server):
    """A client that never finishes its request cannot keep the server."""
    server = start_server("--grace", "1")
    with server.connect() as stuck:
        stuck.sendall(b"POST /api/v1/embed HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
        time.sleep(0.2)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(DEADLINE_S) == 0


def test_memory_is_flat(server):
    session = requests.Session()

    def burst():
        for i in range(300):
            assert session.post(server.url + "/api/v1/embed", json={"texts": [f"text {i}"] * 4, "model": MODEL},
                                timeout=DEADLINE_S).status_code == 200
        return server.resident_kb()

    first = burst()
    assert burst() < first + 8 * 1024
