"""What whoever runs the server sees of it: /metrics, the log, request ids, signals."""
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from conftest import DEADLINE_S, ROOT, TINY, Server, clean_env

MODEL = "bert-mean-norm"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def post(server, body, path="/api/v1/embed", **kwargs):
    return requests.post(server.url + path, json=body, timeout=DEADLINE_S, **kwargs)


def get(server, path, **kwargs):
    return requests.get(server.url + path, timeout=DEADLINE_S, **kwargs)


def scrape(server):
    """{name: {labels as sorted tuple: value}} of /metrics, read by Prometheus's own parser; families as {name: type}."""
    reply = get(server, "/metrics")
    assert reply.status_code == 200
    assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples, types = {}, {}
    for family in text_string_to_metric_families(reply.text):
        assert family.name not in types, "a family stands in one place"
        assert family.documentation and family.type in ("counter", "gauge", "histogram")
        types[family.name] = family.type
        for s in family.samples:
            key = tuple(sorted(s.labels.items()))
            assert key not in samples.setdefault(s.name, {}), "a sample stands once"
            samples[s.name][key] = s.value
    return samples, types


def value(samples, name, **labels):
    return samples.get(name, {}).get(tuple(sorted(labels.items())))


def until(condition):
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture(scope="module")
def own_server(vecd_bin, tiny_models):
    server = Server(vecd_bin, tiny_models, "--log-level", "debug", "--log-format", "json")
    yield server
    server.stop()


# --- metrics


def test_requests_are_counted_by_model_and_status(own_server):
    before, _ = scrape(own_server)
    texts = ["one", "two words", "and three words"]
    tokens = 0
    for _ in range(5):
        tokens += post(own_server, {"texts": texts, "model": MODEL}).json()["usage"]["total_tokens"]
    assert post(own_server, {"texts": ["a"], "model": "no-such-model"}).status_code == 404
    assert post(own_server, {"texts": ["a"] * 16385, "model": MODEL}).status_code == 422
    assert requests.post(own_server.url + "/api/v1/embed", data=b"{", timeout=DEADLINE_S).status_code == 400
    assert post(own_server, {"texts": []}).status_code == 400
    after, _ = scrape(own_server)

    def grown(name, **labels):
        return (value(after, name, **labels) or 0) - (value(before, name, **labels) or 0)

    assert grown("vecd_requests_total", model=MODEL, status="200") == 5
    assert grown("vecd_requests_total", model="", status="404") == 1
    assert grown("vecd_requests_total", model="", status="400") == 2
    assert grown("vecd_texts_total", model=MODEL) >= 15 and grown("vecd_tokens_total", model=MODEL) >= tokens
    for name in ("vecd_request_duration_seconds", "vecd_request_serialize_seconds"):
        assert grown(name + "_count", model=MODEL) == 5 and grown(name + "_sum", model=MODEL) > 0
    for name in ("queue_seconds", "batch_tokenize_seconds", "batch_inference_seconds", "batch_texts", "batch_tokens"):
        full = "vecd_request_" + name if name == "queue_seconds" else "vecd_" + name
        assert grown(full + "_count", model=MODEL) >= 1 and grown(full + "_sum", model=MODEL) > 0
    assert grown("vecd_batch_texts_sum", model=MODEL) >= 15
    assert value(after, "vecd_requests_in_flight", model=MODEL) == 0
    assert grown("vecd_http_requests_total") >= 10 and grown("vecd_http_received_bytes_total") > 1000
    assert grown("vecd_http_replies_total", **{"class": "2xx"}) >= 5
    assert value(after, "vecd_model_state", model=MODEL, state="resident") == 1
    assert value(after, "vecd_model_loads_total", model=MODEL) == 1 and value(after, "vecd_model_hits_total", model=MODEL) >= 4
    assert value(after, "vecd_model_resident_bytes", model=MODEL) > 100_000
    assert value(after, "vecd_models_bytes") >= value(after, "vecd_model_resident_bytes", model=MODEL)


def test_only_models_that_exist_have_labels(own_server):
    before, _ = scrape(own_server)
    for i in range(50):
        assert post(own_server, {"texts": ["a"], "model": f"made-up-{i}\"\n{{}}"}).status_code == 404
    after, types = scrape(own_server)
    models = {dict(labels).get("model") for samples in after.values() for labels in samples} - {None}
    assert models <= {"", MODEL, "all-MiniLM-L6-v2", "bert-no-modules"}
    assert sum(map(len, after.values())) <= sum(map(len, before.values())) + 1
    assert len(types) > 50


