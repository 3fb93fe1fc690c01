#!/usr/bin/env python3
"""From process start to the first vector, in turns, with everything in the page cache:

  vecd embed           until `vecd embed hello` has printed it
  vecd serve           until GET /health/ready answers 200
  ONNX Runtime         first_vector_onnx.py: the least Python that tokenizes, runs the model and prints
  sentence-transformers  first_vector_st.py: the usual three lines

Prints medians, what each takes relative to ONNX Runtime, and the most resident memory each had.
"""

import argparse
import http.client
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import common

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = 120  # seconds
BASE = "ONNX Runtime"


def reap(process):
    """Waits for the process; the most resident memory it ever had, in bytes."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss * 1024


def first_line(argv):
    """(seconds until the command has printed a line, its peak memory)."""
    begun = time.perf_counter()
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment())
    line = process.stdout.readline()
    seconds = time.perf_counter() - begun
    process.stdout.read()
    peak = reap(process)
    process.stdout.close()
    if process.returncode or len(line.split(b",")) < 384:
        sys.exit(f"peers: {argv[0]} failed with exit code {process.returncode}, first line {line[:80]!r}")
    return seconds, peak


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def is_ready(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except ConnectionRefusedError:
        return False
    finally:
        connection.close()


def until_ready(program, folder):
    port = free_port()
    argv = [program, "serve", "--model", folder, "--host", "127.0.0.1", "--port", str(port)]
    begun = time.perf_counter()
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not is_ready(port):
        if process.poll() is not None or time.perf_counter() - begun > PATIENCE:
            process.kill()
            sys.exit("peers: vecd serve did not get ready")
        time.sleep(0.002)
    seconds = time.perf_counter() - begun
    process.send_signal(signal.SIGTERM)
    return seconds, reap(process)


def environment():
    return os.environ | {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "TOKENIZERS_PARALLELISM": "false"}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rounds", type=int, default=9)
    options = p.parse_args()
    common.warn_if_loaded()
    vecd, folder = common.vecd_program(), common.model_folder()
    onnx = common.PEERS / "models" / "fp32.onnx"
    python = [sys.executable, "-B"]
    contestants = {
        "vecd embed": lambda: first_line([vecd, "embed", "--model", folder, "hello"]),
        "vecd serve": lambda: until_ready(vecd, folder),
        BASE: lambda: first_line([*python, HERE / "first_vector_onnx.py", onnx, folder, "hello"]),
        "sentence-transformers": lambda: first_line([*python, HERE / "first_vector_st.py", folder, "hello"]),
    }
    seconds = {name: [] for name in contestants}
    peaks = {name: 0 for name in contestants}
    for turn in range(options.rounds + 1):  # the first fills the page cache and is not counted
        for name, start in contestants.items():
            s, peak = start()
            if turn:
                seconds[name].append(s)
                peaks[name] = max(peaks[name], peak)
    print(f"{common.cpu_facts()['name']}, medians of {options.rounds} rounds")
    print(f"{'':24}{'ms':>9}{'least':>9}{'most':>9}{'ratio':>9}{'MB':>7}")
    for name, all_seconds in seconds.items():
        ratio = common.median([a / b for a, b in zip(all_seconds, seconds[BASE])])
        three = (common.median(all_seconds), min(all_seconds), max(all_seconds))
        cells = "".join(f"{x * 1e3:9.1f}" for x in three)
        print(f"{name:24}{cells}{ratio:9.3f}{peaks[name] / 1e6:7.0f}")


if __name__ == "__main__":
    main()
