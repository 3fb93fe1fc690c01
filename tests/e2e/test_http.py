"""Bytes no client library would send: the HTTP layer's duties, each reply our JSON, and the server alive after every one."""
import json
import random
import re
import socket
import time

import pytest

from conftest import DEADLINE_S, read_to_end

BODY = b'{"texts":["a"],"model":"bert-mean-norm"}'
HEAD = b"POST /api/v1/embed HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"


def post(body=BODY, *extra):
    return HEAD + b"".join(h + b"\r\n" for h in extra) + b"Content-Length: %d\r\n\r\n" % len(body) + body


def get(path=b"/health/live", *extra, version=b"HTTP/1.1"):
    return b"GET " + path + b" " + version + b"\r\nHost: t\r\n" + b"".join(h + b"\r\n" for h in extra) + b"\r\n"


CLOSE = b"Connection: close"


def replies(raw):
    """Splits a stream of replies into (status, headers, body); every byte must be accounted for."""
    out = []
    while raw:
        head, sep, rest = raw.partition(b"\r\n\r\n")
        assert sep, raw[:200]
        lines = head.split(b"\r\n")
        m = re.fullmatch(rb"HTTP/1\.1 (\d{3}) [ -~]*", lines[0])
        assert m, lines[0]
        headers = {}
        for line in lines[1:]:
            name, colon, value = line.partition(b": ")
            assert colon and name.lower() not in headers, line
            headers[name.lower()] = value
        if m.group(1) == b"100":
            body, raw = b"", rest
        elif headers.get(b"transfer-encoding") == b"chunked":
            body = b""
            while True:
                size, _, rest = rest.partition(b"\r\n")
                n = int(size, 16)
                body, tail, rest = body + rest[:n], rest[n:n + 2], rest[n + 2:]
                assert tail == b"\r\n"
                if n == 0:
                    break
            raw = rest
        else:
            n = int(headers.get(b"content-length", b"0"))
            assert len(rest) >= n, (head, rest)
            body, raw = rest[:n], rest[n:]
        out.append((int(m.group(1)), headers, body))
    return out


def one(raw):
    got = replies(raw)
    assert len(got) == 1, got
    return got[0]


def is_error(reply, *statuses):
    status, headers, body = reply
    assert status in statuses, (status, body)
    assert headers[b"content-type"].split(b";")[0] == b"application/json"
    doc = json.loads(body)
    assert list(doc) == ["error"] and doc["error"], doc


