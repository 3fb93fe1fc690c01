#!/usr/bin/env python3
"""Writes a file's bytes as a C array: embed_file.py IN OUT.c NAME HEADER gives `const char NAME[]` and `const size_t NAME_len`."""
import pathlib
import sys

source, out, name, header = sys.argv[1:]
data = pathlib.Path(source).read_bytes()
lines = (", ".join(str(b if b < 128 else b - 256) for b in data[i:i + 24]) for i in range(0, len(data), 24))
body = ",\n  ".join(lines)
pathlib.Path(out).write_text(
    f'/* Made of {pathlib.Path(source).name} by the build. */\n#include "{header}"\n\n'
    f"const char {name}[] = {{\n  {body}\n}};\nconst size_t {name}_len = sizeof {name};\n")
