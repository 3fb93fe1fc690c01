"""Loading and unloading by request, what is loaded first, what is kept, and GET /api/v1/cache/stats."""
import re
import time

import pytest
import requests

from conftest import DEADLINE_S, TINY
from test_server import error, get, one_line, post, run_serve

MODEL, OTHER = "bert-mean-norm", "bert-no-modules"
BOSS = {"Authorization": "Bearer boss"}


def act(server, model, what, headers=BOSS, **kwargs):
    return requests.post(f"{server.url}/api/v1/models/{model}/{what}", headers=headers, timeout=DEADLINE_S, **kwargs)


def stats(server):
    reply = get(server, "/api/v1/cache/stats")
    assert reply.status_code == 200
    body = reply.json()
    return body, {m["id"]: m for m in body["models"]}


def wait_for_state(server, model, state):
    end = time.monotonic() + DEADLINE_S
    while get(server, f"/api/v1/models/{model}").json()["state"] != state:
        assert time.monotonic() < end, f"{model} does not become {state}"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def governed(start_server):
    server = start_server("-m", MODEL, "--admin-key", "boss,deputy", models=TINY)
    yield server
    assert server.stop() == 0
    assert "boss" not in server.text and "deputy" not in server.text


def test_load_answers_when_the_model_is_there(governed):
    reply = act(governed, OTHER, "load")
    assert reply.status_code == 200, reply.text
    assert reply.json()["id"] == OTHER and reply.json()["state"] == "resident"
    assert reply.json() == get(governed, f"/api/v1/models/{OTHER}").json()
    assert act(governed, OTHER, "load", headers={"X-API-Key": "deputy"}).json() == reply.json(), "a second time nothing happens"


def test_unload_answers_at_once(governed):
    act(governed, OTHER, "load")
    reply = act(governed, OTHER, "unload")
    assert reply.status_code == 200 and reply.json() == {"id": OTHER, "was_resident": True}
    wait_for_state(governed, OTHER, "available")
    assert act(governed, OTHER, "unload").json() == {"id": OTHER, "was_resident": False}
    assert post(governed, {"texts": ["a"], "model": OTHER}).status_code == 200, "who asks for it gets it loaded again"
    assert get(governed, "/health/ready").status_code == 200


def test_ready_stays_whatever_is_unloaded(governed):
    act(governed, MODEL, "unload")
    wait_for_state(governed, MODEL, "available")
    assert get(governed, "/health/ready").status_code == 200
    assert post(governed, {"texts": ["a"]}).status_code == 200


@pytest.mark.parametrize("what", ["load", "unload"])
def test_who_may(governed, server, what):
    reply = act(governed, MODEL, what, headers={})
    error(reply, 401, "admin key")
    assert reply.headers["WWW-Authenticate"] == "Bearer"
    error(act(governed, MODEL, what, headers={"Authorization": "Bearer bos"}), 401, "admin key")
    error(act(server, MODEL, what), 403, "--admin-key")


def test_an_api_key_is_no_admin_key(start_server):
    server = start_server("-m", MODEL, "--api-key", "user", "--admin-key", "boss", models=TINY)
    error(act(server, OTHER, "load", headers={"Authorization": "Bearer user"}), 401, "admin key")
    assert act(server, OTHER, "load").status_code == 200
    assert get(server, "/api/v1/models", headers=BOSS).status_code == 200, "an admin key opens all doors"
    error(get(server, "/api/v1/models"), 401)
    assert server.stop() == 0


@pytest.mark.parametrize("what", ["load", "unload"])
def test_what_cannot_be(governed, what):
    assert error(act(governed, "X", what), 404) == "Model not found: X"
    assert error(act(governed, "a%2Fb", what), 404) == error(act(governed, "a/b", what), 404) == "Model not found: a/b"
    error(act(governed, "%ff", what), 400)
    error(act(governed, MODEL, what, json={"precision": "int8"}), 422, "body")
    assert act(governed, MODEL, what, json={}).status_code == 200
    assert governed.status(f"/api/v1/models/{MODEL}/{what}") == 404, "GET is of a model of that name"
    reply = requests.put(f"{governed.url}/api/v1/models/{MODEL}/{what}", timeout=DEADLINE_S)
    error(reply, 405)
    assert {"GET", "HEAD", "POST"} <= set(reply.headers["Allow"].split(", "))


