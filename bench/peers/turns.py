"""Engines in turns: a process for each, all but one of them stopped (SIGSTOP), so that no thread pool that spins while idle takes
the processor from the engine whose turn it is. That it works is measured, not believed: see Turns.idle_ms.
"""

import json
import os
import pathlib
import resource
import signal
import subprocess
import sys

import engines

HERE = pathlib.Path(__file__).resolve().parent
MOST_ANSWER = 1 << 20  # characters
MOST_BYTES = 6 << 30  # of private memory in any one process: several times what the hungriest engine needs
TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


def limit_memory():
    """Whatever goes wrong in this process or in a worker ends it, and not the machine."""
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))


class Worker:
    """One engine's process; stopped except within ask()."""

    def __init__(self, name, threads, isa):
        n = str(threads)
        env = os.environ | engines.ISA_ENVIRONMENT.get(isa, {})
        env |= {"OMP_NUM_THREADS": n, "MKL_NUM_THREADS": n, "OPENBLAS_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        env |= {"CUDA_VISIBLE_DEVICES": "", "TOKENIZERS_PARALLELISM": "false", "TRANSFORMERS_VERBOSITY": "error"}
        argv = [sys.executable, str(HERE / "worker.py"), name, n] + ([isa] if isa else [])
        self.name = name
        self.process = subprocess.Popen(argv, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        hello = self._answer()
        self.version, self.resident = hello["version"], hello["resident"]
        self.freeze()

    def _answer(self):
        line = self.process.stdout.readline(MOST_ANSWER)
        if len(line) == MOST_ANSWER:
            raise SystemExit(f"peers: {self.name} answers without end: {line[:80]}")
        if not line:
            raise SystemExit(f"peers: {self.name} ended (exit code {self.process.wait()}): see above")
        return json.loads(line)

    def freeze(self):
        """Returns when every thread has stopped."""
        os.kill(self.process.pid, signal.SIGSTOP)
        os.waitpid(self.process.pid, os.WUNTRACED)

    def ask(self, **order):
        os.kill(self.process.pid, signal.SIGCONT)
        print(json.dumps(order), file=self.process.stdin, flush=True)
        answer = self._answer()
        self.freeze()
        return answer

    def cpu_ms(self):
        """User and system time of all its threads so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK_MS

    def end(self):
        os.kill(self.process.pid, signal.SIGCONT)
        self.process.stdin.close()
        self.process.wait()


def machine_busy_ms():
    """Time all processors worked, for anyone, or were taken by the hypervisor."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = (
        int(x) for x in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) * TICK_MS


class Turns:
    """The workers, and what was going on beside the one whose turn it was."""

    def __init__(self, names, threads, isa):
        self.workers = []
        self.idle_ms = 0.0  # CPU time of engines while it was another's turn: must be 0
        self.turn_ms = 0.0  # CPU time of engines in their own turn
        self.busy_ms = 0.0  # CPU time of the whole machine in those turns
        for name in names:
            self.workers.append(Worker(name, threads, isa))

    def time(self, worker, workload, seconds):
        """The milliseconds of each run of one turn."""
        before, busy = [w.cpu_ms() for w in self.workers], machine_busy_ms()
        ms = worker.ask(do="time", workload=workload, seconds=seconds)["ms"]
        self.busy_ms += machine_busy_ms() - busy
        for w, was in zip(self.workers, before):
            used = w.cpu_ms() - was
            if w is worker:
                self.turn_ms += used
            else:
                self.idle_ms += used
        return ms

    def foreign_share(self):
        """Part of the processor time in the turns that went to others than the engine in turn."""
        return max(0.0, 1 - self.turn_ms / self.busy_ms) if self.busy_ms else 0.0

    def end(self):
        for worker in self.workers:
            worker.end()
