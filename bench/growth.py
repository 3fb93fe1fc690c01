#!/usr/bin/env python3
"""How the time per token grows with the batch (1 to 256 texts) and with the length (8 to 512 tokens): is there a cliff?

Token ids in, normalised vectors out, fp32 and int8, through libvecd. Neighbouring sizes are measured one after the
other, up in one round and down in the next; a step is the median over rounds of the ratio within a round, so that a
clock that wanders meets both alike. Attention costs more in longer texts: what the operations of a token alone would
give is told beside each step, and time is told per operation as well. (With int8 attention stays in float32: there an
operation takes longer on average as texts grow.) Prints tables, names the cliffs (a token over 15 % slower than at the
size before), and writes
bench/results/<cpu>-<isa>-growth.csv and .svg. Needs nothing but Python.
"""

import argparse
import csv
import datetime
import json
import math
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peers"))
import common  # noqa: E402
import vecd_c  # noqa: E402
from svg_text import head, text  # noqa: E402

BATCHES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
LENGTHS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
# name: (what grows, [(batch, length)])
SERIES = {
    "texts of 16 tokens": ("batch", [(b, 16) for b in BATCHES]),
    "texts of 128 tokens": ("batch", [(b, 128) for b in BATCHES]),
    "one text": ("length", [(1, n) for n in LENGTHS]),
    "8 texts": ("length", [(8, n) for n in LENGTHS]),
}
CLIFF = 1.15
COLOURS = {"fp32": "#1f5f99", "int8": "#b8640f"}
PANEL_W, PANEL_H, PLOT_W, PLOT_H, TOP = 560, 300, 470, 230, 100


def flops_per_token(config, length):
    """Of the linear layers and of attention's two products; a multiply-add counts as two."""
    h = config["hidden_size"]
    return config["num_hidden_layers"] * (2 * (4 * h * h + 2 * h * config["intermediate_size"]) + 4 * length * h)


class Point:
    """One size in one precision."""

    def __init__(self, model, config, batch, length):
        rng = random.Random(1)
        self.batch, self.length, self.tokens = batch, length, batch * length
        self.flops = flops_per_token(config, length)
        self.model = model
        self.prepared = model.prepare([[rng.randrange(config["vocab_size"]) for _ in range(length)] for _ in range(batch)])
        self.ms = []  # of each round

    def measure(self, seconds):
        self.ms.append(common.median(common.timed(lambda: self.model.encode(self.prepared), seconds)))

    def us_per_token(self):
        return common.median(self.ms) * 1e3 / self.tokens

    def ps_per_flop(self):
        return self.us_per_token() * 1e6 / self.flops

    def step_from(self, before):
        """Time per token, relative to the size before."""
        ratios = [a / b for a, b in zip(self.ms, before.ms)]
        return common.median(ratios) * before.tokens / self.tokens


class Line:
    """The points of one series in one precision."""

    def __init__(self, series, precision, points):
        self.series, self.precision, self.points = series, precision, points
        self.grows = SERIES[series][0]

    def steps(self):
        """[(point, step, what the operations alone would give)]; None where there is no size before."""
        pairs = zip(self.points, self.points[1:])
        return [(self.points[0], None, None)] + [(b, b.step_from(a), b.flops / a.flops) for a, b in pairs]

    def size(self, point):
        return getattr(point, self.grows)

    def cliffs(self):
        return [(p, step, expected) for p, step, expected in self.steps() if step and step > CLIFF]


def measure(options, folder):
    """(lines, facts on the run)."""
    config = json.loads((folder / "config.json").read_text())
    lines = []
    for precision in ("fp32", "int8"):
        model = vecd_c.Model(folder, options.threads, precision, options.isa)
        if model.info.max_tokens < LENGTHS[-1]:
            sys.exit(f"growth: the model takes {model.info.max_tokens} tokens only")
        for series, (_, sizes) in SERIES.items():
            lines.append(Line(series, precision, [Point(model, config, *size) for size in sizes]))
    for turn in range(options.rounds):
        for line in lines:
            for point in line.points if turn % 2 == 0 else reversed(line.points):
                if sys.stderr.isatty():
                    where = f"{line.precision} {line.series} {line.size(point)}"
                    print(f"\rround {turn + 1} of {options.rounds}, {where:30}", end="", file=sys.stderr)
                point.measure(options.seconds)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    cpu = common.cpu_facts()
    run = {"cpu": cpu["name"], "isa": model.info.isa.decode(), "features": " ".join(cpu["features"])}
    run |= {"date": datetime.date.today().isoformat(), "threads": model.info.threads, "rounds": options.rounds}
    run |= {"version": model.lib.vecd_version().decode()}
    return lines, run, cpu["slug"]


def table(lines, run):
    out = [f"{run['cpu']}, {run['isa']}, {run['threads']} threads, {run['date']}, medians of {run['rounds']} rounds"]
    for line in lines:
        out += ["", f"{line.precision}, {line.series}"]
        out.append(f"{line.grows:>8}{'ms':>11}{'us/token':>11}{'step':>8}{'by flops':>10}{'ps/flop':>10}")
        for p, step, expected in line.steps():
            steps = f"{step:8.3f}{expected:10.3f}" if step else " " * 18
            mark = "  cliff" if step and step > CLIFF else ""
            ms = common.median(p.ms)
            out.append(f"{line.size(p):8}{ms:11.3f}{p.us_per_token():11.2f}{steps}{p.ps_per_flop():10.2f}{mark}")
    return "\n".join(out)