def test_an_id_with_a_slash(start_server, tmp_path):
    (tmp_path / "org").mkdir()
    (tmp_path / "org" / "name").symlink_to(TINY / MODEL)
    server = start_server("--admin-key", "boss", models=tmp_path)
    for spelled in ("org/name", "org%2Fname"):
        reply = act(server, spelled, "load")
        assert reply.status_code == 200 and reply.json()["id"] == "org/name"
        assert act(server, spelled, "unload").json() == {"id": "org/name", "was_resident": True}
        wait_for_state(server, "org/name", "available")
    assert server.stop() == 0


def test_a_load_that_fails_says_why(start_server, tmp_path):
    (tmp_path / "good").symlink_to(TINY / MODEL)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    server = start_server("-m", "good", "--admin-key", "boss", models=tmp_path)
    text = error(act(server, "broken", "load"), 500, "broken/config.json")
    assert str(tmp_path) not in text
    _, models = stats(server)
    assert models["broken"]["state"] == "failed" and models["broken"]["load_failures"] >= 1 and models["broken"]["load_ms"] is None
    assert server.stop() == 0


def test_a_client_that_leaves_a_load_hurts_nobody(governed):
    request = f"POST /api/v1/models/{OTHER}/load HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer boss\r\n\r\n".encode()
    for _ in range(10):
        act(governed, OTHER, "unload")
        with governed.connect() as sock:
            sock.sendall(request)
    assert act(governed, OTHER, "load").json()["state"] == "resident"


# --- statistics


def test_statistics(start_server):
    server = start_server("-m", MODEL, "--max-models", "2", "--max-memory-mb", "100", models=TINY)
    before, models = stats(server)
    assert list(before) == ["models", "resident_models", "max_models", "used_bytes", "budget_bytes", "hits", "misses", "hit_rate",
                            "loads", "evictions"]
    assert before["max_models"] == 2 and before["budget_bytes"] == 100 * 2**20 and before["resident_models"] == 1
    assert before["used_bytes"] == models[MODEL]["resident_bytes"] > 0
    for _ in range(4):
        post(server, {"texts": ["a"]})
    for name in ("bert-cls", "bert-max", "bert-cls"):
        post(server, {"texts": ["a"], "model": name})
    after, models = stats(server)
    assert set(models) == {MODEL, "bert-cls", "bert-max"}
    assert list(models[MODEL]) == ["id", "state", "precision", "resident_bytes", "users", "hits", "misses", "loads", "load_failures",
                                   "evictions", "last_used", "load_ms"]
    gone, here = models[MODEL], models["bert-cls"]
    assert gone["state"] == "available" and gone["precision"] is None and gone["resident_bytes"] == 0 and gone["evictions"] == 1
    assert gone["hits"] >= 4
    assert here["state"] == "resident" and here["precision"] == "fp32" and here["users"] == 0
    assert (here["hits"], here["misses"], here["loads"], here["evictions"]) == (1, 1, 1, 0) and here["load_ms"] > 0
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", here["last_used"])
    assert after["loads"] == 3 and after["evictions"] == 1 and after["resident_models"] == 2
    assert after["hits"] == sum(m["hits"] for m in models.values()) and after["misses"] == sum(m["misses"] for m in models.values())
    assert abs(after["hit_rate"] - after["hits"] / (after["hits"] + after["misses"])) < 1e-4
    assert after["used_bytes"] == sum(m["resident_bytes"] for m in models.values())
    assert server.stop() == 0


# --- what is loaded first, what is kept, precisions


