"""vecd serve --allow-pull: models of the catalogue that are not here come from a hub on localhost when they are asked for."""
import json
import threading

import pytest

from conftest import TINY, Server
from hub import Hub, stall, status
from test_server import error, get, post

ROW = {"id": "far", "hf_path": "org/far-away", "name": "Far"}


@pytest.fixture
def hub():
    with Hub() as hub:
        hub.add_folder("org/far-away", TINY / "bert-mean-norm")
        yield hub


@pytest.fixture
def start(vecd_bin, tmp_path, hub):
    """start(*flags) gives a server that has one model, and a catalogue that knows of another."""
    models = tmp_path / "models"
    models.mkdir()
    (models / "near").symlink_to(TINY / "bert-cls")
    (models / "catalogue.json").write_text(json.dumps([ROW]))
    env = {"HF_HUB_CACHE": str(tmp_path / "cache"), "HF_HOME": str(tmp_path / "home"), "HF_ENDPOINT": hub.url,
           "HF_HUB_DOWNLOAD_TIMEOUT": "600"}
    servers = []

    def start(*flags, wait=True, **more):
        servers.append(Server(vecd_bin, models, "--request-timeout", 60, *flags, wait=wait, env={**env, **more}))
        return servers[-1]
    yield start
    for server in servers:
        server.stop()


def test_without_the_flag_nothing_is_downloaded(start, hub):
    server = start("-m", "near")
    assert get(server, "/api/v1/models/far").json()["state"] == "remote"
    reply = post(server, {"texts": ["a"], "model": "far"})
    assert reply.status_code == 404 and "vecd pull far" in reply.json()["error"]
    assert not hub.asked("/api/models/org/far-away")


def test_a_model_is_downloaded_when_it_is_asked_for(start, golden):
    texts, _, vectors = golden
    server = start("-m", "near", "--allow-pull")
    body = post(server, {"texts": texts[:3], "model": "org/far-away"}).json()
    assert body["model"]["id"] == "far" and abs(body["embeddings"][2][0] - vectors[2][0]) < 1e-5
    assert get(server, "/api/v1/models/far").json()["state"] == "resident"
    reply = post(server, {"texts": ["a"], "model": "org/unknown"})
    assert reply.status_code == 404, "only what the catalogue knows"


def test_the_default_model_is_downloaded_at_the_start(start, tmp_path, hub):
    server = start("-m", "far", "--allow-pull")
    assert post(server, {"texts": ["a"]}).json()["model"]["id"] == "far"
    said = server.text
    assert said.index("far is downloaded from") < said.index("ready with far")
    (tmp_path / "models" / "catalogue.json").write_text(json.dumps([{**ROW, "is_default": True}]))
    server = start("--allow-pull", HF_HUB_CACHE=str(tmp_path / "another"))
    assert post(server, {"texts": ["a"]}).json()["model"]["id"] == "far", "the catalogue's default"


def test_the_variable_allows_it_too(start):
    server = start("-m", "near", VECD_ALLOW_PULL="1")
    assert post(server, {"texts": ["a"], "model": "far"}).status_code == 200


def test_a_download_goes_on_behind_a_504(start, hub):
    go_on = threading.Event()
    hub.rule("model.safetensors", stall(1000, go_on), where="cdn", times=1)
    server = start("-m", "near", "--allow-pull", "--request-timeout", 1)
    error(post(server, {"texts": ["a"], "model": "far"}), 504, "far is still to be loaded")
    assert get(server, "/api/v1/models/far").json()["state"] == "loading"
    assert post(server, {"texts": ["a"], "model": "near"}).status_code == 200, "others are served meanwhile"
    go_on.set()
    while (reply := post(server, {"texts": ["a"], "model": "far"})).status_code == 504:
        pass
    assert reply.status_code == 200, reply.text
    assert len(hub.asked("model.safetensors", where="cdn", method="GET")) == 2, "one download, which went on where it was"


def test_a_stop_does_not_wait_for_a_download(start, hub):
    never = threading.Event()
    hub.rule("model.safetensors", stall(1000, never), where="cdn")
    server = start("-m", "far", "--allow-pull", "--grace", 600, wait=False)
    while not hub.asked("model.safetensors", where="cdn"):
        assert server.process.poll() is None, server.text
    assert server.stop() == 0
    never.set()


def test_a_hub_that_is_down_is_a_503(start):
    server = start("-m", "near", "--allow-pull", HF_ENDPOINT="http://127.0.0.1:1")
    reply = post(server, {"texts": ["a"], "model": "far"})
    text = error(reply, 503, "downloading far", "http://127.0.0.1:1")
    assert int(reply.headers["Retry-After"]) >= 1
    model = get(server, "/api/v1/models/far").json()
    assert model["state"] == "remote" and model["error"] == text
    server = start("-m", "near", "--allow-pull", HF_HUB_OFFLINE="1")
    assert "/" not in error(post(server, {"texts": ["a"], "model": "far"}), 404, "the hub's cache").replace("org/far-away", "")


def test_a_failed_download_is_told_and_remembered(start, hub):
    hub.rule("/api/models/org/far-away/revision/main", status(404))
    server = start("-m", "near", "--allow-pull")
    first = post(server, {"texts": ["a"], "model": "far"})
    error(first, 404, "downloading far")
    again = post(server, {"texts": ["a"], "model": "far"})
    assert again.status_code == first.status_code and again.json() == first.json()
    assert get(server, "/api/v1/models/far").json()["error"] == first.json()["error"]
    assert post(server, {"texts": ["a"], "model": "near"}).status_code == 200
