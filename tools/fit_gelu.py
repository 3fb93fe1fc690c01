#!/usr/bin/env python3
"""Finds the coefficients of gelu_vf() in src/kern/rows_f32_body.h, or proves that those in the source are the ones it finds.

Phi(x) = 1/2 + x P(s), s = 2 x^2 / LIMIT^2 - 1, on |x| <= LIMIT. P is the minimax polynomial of degree DEGREE for the error of
x Phi(x), relative to itself on |x| < 1 and absolute beyond, by Remez' exchange in 40 digits, its coefficients then rounded to
float32. The two largest are moved by a few units in the last place to where float32 arithmetic has the least error on the
whole and Phi(LIMIT) is 1 exactly: beyond LIMIT x Phi(x) is then x itself, below -LIMIT next to nothing.

usage: fit_gelu.py            prints the coefficients, highest power first, and the errors
       fit_gelu.py --check    compares them with the source, exit status 1 where they differ

Needs mpmath and numpy.
"""
import itertools
import pathlib
import re
import sys

import mpmath as mp
import numpy as np

LIMIT, DEGREE = 5.375, 14
POINTS = 3000  # of the grid on which extrema are looked for
SOURCE = pathlib.Path(__file__).resolve().parent.parent / "src/kern/rows_f32_body.h"


def target(x):
    return mp.erf(x / mp.sqrt(2)) / (2 * x)


def chebyshev_row(s, n):
    row, t0, t1 = [], mp.mpf(1), s
    for _ in range(n):
        row.append(t0)
        t0, t1 = t1, 2 * s * t1 - t0
    return row


def remez():
    """P's coefficients in Chebyshev polynomials of s, and its largest error."""
    limit, least, n = mp.mpf(LIMIT), mp.mpf("0.02"), DEGREE + 2
    xs = [least + (limit - least) * i / POINTS for i in range(POINTS + 1)]
    weights = [2 * x / mp.erfc(x / mp.sqrt(2)) if x < 1 else x * x for x in xs]
    rows = [chebyshev_row(2 * x * x / limit**2 - 1, DEGREE + 1) for x in xs]
    wanted = [target(x) for x in xs]
    chosen = [round(POINTS * np.sin(np.pi * i / (n - 1) / 2)) for i in range(n)]
    for _ in range(30):
        a, b = mp.matrix(n, n), mp.matrix(n, 1)
        for r, i in enumerate(chosen):
            for j in range(DEGREE + 1):
                a[r, j] = rows[i][j]
            a[r, DEGREE + 1] = (-1) ** r / weights[i]
            b[r] = wanted[i]
        solution = mp.lu_solve(a, b)
        c = [solution[j] for j in range(DEGREE + 1)]
        error = np.array([float(weights[i] * (mp.fdot(c, rows[i]) - wanted[i])) for i in range(POINTS + 1)])
        extrema = []  # the largest of each run of one sign
        for i in range(POINTS + 1):
            if not extrema or np.sign(error[i]) != np.sign(error[extrema[-1]]):
                extrema.append(i)
            elif abs(error[i]) > abs(error[extrema[-1]]):
                extrema[-1] = i
        while len(extrema) > n:
            extrema.pop(0 if abs(error[extrema[0]]) < abs(error[extrema[-1]]) else -1)
        assert len(extrema) == n, "the exchange lost an extremum"
        chosen = extrema
        if abs(error).max() < 1.0001 * abs(error[chosen]).min():
            break
    return c, abs(error).max()


def powers_of_s(c):
    """Chebyshev coefficients -> powers of s, lowest first."""
    out = [mp.mpf(0)] * len(c)
    t0, t1 = [mp.mpf(1)], [mp.mpf(0), mp.mpf(1)]
    for k in c:
        for i, v in enumerate(t0):
            out[i] += k * v
        t2 = [mp.mpf(0)] + [2 * v for v in t1]
        for i, v in enumerate(t0):
            t2[i] -= v
        t0, t1 = t1, t2
    return out


def fma(a, b, c):
    return (a.astype(np.longdouble) * b + c).astype(np.float32)


def phi_f32(coefficients, x):
    """As gelu_vf() works Phi(x) out, operation by operation."""
    limit = np.float32(LIMIT)
    z = np.clip(x, -limit, limit)
    s = fma(z * z, np.float32(2.0 / (LIMIT * LIMIT)), np.float32(-1))
    p = np.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        p = fma(p, s, c)
    return fma(z, p, np.float32(0.5))


def main():
    mp.mp.dps = 40
    cheby, fit_error = remez()
    c = np.array([float(v) for v in powers_of_s(cheby)]).astype(np.float32)
    x = np.linspace(-6, 6, 48001).astype(np.float32)
    exact = np.array([float(v * mp.erfc(-v / mp.sqrt(2)) / 2) for v in map(mp.mpf, x.tolist())])
    ends = np.array([-LIMIT, LIMIT], np.float32)
    best, first = None, c[:2].copy()
    for ulps in itertools.product(range(-3, 4), repeat=2):
        c[:2] = first + np.array(ulps, np.float32) * np.spacing(first)
        low, high = phi_f32(c, ends)
        if high != 1:
            continue
        y = np.maximum(x, -np.float32(LIMIT)) * phi_f32(c, x)
        worst = (abs(y - exact) / np.where(x < -1, 1, abs(exact) + 1e-30)).max()
        if best is None or worst < best[0]:
            best = (worst, ulps, c.copy(), low)
    assert best, "nothing makes Phi(LIMIT) 1: try another LIMIT"
    worst, ulps, c, low = best
    lines = ["%.9ef" % v for v in c[::-1]]
    if "--check" in sys.argv[1:]:
        body = re.search(r"vf gelu_vf\(vf x\) \{(.*?)\n\}", SOURCE.read_text(), re.S).group(1)
        found = re.findall(r"p = (?:vf_fma\(p, s, )?vf_set1\(([-+.e0-9]+f)\)", body)
        print("same" if found == lines else f"differ:\n{found}\n{lines}")
        sys.exit(found != lines)
    print("\n".join(lines))
    print(f"fit {fit_error:.2e}; in float32 {worst:.2e}; moved by {ulps} ulp; Phi(-LIMIT) = {low:.1e}")


if __name__ == "__main__":
    main()