def verdict(lines):
    """The largest step of each line, and whether it is a cliff."""
    out = [f"largest step in time per token, and by the number of operations alone; over {CLIFF} is a cliff"]
    for line in lines:
        point, step, expected = max(line.steps()[1:], key=lambda s: s[1])
        where = f"{line.precision}, {line.series}: at {line.grows} {line.size(point)}"
        out.append(f"  {where:44}{step:8.3f}{expected:8.3f}{'   CLIFF' if step > CLIFF else ''}")
    n = sum(len(line.cliffs()) for line in lines)
    return "\n".join(out + [f"{n or 'no'} cliff{'' if n == 1 else 's'}"])


def write_csv(path, lines, run):
    """A row for each point; the facts on the run are repeated in each, so that files can be joined."""
    with open(path, "w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        columns = "precision batch length tokens ms ms_least ms_most us_per_token flops_per_token ps_per_flop"
        out.writerow([*run, *columns.split(), "grows", "step", "step_by_flops"])
        for line in lines:
            for p, step, expected in line.steps():
                row = [line.precision, p.batch, p.length, p.tokens]
                row += [f"{x:.4f}" for x in (common.median(p.ms), min(p.ms), max(p.ms), p.us_per_token())]
                row += [p.flops, f"{p.ps_per_flop():.4f}", line.grows]
                out.writerow([*run.values(), *row, *(f"{x:.4f}" if x else "" for x in (step, expected))])


def ticks(most):
    """Four to ten round numbers from 0 on, none over most."""
    power = 10.0 ** math.floor(math.log10(most))
    step = next(power / d for d in (1, 2, 5, 10) if most * d / power >= 4)
    return [step * i for i in range(int(most / step) + 1)]


def panel(lines, x, y):
    """One series: time per token over the size, both precisions; dashed, what the best time per operation would give."""
    name, grows = lines[0].series, lines[0].grows
    sizes = [lines[0].size(p) for p in lines[0].points]
    most = max(p.us_per_token() for line in lines for p in line.points) * 1.05

    def at(size, us):
        return x + PLOT_W * math.log(size / sizes[0]) / math.log(sizes[-1] / sizes[0]), y + PLOT_H * (1 - us / most)

    def path(values, more):
        return f'<path d="M{"L".join(f"{px:.1f} {py:.1f}" for px, py in values)}" fill="none" {more}/>'

    what = "growing batch" if grows == "batch" else "growing length"
    out = [text(x, y - 14, f"{name}, {what}: microseconds per token", 13, weight="bold")]
    for us in ticks(most):
        _, py = at(sizes[0], us)
        out += [path([(x, py), (x + PLOT_W, py)], 'stroke="#ddd"'), text(x - 6, py + 4, f"{us:g}", 10, "end")]
    for size in sizes:
        out.append(text(at(size, 0)[0], y + PLOT_H + 15, str(size), 10, "middle"))
    for line in lines:
        stroke = f'stroke="{COLOURS[line.precision]}"'
        best = min(p.ps_per_flop() for p in line.points)
        out.append(path([at(line.size(p), best * p.flops / 1e6) for p in line.points], f'{stroke} stroke-dasharray="4 3"'))
        out.append(path([at(line.size(p), p.us_per_token()) for p in line.points], f'{stroke} stroke-width="2"'))
        for p, step, _ in line.steps():
            px, py = at(line.size(p), p.us_per_token())
            cliff = step and step > CLIFF
            colour = "#c0392b" if cliff else COLOURS[line.precision]
            out.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="{5 if cliff else 2.5}" fill="{colour}"/>')
    return out


def svg(lines, run):
    width, height = 2 * PANEL_W + 40, TOP + 2 * PANEL_H
    facts = f"{run['cpu']}; vecd {run['version']} with {run['isa']}; {run['threads']} threads; {run['date']}"
    out = [
        *head(width, height),
        text(20, 26, f"Time per token of {common.MODEL_ID} as batch and length grow", 16, weight="bold"),
        text(20, 45, facts, 12, fill="#555"),
        text(20, 62, "fp32", 12, weight="bold", fill=COLOURS["fp32"]),
        text(58, 62, "int8", 12, weight="bold", fill=COLOURS["int8"]),
        text(96, 62, "dashed: at the best time per operation of the line; red: a token is over 15 % slower than one size before"),
    ]
    for i, series in enumerate(SERIES):
        out += panel([line for line in lines if line.series == series], 60 + i % 2 * PANEL_W, TOP + 10 + i // 2 * PANEL_H)
    return "\n".join(out + ["</svg>"]) + "\n"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--threads", type=int, default=0, help="as many as the process may use when not given")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=0.1, help="time for one size in a round; one run at least (%(default)s)")
    p.add_argument("--isa", help="as for vecd; the best there is when not given")
    p.add_argument("--output", type=pathlib.Path, default=common.RESULTS, help="folder of the CSV and the SVG")
    options = p.parse_args()
    common.warn_if_loaded()
    with common.long_model(LENGTHS[-1]) as folder:
        lines, run, slug = measure(options, folder)
    print(table(lines, run), end="\n\n")
    print(verdict(lines))
    options.output.mkdir(parents=True, exist_ok=True)
    stem = options.output / f"{slug}-{run['isa']}-growth"
    write_csv(f"{stem}.csv", lines, run)
    pathlib.Path(f"{stem}.svg").write_text(svg(lines, run))
    print(f"\n{stem}.csv and .svg are written")


if __name__ == "__main__":
    main()
