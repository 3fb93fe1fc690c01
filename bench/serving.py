#!/usr/bin/env python3
"""`vecd serve` under load on this machine: what it must do, and what it did.

  hit       one connection, one query of 10 words, fp32: p50 over HTTP against the bare engine's 12 tokens, in turns
  miss      first request to a model of 110 million parameters that is not resident, fp32 and int8, against `cat` of its file
  first     first request after start-up against the median of later ones
  open      arrivals at even intervals and at random moments, fp32, 60 % of the closed loop's rate, plain and with busy polling, and
            200/s: P95 and P99 against a lone request
  closed    64 connections, fp32 and int8: tokens a second against the bare engine's b32x16 and ONNX Runtime's, in turns
  overload  ten times what it can do: statuses, how fast it refuses, memory, how soon it is at full speed again
  fair      one client sends 256 texts of 512 tokens without pause, another single queries
  rough     1,000 half-open connections, slow readers, clients that are killed, beside ordinary queries
  idle      resident memory, processor time while nobody asks

Every ratio is of two things measured in the same run. Texts never repeat. ONNX Runtime is asked where `make bench-peers` has made its
environment ($VECD_PEERS_DIR); all else needs plain Python, a build, the default model, and for `miss` 1 GB in $VECD_BENCH_DIR.
"""

import argparse
import contextlib
import csv
import datetime
import math
import os
import random
import resource
import subprocess
import sys
import threading
import time

import random_models
import rough_clients
import served
from served import Load, Server, common, failures, load

import vecd_c

QUERY_TOKENS, LONG_TOKENS = 12, 512  # of a text of 10 words, and of 510
B32X16 = [16] * 32
BUSY_POLL_MS = 100
MOST_CONNECTIONS = 4000  # that the overloading clients open


class Row:
    """One line of the table. `good` is None where nothing is asked."""

    def __init__(self, section, what, must, seen, good=None):
        self.section, self.what, self.must, self.seen, self.good = section, what, must, seen, good


class Bench:
    def __init__(self, options):
        self.options = options
        self.seconds = options.seconds
        self.short = max(options.seconds / 10, 0.3)  # a turn
        self.folder = common.model_folder()
        self.engines = {}

    def server(self, precision="fp32", folder=None, models=None, **flags):
        flags = {"--" + flag.replace("_", "-"): value for flag, value in flags.items()}
        flags |= {"--model": folder or self.folder, "--quantization": precision, "--threads": self.options.threads}
        return Server(flags, models)

    def engine(self, precision, folder=None):
        key = precision, folder or self.folder
        if key not in self.engines:
            self.engines[key] = vecd_c.Model(key[1], self.options.threads or 0, precision)
        return self.engines[key]

    def times_ms(self, precision, lengths, seconds, folder=None):
        """What the bare engine takes for sequences of these lengths, again and again: ids in, vectors out."""
        model, rng = self.engine(precision, folder), random.Random(1)
        prepared = model.prepare([[rng.randrange(1000, 30000) for _ in range(n)] for n in lengths])
        return common.timed(lambda: model.encode(prepared), seconds)

    def bare_ms(self, *workload):
        return common.median(self.times_ms(*workload))


def at_most(section, what, limit, value, more=""):
    return Row(section, what, f"<= {limit:g}x", f"{value:.2f}x{more}", value <= limit)


def at_least(section, what, limit, value, more=""):
    return Row(section, what, f">= {limit:g}", f"{value:.3f}{more}", value >= limit)


# --- one request


def hit(bench):
    ratios, bare, http = [], [], []
    with bench.server() as server:
        load(server, seconds=0.5)
        for _ in range(bench.options.rounds):
            bare.append(bench.bare_ms("fp32", [QUERY_TOKENS], bench.short / 2))
            http.append(load(server, seconds=bench.short / 2)["ok"]["p50_ms"])
            ratios.append(http[-1] / bare[-1])
    more = f" ({common.median(http):.3f} ms, bare {common.median(bare):.3f} ms)"
    yield at_most("hit", "one query over HTTP against the bare engine, p50", 1.12, common.median(ratios), more)


