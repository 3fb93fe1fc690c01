"""What was measured side by side, as text and as CSV."""

import csv

import common
import engines
import workloads


def precision_of(engine):
    return engines.ENGINES[engine][1]


def product_of(engine):
    """"ONNX Runtime" of "ONNX Runtime fused fp32"."""
    return engine.removesuffix(f" {precision_of(engine)}").removesuffix(" fused")


def is_ours(engine):
    return engine.startswith("vecd")


class Result:
    """One run of side_by_side.py: facts on the run, and for each engine and workload the ms of each round."""

    def __init__(self, run, names, loads, ms, cosines, versions, resident):
        self.run, self.engines, self.workloads = run, names, loads
        self.ms, self.cosines, self.versions, self.resident = ms, cosines, versions, resident

    def median_ms(self, engine, name):
        return common.median(self.ms[engine, name])

    def gflops(self, engine, name):
        """Effective: operations on real tokens only."""
        return workloads.flops(name) / self.median_ms(engine, name) / 1e6

    def share(self, engine, name):
        return self.gflops(engine, name) / self.run["limit_gflops"]

    def least_cosine(self, engine):
        return min(self.cosines[engine, name] for name in self.workloads)

    def best_peer(self, name, precision=None):
        """The fastest engine that is not ours, of one precision or of all; None where there is none."""
        peers = [e for e in self.engines if not is_ours(e) and precision in (None, precision_of(e))]
        return min(peers, key=lambda e: self.median_ms(e, name), default=None)

    def ratio(self, engine, peer, name):
        """Time against that of the peer: median of the ratios within a round."""
        return common.median([a / b for a, b in zip(self.ms[engine, name], self.ms[peer, name])])

    def text(self):
        run = self.run
        lines = [
            f"{run['cpu']}, vecd's ISA {run['isa']}, {run['threads']} threads, {run['date']}, medians of {run['rounds']} rounds",
            f"features: {run['features']}",
            "FP32 multiply-add limit {:.1f} GFLOP/s before, {:.1f} after".format(*run["limits"])
            + f"; other processes took {run['foreign_share']:.1%}, idle engines {run['idle_ms']:.0f} ms",
            "",
            "ms (effective GFLOP/s)",
            self._line("", [name for name in self.workloads], "least cosine"),
        ]
        for e in self.engines:
            cells = [f"{self.median_ms(e, w):.2f} ({self.gflops(e, w):.0f})" for w in self.workloads]
            lines.append(self._line(f"{e} ({self.versions[e]})", cells, f"{self.least_cosine(e):.6f}"))
        for e in filter(is_ours, self.engines):
            lines += ["", f"{e}: share of the FP32 limit, time against the best peer"]
            lines.append(self._line("  share", [f"{self.share(e, w):.3f}" for w in self.workloads]))
            if precision_of(e) == "fp32":
                lines.append(self._line("  share by `vecd bench`", [f"{run['bench_shares'][w]:.3f}" for w in self.workloads]))
            for what, precision in ((f"  best {precision_of(e)} peer", precision_of(e)), ("  best peer at any precision", None)):
                best = {w: self.best_peer(w, precision) for w in self.workloads}
                if None not in best.values():
                    lines.append(self._line(what, [f"{self.ratio(e, best[w], w):.3f}" for w in self.workloads]))
                    lines.append(self._line("", [product_of(best[w]) for w in self.workloads]))
        ours = [e for e in self.engines if is_ours(e)]
        for e in ours[1:]:
            lines += ["", self._line(f"{e} against {ours[0]}", [f"{self.ratio(e, ours[0], w):.3f}" for w in self.workloads])]
            lines.append(f"  resident_bytes of vecd_info, mapped tables not counted: {self.resident[e] / self.resident[ours[0]]:.3f}")
        return "\n".join(lines)

    @staticmethod
    def _line(first, cells, last=""):
        return (f"{first:34}" + "".join(f"{c:>16}" for c in cells) + f"{last:>14}").rstrip()

    def write_csv(self, path):
        """One row for each engine and workload; the facts on the run are repeated in each, so that files can be joined."""
        run = self.run
        with open(path, "w", newline="") as f:
            out = csv.writer(f, lineterminator="\n")
            out.writerow(
                "cpu isa features date threads rounds fp32_limit_gflops foreign_share engine version precision workload texts "
                "tokens ms ms_least ms_most tokens_per_s gflops share_of_fp32_limit least_cosine resident_bytes".split()
            )
            facts = [run[k] for k in ("cpu", "isa", "features", "date", "threads", "rounds")]
            facts += [f"{run['limit_gflops']:.1f}", f"{run['foreign_share']:.4f}"]
            for e in self.engines:
                for w in self.workloads:
                    ms, tokens = self.median_ms(e, w), sum(workloads.lengths(w))
                    row = [e, self.versions[e], precision_of(e), w, workloads.WORKLOADS[w][0], tokens]
                    row += [f"{x:.4f}" for x in (ms, min(self.ms[e, w]), max(self.ms[e, w]))]
                    row += [f"{tokens / ms * 1e3:.0f}", f"{self.gflops(e, w):.2f}", f"{self.share(e, w):.4f}"]
                    out.writerow(facts + row + [f"{self.cosines[e, w]:.7f}", self.resident[e] or ""])
