"""The result as one SVG: a panel for each workload, a bar for each engine, its length the effective GFLOP/s."""

import report
import workloads
from svg_text import head, text

PANEL_W, ROW_H, COLUMNS = 560, 20, 2
LABEL_W, VALUE_W, TOP, GAP = 170, 120, 84, 58
COLOURS = {"fp32": "#9db4c8", "bf16": "#b9a6cc", "int8": "#e0b98a"}  # peers, by precision
OURS = {"fp32": "#1f5f99", "bf16": "#5b3a86", "int8": "#b8640f"}
DESCRIPTIONS = {
    "q12": "one query of 12 tokens",
    "s128": "one text of 128 tokens",
    "s256": "one text of 256 tokens",
    "b32x16": "32 texts of 16 tokens",
    "b32x128": "32 texts of 128 tokens",
    "mix64": "64 texts of 6 to 256 tokens",
}


def _panel(result, name, x, y):
    """One workload, fastest engine first; a dashed line marks the FP32 multiply-add limit."""
    limit = result.run["limit_gflops"]
    rows = sorted(result.engines, key=lambda e: -result.gflops(e, name))
    most = max(limit, result.gflops(rows[0], name))
    width = PANEL_W - LABEL_W - VALUE_W - 20
    out = [text(x, y - 12, f"{name}: {DESCRIPTIONS[name]}, {sum(workloads.lengths(name))} tokens", 13, weight="bold")]
    for i, e in enumerate(rows):
        top, value, precision = y + i * ROW_H, result.gflops(e, name), report.precision_of(e)
        ours = report.is_ours(e)
        length = width * value / most
        out.append(text(x + LABEL_W - 6, top + 13, e, 12, "end", "bold" if ours else "normal"))
        out.append(
            f'<rect x="{x + LABEL_W}" y="{top + 2}" width="{length:.1f}" height="{ROW_H - 4}" '
            f'fill="{(OURS if ours else COLOURS)[precision]}"/>'
        )
        out.append(text(x + LABEL_W + width + 8, top + 13, f"{value:.0f}  ({result.median_ms(e, name):.2f} ms)", 11))
    at = x + LABEL_W + width * limit / most
    bottom = y + len(rows) * ROW_H
    out.append(f'<path d="M{at:.1f} {y}V{bottom}" stroke="#c0392b" stroke-dasharray="4 3"/>')
    out.append(text(at, bottom + 13, "FP32 limit", 10, "middle", fill="#c0392b"))
    return out


def svg(result):
    """The whole picture as text."""
    run = result.run
    panel_h = len(result.engines) * ROW_H + GAP
    n_rows = -(-len(result.workloads) // COLUMNS)
    width, height = COLUMNS * PANEL_W + 40, TOP + n_rows * panel_h + 10
    versions = {}
    for e in result.engines:
        versions[report.product_of(e)] = result.versions[e]
    out = [
        *head(width, height),
        text(20, 24, "all-MiniLM-L6-v2, token ids to normalised vectors: effective GFLOP/s (median ms)", 16, weight="bold"),
        text(20, 42, f"{run['cpu']}; vecd with {run['isa']}; {run['threads']} threads; {run['date']}", 12, fill="#555"),
        text(20, 58, ", ".join(f"{name} {v}" for name, v in versions.items()), 12, fill="#555"),
    ]
    for i, name in enumerate(result.workloads):
        out += _panel(result, name, 20 + i % COLUMNS * PANEL_W, TOP + 18 + i // COLUMNS * panel_h)
    return "\n".join(out + ["</svg>"]) + "\n"