BAD = [
    # request line
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400), (b"GET\r\n\r\n", 400), (b"GET /\r\n\r\n", 400), (b"GET  / HTTP/1.1\r\nHost: t\r\n\r\n", 400),
    (b"GET / HTTP/1.1 \r\nHost: t\r\n\r\n", 400), (b"GET /\thealth HTTP/1.1\r\nHost: t\r\n\r\n", 400), (b" GET / HTTP/1.1\r\nHost: t\r\n\r\n", 400),
    (b"GET /\x00 HTTP/1.1\r\nHost: t\r\n\r\n", 400), (b"GET /\xff HTTP/1.1\r\nHost: t\r\n\r\n", 400), (b"GET health HTTP/1.1\r\nHost: t\r\n\r\n", 400),
    (b"G\x01T / HTTP/1.1\r\nHost: t\r\n\r\n", 400), (b"BREW /pot HTTP/1.1\r\nHost: t\r\n\r\n", 501), (b"get / HTTP/1.1\r\nHost: t\r\n\r\n", 501),
    (b"GET / HTTP/2.0\r\nHost: t\r\n\r\n", 505), (b"GET / HTTP/0.9\r\nHost: t\r\n\r\n", 505), (b"GET / http/1.1\r\nHost: t\r\n\r\n", 400),
    (b"GET / HTTP/1.10\r\nHost: t\r\n\r\n", 400), (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: t\r\n\r\n", 414),
    # line ends
    (b"GET / HTTP/1.1\nHost: t\n\n", 400), (b"GET / HTTP/1.1\r\nHost: t\n\r\n", 400), (b"GET / HTTP/1.1\rHost: t\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: t\r\nA: b\rc\r\n\r\n", 400),
    # headers
    (b"GET / HTTP/1.1\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: t\r\n folded: x\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nHost: t\r\nA: b\r\n\tc\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost : t\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nHost: t\r\nNoColon\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nHost: t\r\n: x\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: t\r\nA\x00: b\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nHost: t\r\nA: \x00\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nHost: t\r\nA: \x7f\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: t\r\n" + b"A: b\r\n" * 10_000 + b"\r\n", 431), (b"GET / HTTP/1.1\r\nHost: t\r\nA: " + b"b" * 200_000 + b"\r\n\r\n", 431),
    (b"GET / HTTP/1.1\r\nHost: t\r\n" + b"".join(b"A%d: b\r\n" % i for i in range(10_000)) + b"\r\n", 431),
    # framing
    (HEAD + b"Content-Length: -1\r\n\r\n" + BODY, 400), (HEAD + b"Content-Length: +5\r\n\r\n" + BODY, 400), (HEAD + b"Content-Length: 0x10\r\n\r\n" + BODY, 400),
    (HEAD + b"Content-Length: \r\n\r\n", 400), (HEAD + b"Content-Length: 5 5\r\n\r\n" + BODY, 400), (HEAD + b"Content-Length: 5, 5\r\n\r\n" + BODY, 400),
    (HEAD + b"Content-Length: 99999999999999999999999999\r\n\r\n", 413), (HEAD + b"Content-Length: 18446744073709551616\r\n\r\n", 413),
    (HEAD + b"Content-Length: 9223372036854775807\r\n\r\n", 413), (HEAD + b"Content-Length: 99999999999\r\n\r\n", 413),
    (HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + BODY, 400), (HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n" + BODY, 400),
    (HEAD + b"Content-Length : 5\r\n\r\n" + BODY, 400), (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (HEAD + b"Transfer-Encoding: gzip\r\n\r\n", 501), (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    (HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400), (HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (HEAD.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400), (HEAD + b"Expect: magic\r\nContent-Length: 5\r\n\r\n", 417),
    # chunks
    *((HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk, 400) for chunk in (
        b"-2\r\nab\r\n0\r\n\r\n", b"0x2\r\nab\r\n0\r\n\r\n", b"g\r\n", b"\r\n", b"2\nab\r\n0\r\n\r\n", b"2\r\nabc\r\n0\r\n\r\n", b" 2\r\nab\r\n0\r\n\r\n",
        b"2\r\nab0\r\n\r\n", b"2 \r\nab\r\n0\r\n\r\n", b"2;\x00\r\nab\r\n0\r\n\r\n")),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n", 413),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", 413),
]


@pytest.mark.parametrize("raw, status", BAD, ids=range(len(BAD)))
def test_malformed_requests_get_one_json_error_and_are_closed(server, raw, status):
    is_error(one(server.raw(raw)), status)
    assert server.status("/health/live") == 200


def test_what_follows_a_malformed_request_is_not_read_as_one(server):
    is_error(one(server.raw(HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + get())), 400)


def test_absolute_form_and_odd_but_legal_heads(server):
    for raw in (
        b"GET http://example.com/health/live HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
        b"\r\nGET /health/live HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nHOST:t\r\nconnection:\tclose \r\nX-Empty:\r\nX-High: \xe9\xff\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: [::1]:80\r\nConnection: x, Close\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n",
    ):
        assert one(server.raw(raw))[0] == 200, raw


def test_http_1_0_closes_unless_asked_not_to(server):
    status, headers, _ = one(server.raw(b"GET /health/live HTTP/1.0\r\n\r\n"))
    assert status == 200
    kept = replies(server.raw(b"GET /health/live HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /health/live HTTP/1.0\r\n\r\n"))
    assert [k[0] for k in kept] == [200, 200]


def test_chunked_bodies(server):
    whole = one(server.raw(post(BODY, CLOSE)))
    for sizes in ([len(BODY)], [1] * len(BODY), [5, 1, len(BODY) - 6]):
        raw, at = HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n", 0
        for i, n in enumerate(sizes):
            raw += b"%x%s\r\n" % (n, b';name="a value"' if i % 2 else b"") + BODY[at:at + n] + b"\r\n"
            at += n
        assert one(server.raw(raw + b"0\r\nX-Trailer: ignored\r\n\r\n"))[2] == whole[2]


def test_pipelined_requests_are_answered_in_order(server):
    parts, want = [], []
    for i in range(30):
        if i % 3 == 0:
            parts.append(post(b'{"texts":["%s"],"model":"bert-mean-norm"}' % (b"w " * i)))
            want.append((200, b"embeddings"))
        elif i % 3 == 1:
            parts.append(get(b"/api/v1/models/X%d" % i))
            want.append((404, b"X%d" % i))
        else:
            parts.append(get())
            want.append((200, b"status"))
    got = replies(server.raw(b"".join(parts) + get(b"/nope", CLOSE)))
    assert len(got) == 31 and got[-1][0] == 404
    for (status, _, body), (wanted, word) in zip(got, want):
        assert status == wanted and word in body


def test_requests_in_pieces_of_every_size(server):
    raw = post(BODY, CLOSE)
    whole = one(server.raw(raw))
    for cut in range(1, len(raw), 7):
        with server.connect() as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.sendall(raw[:cut])
            time.sleep(0.001)
            sock.sendall(raw[cut:])
            got = one(read_to_end(sock))
        assert (got[0], got[2]) == (200, whole[2])


def test_a_slow_but_steady_sender_is_served(server):
    raw = post(BODY, CLOSE)
    with server.connect() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(0, len(raw), 8):
            sock.sendall(raw[i:i + 8])
            time.sleep(0.05)
        assert one(read_to_end(sock))[0] == 200


def test_senders_that_stall_are_cut(server):
    """Each gets 408 after the documented deadline (10 s); 20 of them at once keep nobody else waiting."""
    stalled = []
    for raw in (b"GET /health/live HTT", HEAD, post()[:-3], HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"):
        for _ in range(5):
            sock = server.connect()
            sock.sendall(raw)
            stalled.append(sock)
    assert one(server.raw(post(BODY, CLOSE)))[0] == 200
    for sock in stalled:
        with sock:
            is_error(one(read_to_end(sock)), 408)


def test_a_dripping_header_is_cut(server):
    with server.connect() as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: t\r\nA: ")
        end = time.monotonic() + DEADLINE_S
        got = b""
        sock.settimeout(0.5)
        while time.monotonic() < end and not got:
            try:
                sock.sendall(b"b")
                got = sock.recv(4096)
            except (TimeoutError, socket.timeout):
                continue
            except OSError:
                break
        assert got.startswith(b"HTTP/1.1 408 "), "a byte now and then must not keep a connection"


def test_half_closed_after_a_whole_request(server):
    """The sender has said all it has to say: it may still be answered; if not, the connection ends cleanly."""
    for raw in (post(), get()):
        with server.connect() as sock:
            sock.sendall(raw)
            sock.shutdown(socket.SHUT_WR)
            got = read_to_end(sock)
        assert got == b"" or one(got)[0] == 200
    assert server.status("/health/live") == 200


def test_half_closed_within_a_request(server):
    for raw in (b"GET / HT", HEAD, post()[:-3]):
        with server.connect() as sock:
            sock.sendall(raw)
            sock.shutdown(socket.SHUT_WR)
            is_error(one(read_to_end(sock)), 400)


def test_hundreds_of_idle_and_half_open_connections(server):
    socks = [server.connect() for _ in range(400)]
    for sock in socks[::2]:
        sock.sendall(b"POST /api/v1/embed HTTP/1.1\r\nHost:")
    assert one(server.raw(post(BODY, CLOSE)))[0] == 200
    for sock in socks:
        sock.close()
    assert one(server.raw(post(BODY, CLOSE)))[0] == 200


def test_over_the_connection_limit_is_503(start_server):
    server = start_server("--max-connections", "8")
    held = [server.connect() for _ in range(8)]
    time.sleep(0.2)
    with server.connect() as sock:
        is_error(one(read_to_end(sock)), 503)
    for sock in held:
        sock.close()
    end = time.monotonic() + DEADLINE_S
    while server.status("/health/live") != 200:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert server.stop() == 0


def test_a_reader_that_reads_nothing_does_not_stop_others(server):
    body = json.dumps({"texts": ["many"] * 3000, "model": "bert-mean-norm"}).encode()
    with server.connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(post(body, CLOSE))
        assert one(server.raw(post(BODY, CLOSE)))[0] == 200
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)  # it has made its point; now hurry
        got = one(read_to_end(sock))
    assert got[0] == 200 and len(json.loads(got[2])["embeddings"]) == 3000


def test_expect_100_continue(server):
    with server.connect() as sock:
        sock.sendall(HEAD + b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY))
        assert sock.recv(4096).startswith(b"HTTP/1.1 100 ")
        sock.sendall(BODY)
        assert one(read_to_end(sock))[0] == 200


def test_mutilated_requests_never_kill(server):
    """A fixed sequence of random damage; every answer is a well-formed reply."""
    rng = random.Random(4)
    seeds = [post(BODY, CLOSE), get(b"/api/v1/models", CLOSE), HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n"]
    for _ in range(400):
        raw = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(raw))
            match rng.randrange(3):
                case 0: raw[at] = rng.randrange(256)
                case 1: del raw[at:at + rng.randint(1, 20)]
                case 2: raw[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 4)))
            if not raw:
                break
        with server.connect() as sock:
            try:
                sock.sendall(bytes(raw))
                sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            got = read_to_end(sock)
        for status, _, _ in replies(got):
            assert status in (100, 200, 400, 404, 405, 408, 413, 414, 415, 417, 422, 431, 501, 505), (bytes(raw), status)
    assert server.status("/health/live") == 200