def miss(bench):
    models = random_models.make_all()
    name = "bert-base-uncased"
    weights = models / name / "model.safetensors"
    times = {"cat": [], "fp32": [], "int8": []}
    for turn in range(min(bench.options.rounds, 5) + 1):  # the first warms the page cache
        now = {}
        begun = time.perf_counter()
        subprocess.run(["cat", weights], check=True, stdout=subprocess.DEVNULL)
        now["cat"] = (time.perf_counter() - begun) * 1e3
        for precision in ("fp32", "int8"):
            with bench.server(precision, models=models) as server:
                now[precision] = server.embed(["the first that asks for it"], name)
        if turn:
            for key, ms in now.items():
                times[key].append(ms)
    cat = common.median(times["cat"])
    for precision, limit in (("fp32", 4.5), ("int8", 5.5)):
        ms = common.median(times[precision])
        more = f" ({ms:.0f} ms, cat {cat:.0f} ms)"
        yield at_most("miss", f"miss of 110M parameters against reading its file, {precision}", limit, ms / cat, more)


def first(bench):
    firsts, laters, ratios = [], [], []
    for turn in range(bench.options.rounds):
        with bench.server() as server:
            firsts.append(server.embed([f"{turn} of ten words that are not long at all"]))
            laters.append(common.median([server.embed([f"{turn} {i} of ten words that are not long"]) for i in range(100)]))
        ratios.append(firsts[-1] / laters[-1])
    more = f" (median of {len(ratios)} starts; {common.median(firsts):.1f} ms, later ones {common.median(laters):.1f} ms)"
    yield at_most("first", "first request after start-up against later ones", 1.5, common.median(ratios), more)
    yield Row("first", "the slowest first request", "< 100 ms", f"{max(firsts):.1f} ms", max(firsts) < 100)


# --- many


def open_loop(bench):
    """Windows of a second, in turns; the medians of their quantiles, each against a lone request of the same moment.

    At random moments (Poisson) requests queue however fast each is served: where each takes a fixed time D, one after the other,
    P95 in such windows is 3.3 D at a load of 0.55 and 4.5 D at 0.7, before anything else delays them. Even intervals, as most
    load generators keep, show what the server and the machine add."""
    arrivals, polls = ("even", "random"), (0, BUSY_POLL_MS)
    seen = {(arrival, poll): [] for arrival in arrivals for poll in polls}
    lone, rates, fixed, failed = [], [], [], 0
    with bench.server() as plain, bench.server(busy_poll_ms=BUSY_POLL_MS) as polling:
        for _ in range(max(bench.options.rounds, round(bench.seconds))):
            rates.append(load(plain, connections=64, warm_up=0.2, seconds=0.5)["good_per_s"])
            lone.append(load(plain, seconds=0.25)["ok"]["p50_ms"])
            for arrival, poll in seen:
                flags = {"rate": 0.6 * rates[-1], "even": int(arrival == "even"), "warm_up": 0.2, "seconds": 1}
                run = load(polling if poll else plain, **flags)
                seen[arrival, poll].append([run["ok"][x] / lone[-1] for x in ("p95_ms", "p99_ms")])
                failed += failures(run)
            at_200 = load(plain, rate=200, warm_up=0.2, seconds=0.5)
            fixed.append(at_200["ok"]["p95_ms"])
            failed += failures(at_200)
    rate = common.median(rates)
    for (arrival, poll), windows in seen.items():
        what = f"open loop at 60 %, {arrival} arrivals, {'--busy-poll-ms ' + str(poll) if poll else 'plain'}: "
        p95, p99 = (common.median(values) for values in zip(*windows))
        more = f" of {common.median(lone):.2f} ms ({0.6 * rate:.0f}/s; in the worst second {max(w[0] for w in windows):.1f}x)"
        yield at_most("open", what + "P95 against a lone request's median", 3, p95, more)
        yield at_most("open", what + "P99", 6, p99)
    yield Row("open", "failures, at 200/s too", "0", str(failed), failed == 0)
    ms = common.median(fixed)
    can = None if rate < 200 else ms < 35
    yield Row("open", "open loop at 200/s, random arrivals: P95", "< 35 ms", f"{ms:.1f} ms (of {rate:.0f}/s)", can)


