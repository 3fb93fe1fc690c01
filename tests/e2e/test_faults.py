"""A machine that fails: descriptors run out, the wall clock leaps. (Allocations that fail are in tests/fault.)"""
import json
import re
import subprocess
import time

import pytest
import requests

from conftest import DEADLINE_S, TINY, Server

MODEL = "bert-mean-norm"


def embed(server, model, session=requests):
    return session.post(server.url + "/api/v1/embed", json={"texts": ["a b c"], "model": model}, timeout=DEADLINE_S)


def start_after(commands, vecd_bin, folder, *flags):
    """A server of the tiny models that a shell starts behind those commands."""
    script = folder / "vecd"
    script.write_text(f'#!/bin/sh\n{commands}\nexec "{vecd_bin}" "$@"\n')
    script.chmod(0o755)
    return Server(str(script), TINY, "-m", MODEL, "--log-format", "json", *flags)


# --- descriptors


@pytest.fixture
def narrow_server(vecd_bin, tmp_path):
    server = start_after("ulimit -n 40", vecd_bin, tmp_path)
    yield server
    server.stop()


def test_without_descriptors_who_is_served_stays_served(narrow_server):
    server = narrow_server
    with requests.Session() as session:
        assert embed(server, MODEL, session).status_code == 200  # its connection is there from now on
        crowd = []
        told = 0
        while told < 3:
            assert len(crowd) < 200
            sock = server.connect()
            crowd.append(sock)
            sock.sendall(b"GET /health/live HTTP/1.1\r\nHost: t\r\n\r\n")
            head = sock.recv(4096)
            assert head.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 503 ")), "an answer, not silence"
            told += head.startswith(b"HTTP/1.1 503 ")
        assert embed(server, MODEL, session).status_code == 200, "what needs no descriptor goes on"

        # Opening a model needs some: an error that says so, which hurts no other and is not for ever.
        failed = embed(server, "bert-no-modules", session)
        assert failed.status_code >= 500 and list(failed.json()) == ["error"] and "open files" in failed.json()["error"], failed.text
        assert embed(server, MODEL, session).status_code == 200
        metrics = session.get(server.url + "/metrics", timeout=DEADLINE_S)
        assert metrics.status_code == 200 and "\nvecd_http_connections_refused_total 3\n" in metrics.text
        for path in ("/api/v1/models", "/api/v1/models/bert-no-modules", "/health/ready"):
            assert session.get(server.url + path, timeout=DEADLINE_S).status_code in (200, 500, 503)
        for sock in crowd:
            sock.close()
        end = time.monotonic() + DEADLINE_S
        while (again := embed(server, "bert-no-modules", session)).status_code != 200:
            assert time.monotonic() < end, again.text
            time.sleep(0.05)
    assert server.stop() == 0


# --- the wall clock

# Every look at the wall clock gives another time within ten years around the true one.
LEAPING_CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
static long leap(void) {
  static __thread unsigned state = 1;
  state = state * 1664525u + 1013904223u;
  return (long)(state >> 2) % 315360000 - 157680000;
}
int clock_gettime(clockid_t id, struct timespec *t) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
  int rc = real(id, t);
  if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) t->tv_sec += leap();
  return rc;
}
time_t time(time_t *out) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  if (out) *out = t.tv_sec;
  return t.tv_sec;
}
int gettimeofday(struct timeval *restrict t, void *restrict zone) {
  (void)zone;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  t->tv_sec = now.tv_sec;
  t->tv_usec = now.tv_nsec / 1000;
  return 0;
}
"""


@pytest.fixture
def leaping_server(vecd_bin, tmp_path):
    (tmp_path / "leap.c").write_text(LEAPING_CLOCK)
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", "leap.so", "leap.c", "-ldl"], cwd=tmp_path, check=True)
    if b"__asan_init" in (binary := open(vecd_bin, "rb").read()) or b"__tsan_init" in binary:
        pytest.skip("a sanitizer's runtime wants to be the first library")
    server = start_after(f"export LD_PRELOAD='{tmp_path}/leap.so'", vecd_bin, tmp_path, "--log-level", "debug")
    yield server
    server.stop()


def test_a_clock_that_leaps_changes_no_deadline(leaping_server):
    server = leaping_server
    years, body = set(), b'{"texts":["slow"],"model":"none"}'
    names = ["bert-cls", "bert-max", "bert-sharded", MODEL]
    with requests.Session() as session, server.connect() as idle, server.connect() as slow:
        slow.sendall(b"POST /api/v1/embed HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n" % len(body))
        for i in range(200):
            reply = embed(server, names[i // 10 % 4], session)
            assert reply.status_code == 200, reply.text
            years.add(re.search(r"\d{4}", reply.headers["Date"]).group())
            if i < 20:
                slow.sendall(body[i:i + 1])
        assert len(years) > 3, "the clock did leap"
        # Nobody was cut off by a deadline that seemed to have passed, and sends what is left of its request.
        slow.sendall(body[20:])
        assert slow.recv(12) == b"HTTP/1.1 404"
        idle.sendall(b"GET /health/live HTTP/1.1\r\nHost: t\r\n\r\n")
        assert idle.recv(12) == b"HTTP/1.1 200"
        metrics = session.get(server.url + "/metrics", timeout=DEADLINE_S).text
    assert "\nvecd_http_timeouts_total 0\n" in metrics
    for name in ("request_duration_seconds", "request_queue_seconds", "batch_inference_seconds", "model_load_seconds"):
        sums = re.findall(rf"^vecd_{name}_sum\S* (\S+)$", metrics, re.M)
        assert sums and all(0 <= float(s) < 600 for s in sums), (name, sums)
    took = [json.loads(line)["duration_ms"] for line in server.text.split("\n")[:-1] if '"duration_ms"' in line]
    assert len(took) > 200 and all(0 <= ms < 600_000 for ms in took)
    assert server.stop() == 0
