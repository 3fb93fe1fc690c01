"""vecd serve --allow-pull: models of the catalogue that are not here come from a hub on localhost when they are asked for."""
import json

import pytest

from conftest import TINY, Server
from hub import Hub, status
from test_server import get, post

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
    env = {"HF_HUB_CACHE": str(tmp_path / "cache"), "HF_HOME": str(tmp_path / "home"), "HF_ENDPOINT": hub.url}
    servers = []

    def start(*flags):
        servers.append(Server(vecd_bin, models, "--request-timeout", 60, *flags, env=env))
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


def test_the_default_model_is_downloaded_at_the_start(start):
    server = start("-m", "far", "--allow-pull")
    assert post(server, {"texts": ["a"]}).json()["model"]["id"] == "far"


def test_a_failed_download_is_told_and_remembered(start, hub):
    hub.rule("/api/models/org/far-away/revision/main", status(404))
    server = start("-m", "near", "--allow-pull")
    first = post(server, {"texts": ["a"], "model": "far"})
    assert first.status_code >= 400 and "far" in first.json()["error"]
    again = post(server, {"texts": ["a"], "model": "far"})
    assert again.status_code == first.status_code and again.json() == first.json()
    assert get(server, "/api/v1/models/far").json()["state"] in ("failed", "remote")
    assert post(server, {"texts": ["a"], "model": "near"}).status_code == 200
