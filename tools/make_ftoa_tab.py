#!/usr/bin/env python3
"""Writes src/base/ftoa_tab.h: the powers of ten that ftoa.c multiplies by, and proves the shifts it takes logarithms with.

usage: make_ftoa_tab.py > src/base/ftoa_tab.h
"""
from fractions import Fraction

Q_LEAST, Q_MOST = -149, 104  # a finite float32 is c * 2^q with c < 2^24


def floor_log2(x):
    """The greatest e with 2^e <= x, for a positive Fraction."""
    e = x.numerator.bit_length() - x.denominator.bit_length()
    return e if Fraction(2) ** e <= x else e - 1


def floor_log10(x):
    e = 0
    while Fraction(10) ** (e + 1) <= x:
        e += 1
    while Fraction(10) ** e > x:
        e -= 1
    return e


def main():
    ks = set()
    for q in range(Q_LEAST, Q_MOST + 1):
        for closer, take in ((0, Fraction(1)), (1, Fraction(3, 4))):
            k = (q * 1262611 - 524031 * closer) >> 22
            assert k == floor_log10(Fraction(2) ** q * take), (q, closer)
            ks.add(k)
    least, most = -max(ks), -min(ks)
    rows = []
    for e in range(least, most + 1):
        power = Fraction(10) ** e
        log = floor_log2(power)
        assert log == e * 1741647 >> 19, e
        g = int(power * Fraction(2) ** (63 - log)) + 1
        assert 1 << 63 <= g < 1 << 64
        rows.append(f"    0x{g:016x}u, /* 10^{e} */")
    print("/* ftoa_tab.h - made by tools/make_ftoa_tab.py: 10^e scaled into [2^63, 2^64), rounded down, plus 1. */")
    print("#ifndef VECD_BASE_FTOA_TAB_H\n#define VECD_BASE_FTOA_TAB_H\n\n#include <stdint.h>\n")
    print(f"#define FTOA_LEAST_POWER ({least})\n")
    print(f"static const uint64_t ftoa_powers[{len(rows)}] = {{")
    print("\n".join(rows))
    print("};\n\n#endif")


if __name__ == "__main__":
    main()
