"""API keys: who gets in, who does not, and that a key is said nowhere."""
import os
import time

import pytest
import requests

from conftest import DEADLINE_S, TINY
from test_server import MODEL, error, get, one_line, post, run_serve

KEYS = ["first-key", "second~key!with=signs", "k" * 256]


def ask(server, path="/api/v1/models", **headers):
    return requests.get(server.url + path, headers={k.replace("_", "-"): v for k, v in headers.items()}, timeout=DEADLINE_S)


@pytest.fixture(scope="module")
def locked(start_server, tmp_path_factory):
    """Keys from a flag given twice, one of them a list, and from a file."""
    path = tmp_path_factory.mktemp("keys") / "keys"
    path.write_text(f"# who may\n\n  from-the-file \t# a person\r\n{KEYS[2]}")
    server = start_server("-m", MODEL, "--api-key", KEYS[0], "--api-key", f"{KEYS[1]}, other", "--api-key-file", path, models=TINY)
    yield server
    assert server.stop() == 0
    for key in [*KEYS, "other", "from-the-file"]:
        assert key not in server.text, "no log line has a key"


@pytest.mark.parametrize("key", [*KEYS, "other", "from-the-file"])
def test_every_key_opens(locked, key):
    assert ask(locked, Authorization=f"Bearer {key}").status_code == 200
    assert ask(locked, Authorization=f"bearer   {key}").status_code == 200
    assert ask(locked, X_API_Key=key).status_code == 200
    assert post(locked, {"texts": ["a"]}, headers={"Authorization": f"Bearer {key}"}).status_code == 200


@pytest.mark.parametrize("headers", [
    {}, {"Authorization": "Bearer"}, {"Authorization": "Bearer "}, {"Authorization": ""}, {"Authorization": f"Basic {KEYS[0]}"},
    {"Authorization": KEYS[0]}, {"Authorization": f"Bearer {KEYS[0]}x"}, {"Authorization": f"Bearer {KEYS[0][:-1]}"},
    {"Authorization": f"Bearer {KEYS[2]}k"}, {"Authorization": f"Bearer {KEYS[1]},other"}, {"Authorization": "Bearer a person"},
    {"X-API-Key": KEYS[0].upper()}, {"X-API-Key": f"Bearer {KEYS[0]}"}, {"X-API-Key": "#"}, {"X-API-Key": "k" * 10_000},
    {"Authorization": f"Bearer{KEYS[0]}"},
])
def test_nothing_else_does(locked, headers):
    for reply in (get(locked, "/api/v1/models", headers=headers), get(locked, "/", headers=headers),
                  get(locked, f"/api/v1/models/{MODEL}", headers=headers), get(locked, "/api/v1/cache/stats", headers=headers),
                  post(locked, {"texts": ["a"]}, headers=headers)):
        text = error(reply, 401, "key")
        assert reply.headers["WWW-Authenticate"] == "Bearer"
        assert all(key not in text for key in KEYS)


def test_one_good_key_of_two_will_do(locked):
    assert ask(locked, Authorization="Bearer nonsense", X_API_Key=KEYS[0]).status_code == 200
    assert ask(locked, Authorization=f"Bearer {KEYS[0]}", X_API_Key="nonsense").status_code == 200


def test_health_is_public(locked):
    assert get(locked, "/health/live").status_code == get(locked, "/health/ready").status_code == 200


def test_a_stranger_is_refused_before_the_body(locked):
    """At the head: nothing is uploaded for nothing, and 100-continue is not said."""
    with locked.connect() as sock:
        sock.sendall(b"POST /api/v1/embed HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 30000000\r\n\r\n")
        assert sock.recv(4096).startswith(b"HTTP/1.1 401 ")


def test_protect_all(start_server):
    server = start_server("-m", MODEL, "--api-key", "k", "--protect-all", models=TINY, wait=False)
    end = time.monotonic() + DEADLINE_S
    while "ready with" not in server.text and time.monotonic() < end:
        time.sleep(0.02)
    server.port = int(server.text.split("listening on http://127.0.0.1:")[1].split()[0])
    for path in ("/health/live", "/health/ready"):
        error(get(server, path), 401)
        assert ask(server, path, X_API_Key="k").status_code == 200
    assert server.stop() == 0


def test_keys_from_the_environment(start_server, monkeypatch, vecd_bin):
    import conftest
    real = conftest.clean_env
    monkeypatch.setattr(conftest, "clean_env", lambda models, **more: real(models, VECD_API_KEY="e1,e2", VECD_ADMIN_KEY="boss", **more))
    server = start_server("-m", MODEL, models=TINY)
    assert [ask(server, X_API_Key=key).status_code for key in ("e1", "e2", "boss", "e3")] == [200, 200, 200, 401]
    assert "(VECD_API_KEY)" in server.text and "e1" not in server.text and "boss" not in server.text
    assert server.stop() == 0


def test_wrong_keys_end_the_start_without_being_told(vecd_bin, tmp_path):
    path = tmp_path / "keys"
    for flags, words in [
        (["--api-key", "se cret"], ["key 1 of --api-key", "printable ASCII"]), (["--api-key", "ok,s\u00e9cret"], ["key 2 of --api-key"]),
        (["--api-key", "s" * 257], ["1 to 256"]), (["--api-key", ","], ["--api-key", "not empty"]), (["--api-key", ""], ["not empty"]),
        (["--admin-key", ""], ["--admin-key", "not empty"]), (["--protect-all"], ["--protect-all", "--api-key"]),
        (["--api-key-file", path], ["--api-key-file", str(path)]),
    ]:
        done = run_serve(vecd_bin, TINY, "-m", MODEL, "--port", "0", *map(str, flags))
        one_line(done, 1, *words)
        assert "cret" not in done.stderr
    for content, words in [(b"", ["has no key"]), (b"# only this\n \n", ["has no key"]), (b"good\nsecret with blanks\n", ["line 2", "printable"]),
                           (b"a\x00b\n", ["line 1"]), (b"x" * (2**20 + 1), [str(path)])]:
        path.write_bytes(content)
        done = run_serve(vecd_bin, TINY, "-m", MODEL, "--port", "0", "--api-key-file", str(path))
        one_line(done, 1, "--api-key-file", *words)
        assert "secret" not in done.stderr


def test_help_shows_no_key(vecd):
    run = vecd("help", "serve", env={"VECD_API_KEY": "secret", "VECD_ADMIN_KEY": "secret"})
    assert run.code == 0 and "--api-key" in run.out and "secret" not in run.out + run.err
    assert os.environ.get("VECD_API_KEY") is None
