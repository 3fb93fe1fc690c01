"""What requests may take in memory, all together: further ones are refused early, and all is well again when there is room."""
import json
import socket

from conftest import DEADLINE_S, TINY
from test_server import MODEL, error, post

HEAD = b"POST /api/v1/embed HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
BODY = 256 * 1024


def begin(server, head):
    """A request of which nothing but the head is sent."""
    sock = server.connect()
    sock.sendall(HEAD + head + b"\r\n\r\n")
    return sock


def answer(sock):
    """The status line's number."""
    return int(sock.recv(4096)[9:12])


def fill(server, head):
    """Begins requests until one is refused; gives those that were not."""
    taken = []
    for _ in range(40):
        sock = begin(server, head)
        assert server.status("/health/live") == 200, "so what was sent before has been looked at"
        sock.setblocking(False)
        try:
            refusal = sock.recv(4096)
        except BlockingIOError:
            sock.settimeout(DEADLINE_S)
            taken.append(sock)
            continue
        assert refusal.startswith(b"HTTP/1.1 429 "), refusal
        sock.close()
        return taken
    raise AssertionError("nothing was refused")


def small_server(start_server):
    return start_server("-m", MODEL, "--max-body", str(BODY), "--max-request-memory", str(8 * BODY), models=TINY)


def test_bodies_are_refused_before_they_come(start_server):
    server = small_server(start_server)
    taken = fill(server, b"Content-Length: %d" % BODY)
    assert 1 <= len(taken) <= 4
    reply = post(server, {"texts": ["x" * (BODY - 1000)]})
    error(reply, 429, "--max-request-memory")
    assert int(reply.headers["Retry-After"]) >= 1
    assert server.status("/health/ready") == 200, "what has no body is answered"
    body = json.dumps({"texts": ["the first of them"], "model": MODEL}).encode()
    taken[0].sendall(body + b" " * (BODY - len(body)))
    assert answer(taken[0]) == 200
    for sock in taken:
        sock.close()
    assert server.status("/health/live") == 200
    again = fill(server, b"Content-Length: %d" % BODY)
    assert len(again) >= len(taken), "the room of those that left or are answered is there again"
    for sock in again:
        sock.close()
    assert server.stop() == 0


def test_chunked_bodies_have_their_part(start_server):
    server = small_server(start_server)
    taken = fill(server, b"Transfer-Encoding: chunked")
    assert len(taken) >= 4, "one whose length is not known takes no more than its part"
    body = json.dumps({"texts": ["a"], "model": MODEL}).encode()
    taken[-1].sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
    assert answer(taken[-1]) == 200
    for sock in taken:
        sock.close()
    assert server.stop() == 0


def test_slow_readers_do_not_add_up(start_server):
    """Each holds its vectors until it has read them. Many are refused rather than held."""
    server = start_server("-m", MODEL, "--max-body", "1M", "--max-request-memory", "4M", models=TINY)
    body = json.dumps({"texts": ["a"] * 7000, "model": MODEL}).encode()
    before, held, statuses = server.resident_kb(), [], []
    for _ in range(20):
        sock = server.connect()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        statuses.append(answer(sock))
        held.append(sock)
    assert set(statuses) == {200, 429} and statuses[0] == 200, statuses
    assert server.resident_kb() < before + 64 * 1024
    for sock in held:
        sock.close()
    assert server.stop() == 0


def test_vectors_that_would_take_half_of_all(start_server):
    server = start_server("-m", MODEL, "--max-body", "256K", "--max-request-memory", "1M", models=TINY)
    error(post(server, {"texts": ["a"] * 4000}), 422, "texts", "4000 vectors of 36 values", "--max-request-memory")
    assert post(server, {"texts": ["a"] * 1000}).status_code == 200
    assert server.stop() == 0
