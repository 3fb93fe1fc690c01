#!/usr/bin/env python3
"""Holds src/http against llhttp, the strict parser inside Node.js: what llhttp refuses and we accept is our bug.

    http_differential.py BUILD/bench/http_bench [cases] [seed]

Mutates the fuzzing corpus and a few requests of its own, gives every case to both, and counts the requests each takes as
whole and in order before it refuses. Ours may take fewer (it is stricter), never more. Needs node; not part of `make test`.

Known and harmless: `Connection: keep-alive<tab>` in HTTP/1.0, where llhttp does not see the keep-alive and ends earlier.
"""
import os
import random
import re
import socket
import struct
import subprocess
import sys

ORACLE = r"""
const { HTTPParser } = process.binding('http_parser');
function count(bytes) {
  let n = 0;
  const p = new HTTPParser();
  p.initialize(HTTPParser.REQUEST, {});
  for (const k of [HTTPParser.kOnMessageBegin, HTTPParser.kOnHeaders, HTTPParser.kOnBody]) p[k | 0] = () => {};
  p[HTTPParser.kOnHeadersComplete | 0] = () => 0;
  p[HTTPParser.kOnMessageComplete | 0] = () => { n++; };
  p.execute(bytes);
  return n;
}
let held = Buffer.alloc(0);
process.stdin.on('data', (d) => {
  held = Buffer.concat([held, d]);
  while (held.length >= 4 && held.length >= 4 + held.readUInt32BE(0)) {
    const n = held.readUInt32BE(0);
    process.stdout.write(count(held.subarray(4, 4 + n)) + '\n');
    held = held.subarray(4 + n);
  }
});
"""

HEAD = b" HTTP/1.1\r\nHost: h\r\n"
BASES = [
    b"GET /" + HEAD + b"Accept: */*\r\n\r\n",
    b"POST /a?b=c" + HEAD + b"Content-Length: 5\r\n\r\nhelloGET /" + HEAD + b"\r\n",
    b"POST /" + HEAD + b'Transfer-Encoding: chunked\r\n\r\n5;a=b;c="d"\r\nhello\r\n3\r\nabc\r\n0\r\nT: u\r\n\r\nGET /' + HEAD + b"\r\n",
    b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n",
    b"OPTIONS *" + HEAD + b"\r\nGET http://h:80/x" + HEAD + b"Connection: a, b\r\n\r\n",
]
PIECES = [b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b";", b"\0", b"\x0b", b"\x7f", b"\x80", b"0", b"-1", b"+1", b"0x1", b"1,1", b",", b"_",
          b"chunked", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n", b"Host: h\r\n",
          b"\r\n\r\n", b"0\r\n\r\n", b"HTTP/1.1", b"Connection: close\r\n", b" \r\n", b"=", b'"', b"\\", b"%", b"#", b"Upgrade: x\r\n"]


def mutate(rng, text):
    text = bytearray(text)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        at = rng.randrange(len(text) + 1)
        kind = rng.randrange(5)
        if kind == 0:
            text[at:at] = rng.choice(PIECES)
        elif kind == 1:
            text[at:at + rng.choice((1, 1, 2, 5))] = b""
        elif kind == 2 and at < len(text):
            text[at] = rng.randrange(256)
        elif kind == 3:
            text[at:at + 1] = rng.choice(PIECES)
        else:
            end = min(len(text), at + rng.randrange(1, 40))
            text[at:at] = text[at:end]
    return bytes(text)


def ours(port, text):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
        said = b""
        try:
            s.sendall(text)
            s.shutdown(socket.SHUT_WR)
            while more := s.recv(65536):
                said += more
        except ConnectionError:
            pass
    return len(re.findall(rb"HTTP/1\.1 200 ", said))


def main():
    n_cases = int(sys.argv[2]) if len(sys.argv) > 2 else 20000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    rng = random.Random(seed)
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", "fuzz_http")
    bases = BASES * 8 + [open(os.path.join(folder, f), "rb").read()[2:] for f in sorted(os.listdir(folder))]
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    server = subprocess.Popen([sys.argv[1], f"127.0.0.1:{port}", "1", "20"])
    oracle = subprocess.Popen(["node", "--no-deprecation", "-e", ORACLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    n_bad = n_same = n_stricter = 0
    try:
        for tries in range(100):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                server.poll() is not None and sys.exit("the server does not start")
                subprocess.run(["sleep", "0.05"])
        for _ in range(n_cases):
            text = mutate(rng, rng.choice(bases))
            oracle.stdin.write(struct.pack(">I", len(text)) + text)
            oracle.stdin.flush()
            we = ours(port, text)
            they = int(oracle.stdout.readline())
            n_same += we == they
            n_stricter += we < they
            if we > they and b"keep-alive\t" not in text.lower():
                n_bad += 1
                print(f"ours takes {we}, llhttp {they}: {text!r}")
    finally:
        server.terminate()
        oracle.kill()
        server.wait()
    print(f"{n_cases} cases: {n_same} the same, {n_stricter} where we are stricter, {n_bad} where we are laxer")
    return 1 if n_bad or not n_same else 0


if __name__ == "__main__":
    sys.exit(main())
