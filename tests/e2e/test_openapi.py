"""docs/openapi.json tells the truth: schemathesis makes requests of it, good and bad, and compares the replies with it."""
import json
import pathlib
import shutil
import subprocess
import sys

import pytest
import requests
import schemathesis

from conftest import DEADLINE_S, ROOT, TINY
from test_request_memory import fill

DOCUMENT = ROOT / "docs" / "openapi.json"
ADMIN_KEY = "admin-key-of-the-tests"


def test_the_document_is_served(server):
    reply = requests.get(server.url + "/openapi.json", timeout=DEADLINE_S)
    assert reply.status_code == 200 and reply.headers["Content-Type"] == "application/json"
    assert reply.content == DOCUMENT.read_bytes()
    document = reply.json()
    root = requests.get(server.url + "/", timeout=DEADLINE_S).json()
    assert document["openapi"].startswith("3.1.") and document["info"]["version"] == root["version"]
    listed = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert listed == {(route["method"], route["path"]) for route in root["routes"]}


def test_replies_are_as_described(start_server, tmp_path):
    """The same requests in every run: each operation's examples, its schema's corners, and 20 drawn ones."""
    server = start_server("-m", "bert-mean-norm", "--admin-key", ADMIN_KEY, models=TINY)
    st = pathlib.Path(sys.executable).parent / "st"
    done = subprocess.run(
        [st, "--config-file", ROOT / "tests" / "e2e" / "schemathesis.toml", "run", DOCUMENT, "--url", server.url,
         "--phases", "examples,coverage,fuzzing", "--seed", "1", "--max-examples", "20", "--generation-database", "none",
         "--continue-on-failure", "--request-timeout", str(DEADLINE_S), "-H", f"Authorization: Bearer {ADMIN_KEY}"],
        cwd=tmp_path, capture_output=True, text=True, timeout=DEADLINE_S * 3, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "NO_COLOR": "1"})
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    n = len(json.loads(DOCUMENT.read_text())["paths"])
    assert f"Selected: {n}/{n}" in done.stdout and f"Tested: {n}" in done.stdout, done.stdout[-2000:]
    assert server.stop() == 0


class Described:
    """Asks a server, and holds each reply against the document."""

    def __init__(self, server):
        self.server = server
        self.document = json.loads(DOCUMENT.read_text())
        self.schema = schemathesis.openapi.from_dict(self.document)

    def __call__(self, status, method, path, operation=None, **kwargs):
        reply = requests.request(method, self.server.url + path, timeout=DEADLINE_S, **kwargs)
        described = operation or path
        names = self.document["paths"][described][method.lower()]
        assert reply.status_code == status, reply.text
        assert str(status) in names["responses"], f"{method} {described}: {status} is not described"
        assert self.schema[described][method].is_valid_response(reply), (method, described, status, reply.text)
        assert (status == 401) == ("WWW-Authenticate" in reply.headers) and (status != 429 or int(reply.headers["Retry-After"]) >= 1)
        return reply


MODEL = "/api/v1/models/{id}"
CLIENT, ADMIN = {"Authorization": "Bearer a-key"}, {"X-API-Key": ADMIN_KEY}


@pytest.fixture
def models(tmp_path):
    """Good ones, one that is damaged, one that is not supported."""
    for name in ("bert-mean-norm", "bert-cls"):
        (tmp_path / name).symlink_to(TINY / name)
    for name in ("broken", "strange"):
        shutil.copytree(TINY / "bert-cls", tmp_path / name)
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"")
    config = json.loads((tmp_path / "strange" / "config.json").read_text())
    (tmp_path / "strange" / "config.json").write_text(json.dumps({**config, "model_type": "strange", "architectures": ["Strange"]}))
    return tmp_path


