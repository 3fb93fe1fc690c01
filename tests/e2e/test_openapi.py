"""docs/openapi.json tells the truth: schemathesis makes requests of it, good and bad, and compares the replies with it."""
import json
import pathlib
import subprocess
import sys

import requests

from conftest import DEADLINE_S, ROOT, TINY

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
