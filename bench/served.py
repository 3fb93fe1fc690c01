"""A running `vecd serve`, what it costs, and http_load that asks it: shared by the scripts that measure serving. Plain Python only."""

import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peers"))
import common  # noqa: E402

PATIENCE = 120  # seconds until a server must be ready
TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """Started ready; ends with the `with` block. Flags whose value is None are left out."""

    def __init__(self, flags, models=None):
        argv = [common.vecd_program(), "serve", "--host", "127.0.0.1", "--port", "0", "--log-level", "error"]
        argv += [str(x) for flag, value in flags.items() if value is not None for x in (flag, value)]
        env = {k: v for k, v in os.environ.items() if not k.startswith("VECD_")}
        if models:
            env["VECD_MODELS"] = str(models)
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, env=env, text=True)
        self.port = None
        for line in self.process.stdout:
            if found := re.search(r"127\.0\.0\.1:(\d+)", line):
                self.port = int(found.group(1))
                break
        else:
            sys.exit("bench: vecd serve ended before it listened")
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        end = time.monotonic() + PATIENCE
        while self.get("/health/ready") != 200:
            if time.monotonic() > end or self.process.poll() is not None:
                self.end()
                sys.exit("bench: vecd serve did not get ready")
            time.sleep(0.005)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            time.sleep(0.05)
            self.process.send_signal(signal.SIGTERM)  # what is still queued is of no interest
        self.process.wait(PATIENCE)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request("GET", path)
        status = connection.getresponse().status
        connection.close()
        return status

    def embed(self, texts, model=None):
        """Milliseconds over a fresh connection; anything but 200 ends the program."""
        body = json.dumps({"texts": texts} | ({"model": model} if model else {}))
        begun = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request("POST", "/api/v1/embed", body, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        content = reply.read()
        ms = (time.perf_counter() - begun) * 1e3
        connection.close()
        if reply.status != 200:
            sys.exit(f"bench: the server answered {reply.status}: {content[:300]!r}")
        return ms

    def rss_mb(self, field="VmRSS"):
        """VmRSS now, VmHWM the most there ever was."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{field}:\s+(\d+)", status).group(1)) / 1024

    def fds(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def cpu_s(self):
        return sum(self.threads_cpu_s().values())

    def threads_cpu_s(self):
        """{"name tid": seconds of CPU}."""
        out = {}
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            name, _, rest = (task / "stat").read_text().partition("(")[2].rpartition(")")
            fields = rest.split()
            out[f"{name} {task.name}"] = (int(fields[11]) + int(fields[12])) / TICKS
        return out


class Load:
    """http_load at work. Keywords are its flags: connections=64, warm_up=1, mix="1:1:10"."""

    seeds = 0

    def __init__(self, server, **flags):
        program = common.BUILD / "bench" / "http_load"
        if not program.exists():
            sys.exit(f"bench: {program} is missing: run `make build`, or set VECD_BUILD")
        Load.seeds += 1
        argv = [program, "--seed", str(Load.seeds)]
        argv += [str(x) for flag, value in flags.items() for x in ("--" + flag.replace("_", "-"), value)]
        self.process = subprocess.Popen([*argv, server.address], stdout=subprocess.PIPE, text=True)

    def result(self):
        """What it says when it is done, as a dict; under "ok" the figures of the answers with status 200."""
        text, _ = self.process.communicate()
        if self.process.returncode:
            sys.exit(f"bench: http_load ended with {self.process.returncode}")
        out = json.loads(text)
        nothing = {"n": 0} | {f"{x}_ms": float("nan") for x in ("min", "p50", "p95", "p99", "max")}
        return out | {"ok": out["statuses"].get("200", nothing)}

    def stop(self):
        self.process.terminate()
        self.process.communicate()


def load(server, **flags):
    return Load(server, **flags).result()


def failures(result):
    """Of one run: answers that are none, and requests without one."""
    bad = sum(s["n"] for status, s in result["statuses"].items() if status != "200")
    return bad + sum(result[x] for x in ("broken", "given_up", "unsent", "unfinished"))


class Foreign:
    """Processor time that went to others than this bench: taken from outside, it spoils every figure here."""

    def __init__(self):
        self.busy, self.ours = self._busy_s(), self._ours_s()
        self.begun = time.monotonic()

    @staticmethod
    def _busy_s():
        user, nice, system, _, _, irq, softirq, steal = (
            int(x) for x in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        )
        return (user + nice + system + irq + softirq + steal) / TICKS

    @staticmethod
    def _ours_s():
        """Of this process and of its children that have ended and were waited for."""
        t = os.times()
        return t.user + t.system + t.children_user + t.children_system

    def share(self):
        """Of all there was. Call it when the children have ended."""
        there_was = (time.monotonic() - self.begun) * os.cpu_count()
        return max(0.0, (self._busy_s() - self.busy - (self._ours_s() - self.ours)) / there_was)