def test_refusals_are_as_described(start_server, models):
    """What schemathesis cannot bring about by itself."""
    server = start_server("-m", "bert-mean-norm", "--api-key", "a-key", "--admin-key", ADMIN_KEY, "--max-body", "256K",
                          "--max-request-memory", "1M", models=models)
    ask = Described(server)

    def embed(status, headers=CLIENT, **body):
        return ask(status, "POST", "/api/v1/embed", headers=headers, json={"texts": ["a"], **body})

    for method, path in (("GET", "/"), ("GET", "/api/v1/models"), ("GET", "/api/v1/cache/stats"), ("POST", "/api/v1/embed")):
        ask(401, method, path)
        ask(401, method, path, headers={"X-API-Key": "another"})
    ask(401, "GET", MODEL.format(id="bert-cls"), MODEL)
    embed(400, dimensions="many")
    ask(400, "GET", MODEL.format(id="%ff"), MODEL, headers=CLIENT)
    embed(404, model="not-here")
    ask(404, "GET", MODEL.format(id="not-here"), MODEL, headers=CLIENT)
    embed(417, headers={**CLIENT, "Expect": "a miracle"})
    embed(422, dimensions=100_000)
    embed(422, texts=["a"] * 4000)
    embed(500, model="broken")
    embed(501, model="strange")
    ask(413, "POST", "/api/v1/embed", headers=CLIENT, data=b"x" * 256 * 1024 + b"x")
    ask(415, "POST", "/api/v1/embed", headers={**CLIENT, "Content-Type": "text/plain"}, data=b"a")
    for path in ("/", "/api/v1/models", "/metrics", "/health/live", "/health/ready", "/openapi.json", "/api/v1/cache/stats"):
        ask(414, "GET", path, params={"q": "x" * 100_000}, headers=CLIENT)
        ask(431, "GET", path, headers={**CLIENT, "X-Long": "x" * 100_000})
    for what in ("load", "unload"):
        operation = f"{MODEL}/{what}"
        ask(401, "POST", operation.format(id="bert-cls"), operation, headers=CLIENT)
        ask(404, "POST", operation.format(id="not-here"), operation, headers=ADMIN)
        ask(413, "POST", operation.format(id="bert-cls"), operation, headers=ADMIN, data=b"x" * 256 * 1024 + b"x")
        ask(415, "POST", operation.format(id="bert-cls"), operation, headers={**ADMIN, "Content-Type": "text/plain"}, data=b"a")
        ask(422, "POST", operation.format(id="bert-cls"), operation, headers=ADMIN, json={"force": True})
    ask(500, "POST", f"{MODEL}/load".format(id="broken"), f"{MODEL}/load", headers=ADMIN)
    ask(501, "POST", f"{MODEL}/load".format(id="strange"), f"{MODEL}/load", headers=ADMIN)
    assert server.stop() == 0


def test_want_of_room_is_as_described(start_server, models):
    server = start_server("-m", "bert-mean-norm", "--admin-key", ADMIN_KEY, "--max-body", "256K", "--max-request-memory", "1M",
                          "--max-connections", "20", models=models)
    ask = Described(server)
    slow = fill(server, b"Content-Length: 262144")
    body = json.dumps({"texts": ["a"]}) + " " * 250_000
    for path, item in ask.document["paths"].items():
        if "post" in item:
            ask(429, "POST", path.format(id="bert-cls"), path, headers=ADMIN, data=body)
    slow += [server.connect() for _ in range(20)]
    for path, item in ask.document["paths"].items():
        for method in item:
            ask(503, method.upper(), path.format(id="bert-cls"), path, headers=ADMIN)
    for sock in slow:
        sock.close()
    assert server.stop() == 0


def test_without_admin_keys_as_described(start_server, models):
    ask = Described(start_server("-m", "bert-mean-norm", models=models))
    for what in ("load", "unload"):
        ask(403, "POST", f"{MODEL}/{what}".format(id="bert-cls"), f"{MODEL}/{what}")
    assert ask.server.stop() == 0