def test_histograms_are_cumulative_and_end_with_their_count(own_server):
    post(own_server, {"texts": ["a"], "model": MODEL})
    samples, types = scrape(own_server)
    n = 0
    for name in (name for name, kind in types.items() if kind == "histogram"):
        series = {}
        for labels, count in samples[name + "_bucket"].items():
            labels = dict(labels)
            series.setdefault(labels["model"], []).append((float(labels["le"]), count))
        for model, buckets in series.items():
            counts = [count for _, count in sorted(buckets)]
            assert counts == sorted(counts) and len(counts) == 21 and max(buckets)[0] == float("inf")
            assert counts[-1] == value(samples, name + "_count", model=model)
            n += 1
    assert n >= 8


def test_the_process_is_measured(own_server):
    samples, _ = scrape(own_server)
    resident = value(samples, "process_resident_memory_bytes")
    assert abs(resident / 1024 - own_server.resident_kb()) < 16 * 1024
    assert 5 < value(samples, "process_open_fds") < value(samples, "process_max_fds")
    assert value(samples, "process_cpu_seconds_total") > 0
    with open(f"/proc/{own_server.process.pid}/stat") as stat, open("/proc/stat") as system:
        began = int(stat.read().rsplit(")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")
        boot = int(re.search(r"^btime (\d+)", system.read(), re.M).group(1))
    assert abs(value(samples, "process_start_time_seconds") - (boot + began)) < 60
    version = get(own_server, "/").json()["version"]
    assert value(samples, "vecd_build_info", version=version) == 1 and value(samples, "vecd_ready") == 1
    tags = {dict(labels)["tag"] for labels in samples["vecd_memory_bytes"]}
    assert {"weights", "vocabulary", "scratch", "request", "http"} <= tags
    assert value(samples, "vecd_memory_bytes", tag="weights") > 10_000


def test_a_client_that_left_is_counted(own_server):
    body = json.dumps({"texts": ["many words to keep it busy " * 40] * 4000, "model": "bert-no-modules"}).encode()
    before, _ = scrape(own_server)

    def in_flight():
        return value(scrape(own_server)[0], "vecd_requests_in_flight", model="bert-no-modules")

    def ended():
        return sum(value(scrape(own_server)[0], "vecd_requests_total", model="bert-no-modules", status=s) or 0 for s in ("200", "499"))

    with own_server.connect() as sock:
        sock.sendall(b"POST /api/v1/embed HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        until(lambda: in_flight() or ended() == 1)
    until(lambda: not in_flight() and ended() == 1)
    after, _ = scrape(own_server)
    gone = value(after, "vecd_requests_total", model="bert-no-modules", status="499") or 0
    assert value(after, "vecd_http_cancelled_total") >= value(before, "vecd_http_cancelled_total") + gone


def test_the_manual_lists_the_metrics_as_they_are(own_server):
    """Name, type, labels and words of each, in the order of /metrics."""
    text = get(own_server, "/metrics").text
    said = re.findall(r"^# HELP (\w+) (.*)\n# TYPE \1 (\w+)$", text, re.M)
    manual = (ROOT / "docs" / "OPERATIONS.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (counter|gauge|histogram) \| (.*?) \| (.*) \|$", manual, re.M)
    assert [(name, words, kind) for name, kind, _, words in rows] == said and len(rows) > 50
    samples, _ = scrape(own_server)
    for name, kind, labels, _ in rows:
        for sample in samples.get(name + "_count" if kind == "histogram" else name, {}):
            assert {label for label, _ in sample} == set(re.findall(r"\w+", labels)), name
    named = set(re.findall(r"\b(?:vecd|process)_[a-z_]+\b", manual)) - {"vecd_request_duration_seconds_bucket"}
    assert named == {name for name, *_ in rows}, "what the manual speaks of is in its table"


def test_the_manual_names_flags_that_exist(vecd):
    flags = set(re.findall(r"--[a-z][a-z-]+", "".join(vecd("help", c).out for c in ("serve", "quality", "pull"))))
    for path in ("OPERATIONS.md", "vecd.service"):
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", (ROOT / "docs" / path).read_text())) <= flags, path
    variables = set(re.findall(r"VECD_[A-Z_]+", vecd("help", "serve").out))
    assert set(re.findall(r"VECD_[A-Z_]+", (ROOT / "docs" / "vecd.service").read_text())) <= variables


def test_scraping_while_serving(own_server):
    """Scrapes of many clients and requests at once: each scrape is whole, counters only grow."""
    ended = threading.Event()

    def work():
        with requests.Session() as session:
            while not ended.is_set():
                session.post(own_server.url + "/api/v1/embed", json={"texts": ["a b c"], "model": MODEL}, timeout=DEADLINE_S)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for w in workers:
        w.start()
    last = 0
    try:
        for _ in range(20):
            samples, _ = scrape(own_server)
            now = value(samples, "vecd_requests_total", model=MODEL, status="200") or 0
            assert now >= last and 0 <= value(samples, "vecd_requests_in_flight", model=MODEL) <= 4
            last = now
    finally:
        ended.set()
        for w in workers:
            w.join()


# --- request ids and the log


def log_of(server, request_id):
    """The lines of the log about a request; it is answered before its line is written."""
    def lines():
        whole = [line for line in server.text.split("\n")[:-1] if line.startswith("{")]
        return [line for line in map(json.loads, whole) if line.get("request_id") == request_id]

    until(lines)
    return lines()


def test_every_reply_has_a_request_id(own_server):
    seen = set()
    for reply in (get(own_server, "/"), get(own_server, "/nope"), get(own_server, "/metrics"), get(own_server, "/api/v1/models"),
                  get(own_server, "/api/v1/embed"), requests.options(own_server.url + "/", timeout=DEADLINE_S),
                  post(own_server, {"texts": ["a"], "model": MODEL}), post(own_server, {"texts": ["a"], "model": "X"}),
                  post(own_server, {"texts": [f"text {i}" for i in range(2000)], "model": MODEL})):
        made = reply.headers["X-Request-Id"]
        assert re.fullmatch(r"[0-9a-f]{32}", made) and made not in seen
        seen.add(made)
        mine = requests.request(reply.request.method, reply.request.url, timeout=DEADLINE_S,
                                headers={"X-Request-Id": "mine, 1"}, data=reply.request.body)
        assert mine.status_code == reply.status_code and mine.headers["X-Request-Id"] == "mine, 1"


@pytest.mark.parametrize("bad", ["", "x" * 129, "tab\tinside", "caf\xe9"])
def test_a_request_id_that_cannot_be_is_replaced(own_server, bad):
    reply = own_server.raw(b"GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\nX-Request-Id: " + bad.encode("latin1") + b"\r\n\r\n")
    assert re.search(rb"\r\nX-Request-Id: [0-9a-f]{32}\r\n", reply)


def test_a_request_s_line_has_its_facts(own_server):
    text = "a text that is nobody's business"
    reply = post(own_server, {"texts": [text, "b"], "model": MODEL},
                 headers={"X-Request-Id": "facts", "traceparent": f"00-{TRACE}-{SPAN}-01", "Authorization": "Bearer secret-key"})
    line, = log_of(own_server, "facts")
    assert line["level"] == "debug" and line["message"] == "POST /api/v1/embed"
    assert line["trace_id"] == TRACE and line["span_id"] == SPAN and line["model"] == MODEL and line["status"] == 200
    assert line["texts"] == 2 and line["tokens"] == reply.json()["usage"]["total_tokens"] and line["duration_ms"] > 0
    assert line["peer"].startswith("127.0.0.1:") and line["sent_bytes"] > len(reply.content)
    assert text not in own_server.text and "secret-key" not in own_server.text
    post(own_server, {"texts": ["a"]}, path="/api/v1/embed?token=hidden", headers={"X-Request-Id": "query", "traceparent": "00-x"})
    line, = log_of(own_server, "query")
    assert "hidden" not in own_server.text and "trace_id" not in line and "span_id" not in line


def test_a_failure_is_logged_with_the_ids(start_server, tmp_path, tiny_model):
    (tmp_path / "all-MiniLM-L6-v2").symlink_to(tiny_model)
    shutil.copytree(tiny_model, tmp_path / "broken")
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"")
    server = start_server("--log-format", "json", models=tmp_path)
    reply = post(server, {"texts": ["a"], "model": "broken"}, headers={"X-Request-Id": "f-1", "traceparent": f"00-{TRACE}-{SPAN}-00"})
    assert reply.status_code == 500 and reply.headers["X-Request-Id"] == "f-1"
    line, = log_of(server, "f-1")
    assert line["level"] == "warn" and line["trace_id"] == TRACE and line["model"] == "broken" and line["status"] == 500
    assert "broken/model.safetensors" in line["message"]
    samples, _ = scrape(server)
    assert value(samples, "vecd_requests_total", model="broken", status="500") == 1
    assert value(samples, "vecd_model_load_failures_total", model="broken") >= 1
    assert value(samples, "vecd_model_state", model="broken", state="failed") == 1
    post(server, {"texts": ["a"], "model": "all-MiniLM-L6-v2"}, headers={"X-Request-Id": "f-2"})
    assert server.stop() == 0
    assert "f-2" not in server.text, "a request that succeeds is no news unless --log-level debug"


def test_the_text_form_is_for_people(start_server):
    server = start_server("--log-format", "text", "--log-level", "debug")
    get(server, "/nope\"x", headers={"X-Request-Id": "for people"})
    assert server.stop() == 0
    assert re.search(r'^\S+Z debug GET /nope\S*x request_id="for people" peer=127\.0\.0\.1:\d+ status=404 duration_ms=\d+\.\d{3} sent_bytes=\d+$',
                     server.text, re.M), server.text


# --- signals


@pytest.fixture
def catalogue_server(start_server, tmp_path, tiny_model):
    (tmp_path / "all-MiniLM-L6-v2").symlink_to(tiny_model)
    server = start_server("--log-format", "json", models=tmp_path)
    server.catalogue = tmp_path / "catalogue.json"
    return server


def hang_up(server, message):
    """Sends SIGHUP and waits for one more line of the log that begins like that; gives the line."""
    def said():
        return [line for line in server.text.splitlines() if f'"message":"SIGHUP: {message}' in line]

    n = len(said())
    server.process.send_signal(signal.SIGHUP)
    until(lambda: len(said()) > n or server.process.poll() is not None)
    assert server.process.poll() is None, "SIGHUP ended the server"
    return json.loads(said()[-1])


def test_sighup_reads_the_catalogue_again(catalogue_server):
    server, row = catalogue_server, {"id": "all-MiniLM-L6-v2", "name": "Renamed"}

    def name():
        return get(server, "/api/v1/models/all-MiniLM-L6-v2").json()["name"]

    assert name() != "Renamed"
    server.catalogue.write_text(json.dumps([row]))
    assert hang_up(server, "the catalogue was read again")["level"] == "info"
    assert name() == "Renamed"
    server.catalogue.write_text("[{")
    line = hang_up(server, "the catalogue stays what it was")
    assert line["level"] == "warn" and "catalogue.json" in line["message"] and "line 1" in line["message"]
    assert name() == "Renamed" and post(server, {"texts": ["a"]}).status_code == 200
    server.catalogue.unlink()
    hang_up(server, "the catalogue was read again")
    assert name() != "Renamed"
    assert server.stop() == 0


def test_sighup_reads_the_keys_again(start_server, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("first-key\n")
    server = start_server("--log-format", "json", "--api-key-file", keys)

    def may(key):
        reply = post(server, {"texts": ["a"]}, headers={"Authorization": f"Bearer {key}"})
        assert reply.status_code in (200, 401)
        return reply.status_code == 200

    assert may("first-key") and not may("second-key")
    keys.write_text("second-key # the new one\n")
    hang_up(server, "the keys were read again")
    assert may("second-key") and not may("first-key")
    keys.unlink()
    assert hang_up(server, "the keys stay what they were")["level"] == "warn"
    assert may("second-key") and not may("first-key")
    assert server.stop() == 0
    assert "first-key" not in server.text and "second-key" not in server.text


def test_floods_of_sighup_hurt_nobody(catalogue_server):
    server = catalogue_server
    for i in range(200):
        server.process.send_signal(signal.SIGHUP)
        if i % 20 == 0:
            assert post(server, {"texts": ["a"]}).status_code == 200
            get(server, "/api/v1/models")
    hang_up(server, "the catalogue was read again")
    server.process.send_signal(signal.SIGHUP)
    assert server.stop() == 0


def test_sighup_ends_nothing_while_starting(vecd_bin, tiny_models):
    """Not even where it comes before the server listens."""
    process = subprocess.Popen([vecd_bin, "serve", "--host", "127.0.0.1", "--port", "0"], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, env=clean_env(tiny_models))
    try:
        line = process.stdout.readline()
        for _ in range(50):
            process.send_signal(signal.SIGHUP)
        assert b"listening" in line and b"ready" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_S) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_sigterm_finishes_loads_and_what_is_queued(start_server):
    """Requests for models that are not loaded yet, behind a long one: all that were taken are answered, each by its own model."""
    server = start_server("-m", "bert-mean-norm", "--grace", "300", models=TINY)
    names = ["bert-cls", "bert-max", "bert-dense-two", "bert-sharded", "bert-no-modules", "bert-weighted-mean"]
    bodies = [{"texts": ["many words to keep it busy " * 10] * 4000, "model": MODEL}]
    bodies += [{"texts": ["one", "two"], "model": name} for name in names for _ in range(3)]
    socks = []
    for body in bodies:
        content = json.dumps(body).encode()
        sock = server.connect()
        sock.sendall(b"POST /api/v1/embed HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n" % len(content) + content)
        socks.append(sock)
    until(lambda: value(scrape(server)[0], "vecd_http_requests_total") >= len(bodies) + 2)  # with the one that asks, and readiness
    server.process.send_signal(signal.SIGTERM)
    for sock, body in zip(socks, bodies):
        with sock:
            reply = b""
            while chunk := sock.recv(65536):
                reply += chunk
        head, _, content = reply.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), (body["model"], head)
        assert b'"id":"%s"' % body["model"].encode() in content and content.rstrip().endswith((b"}", b"0"))
    assert server.process.wait(DEADLINE_S) == 0