def test_preload(start_server):
    server = start_server("-m", MODEL, "--preload", f"bert-cls,{OTHER}", "--preload", "bert-max", models=TINY)
    _, models = stats(server)
    assert {name for name, m in models.items() if m["state"] == "resident"} == {"bert-cls", OTHER, "bert-max"}
    assert post(server, {"texts": ["a"]}).json()["model"]["id"] == MODEL
    assert server.stop() == 0


@pytest.mark.parametrize("nothing", ["none", ""])
def test_preload_nothing(start_server, nothing):
    server = start_server("-m", MODEL, "--preload", nothing, models=TINY)
    body, models = stats(server)
    assert body["hit_rate"] is None and not models
    assert post(server, {"texts": ["a"]}).status_code == 200
    assert server.stop() == 0


def test_preload_from_the_environment(start_server, monkeypatch):
    monkeypatch.setenv("PRELOAD_MODELS", "bert-cls, bert-max")
    server = start_server("-m", MODEL, models=TINY)
    _, models = stats(server)
    assert set(models) == {"bert-cls", "bert-max"}
    assert server.stop() == 0


def test_a_preload_that_fails_ends_the_start(vecd_bin, tmp_path):
    (tmp_path / "good").symlink_to(TINY / MODEL)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    start = ["-m", "good", "--port", "0"]
    one_line(run_serve(vecd_bin, tmp_path, *start, "--preload", "good,broken"), 1, "broken/config.json")
    one_line(run_serve(vecd_bin, tmp_path, *start, "--preload", "good,nope"), 1, "--preload: Model not found: nope")
    one_line(run_serve(vecd_bin, tmp_path, *start, "--keep", "nope"), 1, "--keep: Model not found: nope")
    one_line(run_serve(vecd_bin, tmp_path, *start, "--preload", "good,broken", "--max-models", "1"), 1, "--preload", "--max-models")
    one_line(run_serve(vecd_bin, tmp_path, *start, "--max-request-memory", "64M"), 1, "--max-request-memory", "--max-body")
    one_line(run_serve(vecd_bin, tmp_path, *start, "--model", "nope=int8"), 1, "--model: Model not found: nope")
    for model in ("good=int4", "=int8"):
        one_line(run_serve(vecd_bin, tmp_path, *start, "--model", model), 1, "--model", "ID=fp32, ID=int8 or ID=auto")


def test_what_is_kept_stays(start_server):
    server = start_server("-m", MODEL, "--max-models", "2", "--keep", MODEL, models=TINY)
    for name in ("bert-cls", "bert-max", "bert-dense-two"):
        assert post(server, {"texts": ["a"], "model": name}).status_code == 200
    _, models = stats(server)
    assert {name for name, m in models.items() if m["state"] == "resident"} == {MODEL, "bert-dense-two"}
    assert server.stop() == 0


def test_precisions_of_single_models(start_server):
    server = start_server("--model", f"{MODEL}=int8", "-m", MODEL, "--model", f"{OTHER}=int8", "--model", f"{OTHER}=fp32", models=TINY)
    for name in (OTHER, "bert-cls"):
        post(server, {"texts": ["a"], "model": name})
    _, models = stats(server)
    assert {name: m["precision"] for name, m in models.items()} == {MODEL: "int8", OTHER: "fp32", "bert-cls": "fp32"}
    assert server.stop() == 0


def test_a_model_too_large_for_the_budget(start_server, vecd_bin, models_dir):
    one_line(run_serve(vecd_bin, models_dir, "--port", "0", "--max-memory-mb", "20"), 1, "all-MiniLM-L6-v2", "--max-memory-mb")
    server = start_server("--preload", "none", "--max-memory-mb", "20", models=models_dir)
    reply = post(server, {"texts": ["a"]})
    error(reply, 503, "all-MiniLM-L6-v2 needs", "--max-memory-mb")
    assert int(reply.headers["Retry-After"]) >= 1
    assert server.stop() == 0
