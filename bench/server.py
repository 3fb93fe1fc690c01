#!/usr/bin/env python3
"""What a running server costs: memory after 1,000 requests, processor time while nobody asks, requests a second.

Starts `vecd serve` on a free port, in FP32 and in INT8 in turns. 1,000 single texts of about ten words over 64 connections, none
twice; then three seconds of silence. Needs the default model and a build; nothing beside Python itself.
"""

import argparse
import http.client
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peers"))
import common  # noqa: E402

WORDS = "river stone late bridge autumn letter engine market silver garden window winter signal harbour copper morning".split()


def start(precision, threads):
    argv = [common.vecd_program(), "serve", "--port", "0", "--quantization", precision]
    argv += ["--model", common.model_folder(), "--threads", str(threads)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for line in process.stdout:
        found = re.search(r"127\.0\.0\.1:(\d+)", line)
        if found:
            threading.Thread(target=process.stdout.read, daemon=True).start()
            return process, int(found.group(1))
    sys.exit("server: vecd ended before it listened")


def ask(port, n, seed, failures):
    draw = random.Random(seed)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in range(n):
        body = json.dumps({"texts": [" ".join(draw.choice(WORDS) for _ in range(9)) + f" {draw.random()}"]})
        connection.request("POST", "/api/v1/embed", body, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        reply.read()
        if reply.status != 200:
            failures.append(reply.status)
    connection.close()


def resident_mb(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(precision, options):
    process, port = start(precision, options.threads)
    try:
        ask(port, 10, 0, [])
        failures = []
        each = options.requests // options.connections + 1
        workers = [threading.Thread(target=ask, args=(port, each, 1 + i, failures)) for i in range(options.connections)]
        begun = time.perf_counter()
        for w in workers:
            w.start()
        for w in workers:
            w.join()
        took = time.perf_counter() - begun
        resident = resident_mb(process.pid)
        before = cpu_seconds(process.pid)
        time.sleep(3)
        idle = cpu_seconds(process.pid) - before
    finally:
        process.terminate()
        process.wait()
    rate = each * options.connections / took
    print(f"{precision}: {resident:.1f} MB resident, {rate:.0f} requests/s, {len(failures)} failures, {idle:.2f} s of CPU in 3 s idle")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--requests", type=int, default=1000)
    p.add_argument("--connections", type=int, default=64)
    options = p.parse_args()
    for precision in ("fp32", "int8"):
        measure(precision, options)


if __name__ == "__main__":
    main()