class Onnx:
    """ONNX Runtime's process, stopped except in its turn; or nothing, where there is none."""

    def __init__(self, precision, threads):
        self.turns = None
        try:
            import turns
        except ImportError:
            return
        self.turns = turns.Turns([f"ONNX Runtime {precision}"], threads or len(os.sched_getaffinity(0)), None)

    def ms(self, seconds):
        return common.median(self.turns.time(self.turns.workers[0], "b32x16", seconds)) if self.turns else float("nan")

    def end(self):
        if self.turns:
            self.turns.end()


def closed_loop(bench):
    for precision, limit in (("fp32", 0.85), ("int8", 0.75)):
        shares, to_onnx, results, cpu = [], [], [], []
        with contextlib.ExitStack() as stack:
            onnx = Onnx(precision, bench.options.threads)
            stack.callback(onnx.end)
            server = stack.enter_context(bench.server(precision))
            load(server, connections=64, seconds=1)
            for _ in range(bench.options.rounds):
                bare = bench.bare_ms(precision, B32X16, bench.short)
                peer = onnx.ms(bench.short)
                before = server.cpu_s()
                results.append(load(server, connections=64, warm_up=0.2, seconds=bench.short))
                answers = results[-1]["good_per_s"] * (bench.short + 0.2)
                cpu.append((server.cpu_s() - before) / max(answers, 1) * 1e3)
                took = results[-1]["tokens_per_s"] / 512e3  # of 512 tokens: b32x16's
                shares.append(took * bare)
                to_onnx.append(took * peer)
        r = sorted(results, key=lambda x: x["good_per_s"])[len(results) // 2]
        client = r["client_cpu_s"] / (bench.short + 0.2) / os.cpu_count()
        more = f" ({r['good_per_s']:.0f}/s, P99 {r['ok']['p99_ms']:.0f} ms, {common.median(cpu):.2f} ms of CPU each; client {client:.1%})"
        what = f"closed loop of 64, {precision}: share of "
        yield at_least("closed", what + "the engine's own b32x16", limit, common.median(shares), more)
        if onnx.turns:
            yield at_least("closed", what + "ONNX Runtime's b32x16", 0.9, common.median(to_onnx))
        else:
            yield Row("closed", what + "ONNX Runtime's b32x16", ">= 0.9", "left out: make bench-peers first")
        n = sum(map(failures, results))
        yield Row("closed", f"closed loop of 64, {precision}: failures", "0", str(n), n == 0)


# --- more than it can do


def seconds_to_full(result, rate):
    """From when on the answers of half a second came at 90 % of the rate."""
    step = result["timeline_ms"] / 1e3
    width = max(1, round(0.5 / step))
    line = result["timeline"]
    for i in range(len(line) - width + 1):
        if sum(line[i : i + width]) >= 0.9 * rate * width * step:
            return i * step
    return float("inf")


def overload(bench):
    n = bench.options.overload_texts
    timeout = 10
    with bench.server(max_connections=2 * MOST_CONNECTIONS) as server:
        rate = load(server, connections=64, warm_up=1, seconds=bench.short)["good_per_s"]
        before = server.rss_mb()
        flood = load(server, connections=MOST_CONNECTIONS, rate=10 * rate / n, mix=f"1:{n}:10", seconds=bench.seconds, drain=0)
        after = load(server, connections=64, seconds=5, timeline=100)
        settled, most = server.rss_mb(), server.rss_mb("VmHWM")
    what = f"10x overload ({10 * rate / n:.0f}/s of {n} texts, {bench.seconds:g} s): "
    told = ", ".join(f"{status}: {s['n']}" for status, s in flood["statuses"].items())
    told += f", unanswered {flood['unfinished']}, unsent {flood['unsent']}, broken {flood['broken']}"
    others = set(flood["statuses"]) - {"200", "429", "504"}
    yield Row("overload", what + "answers", "200, 429", told, not others and not flood["broken"] and not flood["unsent"])
    oldest = max(flood["unfinished_oldest_ms"], flood["ok"]["max_ms"] if flood["ok"]["n"] else 0) / 1e3
    yield Row("overload", what + "longest wait of the accepted", f"<= {timeout} s", f"{oldest:.1f} s", oldest <= timeout + 0.5)
    refused = flood["statuses"].get("429")
    seen = f"{refused['p99_ms']:.0f} ms (most {refused['max_ms']:.0f})" if refused else "none were"
    yield Row("overload", what + "refused within, P99", "<= 50 ms", seen, bool(refused) and refused["p99_ms"] <= 50)
    share = f"{flood['texts_per_s'] / rate:.2f} of full speed"
    yield Row("overload", what + "texts served meanwhile", "", share)
    seen = f"{before:.0f} MB before, {most:.0f} at most, {settled:.0f} after"
    yield Row("overload", what + "memory", "flat", seen, settled <= 1.05 * before + 8)
    full = seconds_to_full(after, rate)
    yield Row("overload", "full speed again after", "<= 1 s", f"{full:.1f} s", full <= 1)


def fair(bench):
    """A query comes while a batch of the other client's runs, nearly always just begun: it waits for that and then takes its own time."""
    turn = max(bench.seconds / 4, 1)  # some hundred batches, and as many queries
    seen, failed = [], 0
    with common.long_model(LONG_TOKENS) as folder, bench.server(folder=folder) as server:
        for _ in range(bench.options.rounds):
            batch = sorted(bench.times_ms("fp32", [LONG_TOKENS], turn, folder))
            alone = load(server, seconds=turn / 4)["ok"]
            bulk = Load(server, mix=f"1:256:{LONG_TOKENS - 2}", seconds=600, patience=600, drain=0)
            time.sleep(0.5)
            beside = load(server, seconds=turn)
            bulk.stop()
            limits = {x: 3 * alone[f"p{x}_ms"] + batch[math.ceil(len(batch) * x / 100) - 1] for x in (50, 99)}
            seen.append([beside["ok"]["p99_ms"], limits[99], limits[50], beside["ok"]["p50_ms"]])
            failed += failures(beside)
    p99, limit_99, limit_50, p50 = (common.median(x) for x in zip(*seen))
    what = "queries beside 256 texts of 512 tokens: "
    share = common.median([s[0] / s[1] for s in seen])
    more = f" ({p99:.0f} ms, of {limit_99:.0f})"
    yield at_most("fair", what + "P99 against 3 lone ones and a batch, at their P99", 1, share, more)
    share = common.median([s[0] / s[2] for s in seen])
    yield Row("fair", what + "P99 against the medians of those", "", f"{share:.2f}x (of {limit_50:.0f} ms; queries' median {p50:.0f} ms)")
    yield Row("fair", "failures", "0", str(failed), failed == 0)


def be_rough(port, stop):
    """Until told to stop: 1,000 half-open connections, opened anew when the server has had enough of them; 20 readers that do not
    read; 20 clients a second that are killed."""
    held, begun = [], 0
    rng = random.Random(1)
    while not stop.is_set():
        if time.monotonic() > begun + 9:
            rough_clients.close_all(held)
            held = rough_clients.half_open(port, 1000)
            held += [rough_clients.slow_reader(port, ["a"] * 60) for _ in range(20)]
            begun = time.monotonic()
        rough_clients.kill_one(port, ["gone before the answer"], share=rng.choice((0.2, 0.9, 1)))
        stop.wait(0.05)
    rough_clients.close_all(held)


def rough(bench):
    with bench.server(max_connections=4096) as server:
        load(server, connections=64, seconds=1)
        time.sleep(0.5)  # for its connections to be closed
        fds, before = server.fds(), server.rss_mb()
        alone = load(server, rate=100, seconds=bench.seconds)
        stop = threading.Event()
        thread = threading.Thread(target=be_rough, args=(server.port, stop))
        thread.start()
        time.sleep(1)
        beside = load(server, rate=100, seconds=bench.seconds)
        stop.set()
        thread.join()
        end = time.monotonic() + 30
        while server.fds() > fds and time.monotonic() < end:
            time.sleep(0.1)
        left, after = server.fds() - fds, server.rss_mb()
    what = "1,000 half-open, slow readers, killed clients: "
    told = [f"P99 {r['ok']['p99_ms']:.1f} ms" for r in (beside, alone)]
    yield Row("rough", what + "100 queries/s beside them", "", f"{told[0]}; without them {told[1]}")
    yield Row("rough", what + "failures of the others", "0", str(failures(beside)), failures(beside) == 0)
    yield Row("rough", what + "descriptors left behind", "0", str(left), left <= 0)
    yield Row("rough", what + "memory", "flat", f"{before:.0f} MB before, {after:.0f} after", after <= 1.05 * before + 8)


def idle(bench):
    for precision in ("fp32", "int8"):
        with bench.server(precision) as server:
            load(server, connections=64, seconds=bench.short)
            resident, before = server.rss_mb(), server.cpu_s()
            time.sleep(3)
            used = server.cpu_s() - before
        seen = f"{used * 1e3:.0f} ms of CPU in 3 s; {resident:.0f} MB resident after load"
        yield Row("idle", f"nobody asks, {precision}", "", seen)


SECTIONS = {
    "hit": hit,
    "miss": miss,
    "first": first,
    "open": open_loop,
    "closed": closed_loop,
    "overload": overload,
    "fair": fair,
    "rough": rough,
    "idle": idle,
}


def show(rows, foreign):
    cpu = common.cpu_facts()["name"]
    print(f"{cpu}, {datetime.date.today().isoformat()}; {foreign:.1%} of the processors went to others meanwhile")
    wide = [max(len(getattr(r, x)) for r in rows) for x in ("what", "must")]
    for r in rows:
        mark = {True: "ok", False: "MISSED", None: ""}[r.good]
        print(f"{r.what:{wide[0]}} | {r.must:{wide[1]}} | {mark:6} | {r.seen}")


def save(rows, foreign):
    path = common.RESULTS / f"{common.cpu_facts()['slug']}-serving.csv"
    facts = {"cpu": common.cpu_facts()["name"], "date": datetime.date.today().isoformat(), "foreign_share": f"{foreign:.4f}"}
    with open(path, "w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow([*facts, "section", "what", "must", "good", "seen"])
        for r in rows:
            good = {True: "yes", False: "no", None: ""}[r.good]
            out.writerow([*facts.values(), r.section, r.what, r.must, good, r.seen])
    print(f"{path} is written")


def use_peers_python():
    """Goes on in the peers' environment, where there is one and we are not in it: ONNX Runtime's process needs its NumPy."""
    python = common.PEERS / "venv" / "bin" / "python"
    if python.exists() and not os.path.samefile(sys.prefix, common.PEERS / "venv"):
        os.execv(python, [str(python), "-B", *sys.argv])


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seconds", type=float, default=30, help="of the long runs; a turn is a tenth of it (%(default)s)")
    p.add_argument("--rounds", type=int, default=7, help="of turns (%(default)s)")
    p.add_argument("--threads", type=int, help="worker threads; as many as the process may use when not given")
    p.add_argument("--only", help=f"only these, comma-separated: {','.join(SECTIONS)}")
    p.add_argument("--overload-texts", type=int, default=32, help="in each request of the overload (%(default)s)")
    p.add_argument("--save", action="store_true", help="write bench/results/<cpu>-serving.csv")
    options = p.parse_args()
    options.only = options.only.split(",") if options.only else list(SECTIONS)
    if unknown := set(options.only) - set(SECTIONS):
        p.error(f"no such section: {', '.join(sorted(unknown))}")
    return options


def main():
    options = parse()
    if "closed" in options.only:
        use_peers_python()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    common.warn_if_loaded()
    bench, rows, foreign = Bench(options), [], served.Foreign()
    for name in options.only:
        print(f"-- {name}", file=sys.stderr)
        rows += SECTIONS[name](bench)
        for row in rows:
            if row.section == name:
                print(f"   {row.what}: {row.seen}", file=sys.stderr)
    share = foreign.share()
    show(rows, share)
    if share > 0.03:
        print("bench: WARNING: other processes were at work: do not keep these figures", file=sys.stderr)
    if options.save:
        save(rows, share)


if __name__ == "__main__":
    main()
