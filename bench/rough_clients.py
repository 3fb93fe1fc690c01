"""Clients as no server wants them: half-open connections, slow readers, clients that are killed. Plain Python only.

All give sockets, which stay open as long as the caller keeps them."""

import contextlib
import json
import socket

PATH = "/api/v1/embed"


def request(texts, model=None):
    """The bytes of one request."""
    body = json.dumps({"texts": texts} | ({"model": model} if model else {})).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def half_open(port, n):
    """n connections that have begun a request (or not even that) and do not go on: in turn nothing, a part of the head, the head,
    a part of the body."""
    whole = request(["never finished"])
    cuts = (0, 25, whole.index(b"\r\n\r\n") + 4, len(whole) - 3)
    out = []
    for i in range(n):
        sock = socket.create_connection(("127.0.0.1", port), timeout=60)
        sock.sendall(whole[: cuts[i % len(cuts)]])
        out.append(sock)
    return out


def slow_reader(port, texts, model=None):
    """A connection whose client has asked and takes nothing of the answer, into a buffer as small as can be."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    sock.settimeout(60)
    sock.connect(("127.0.0.1", port))
    sock.sendall(request(texts, model))
    return sock


def kill_one(port, texts, model=None, share=1.0):
    """A client that has sent that share of its request and is gone, as a killed process is: with a reset."""
    whole = request(texts, model)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        with contextlib.suppress(ConnectionError):  # refused early is as good
            sock.sendall(whole[: int(len(whole) * share)])


def close_all(socks):
    for sock in socks:
        sock.close()
