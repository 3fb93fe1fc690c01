#!/usr/bin/env python3
"""One engine in a process of its own: worker.py ENGINE THREADS [ISA]. Commands and answers are JSON, one a line, on stdin and
stdout; turns.py is the other end.

  {"do": "time", "workload": w, "seconds": s}  -> {"ms": [...]}  one run that is not counted, then runs for s seconds
  {"do": "vectors", "workload": w, "file": f}  -> {}             saves them to f (npy)
"""

import ctypes
import json
import os
import signal
import sys

import numpy as np

import common
import engines


PR_SET_PDEATHSIG = 1


def end_with_parent():
    """A stopped process does not notice that its pipe was closed; the kernel ends it when the parent is gone."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main():
    end_with_parent()
    name, threads = sys.argv[1], int(sys.argv[2])
    isa = sys.argv[3] if len(sys.argv) > 3 else None
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever the engine prints must not get between the answers
    engine = engines.make(name, threads, isa)
    prepared = {}

    def answer(**fields):
        print(json.dumps(fields), file=answers, flush=True)

    answer(version=engine.version, resident=engine.resident)
    for line in sys.stdin:
        order = json.loads(line)
        workload = order["workload"]
        if workload not in prepared:
            prepared[workload] = engine.prepare(workload)
        if order["do"] == "time":
            answer(ms=common.timed(lambda: engine.run(prepared[workload]), order["seconds"]))
        else:
            np.save(order["file"], engine.vectors(prepared[workload], engine.run(prepared[workload])))
            answer()


if __name__ == "__main__":
    main()
