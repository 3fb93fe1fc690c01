"""libvecd through ctypes: as much of include/vecd.h as the measurements need. Plain Python only.

The structs are read from the header, not written down a second time: a field that is added there in the middle would shift all
that follow, and a dimension read from half a pointer asks for gigabytes.
"""

import ctypes as c
import json
import re

import common

NO_TRUNCATE = 2
HEADER = common.ROOT / "include" / "vecd.h"
TYPES = {
    "const char *": c.c_char_p,
    "int": c.c_int,
    "unsigned": c.c_uint,
    "size_t": c.c_size_t,
    "uint64_t": c.c_uint64,
    "vecd_status": c.c_int,
    "char": c.c_char,
}


def struct(name, header):
    """The ctypes class of `typedef struct name {...} name;`. Stops at a field it cannot read."""
    found = re.search(rf"typedef struct {name} \{{(.*?)\}} {name};", header, re.DOTALL)
    if not found:
        raise SystemExit(f"bench: {HEADER.name} has no struct {name}")
    fields = []
    for declaration in re.sub(r"/\*.*?\*/", "", found.group(1), flags=re.DOTALL).split(";")[:-1]:
        parts = re.fullmatch(r"\s*(.+?[ *])\s*(\w+)(?:\[(\d+)\])?\s*", declaration)
        kind = TYPES.get(parts.group(1).strip()) if parts else None
        if kind is None:
            raise SystemExit(f"bench: vecd_c.py cannot read this field of {name}: {declaration.strip()}")
        fields.append((parts.group(2), kind * int(parts.group(3)) if parts.group(3) else kind))
    return type(name, (c.Structure,), {"_fields_": fields})


Options, Info, Err = (struct(name, HEADER.read_text()) for name in ("vecd_options", "vecd_info", "vecd_err"))

# The precisions the library offers, and the options that choose each.
PRECISIONS = {p: {"precision": p.encode()} for p in ("fp32", "int8")}


def load():
    """The library of the build folder."""
    path = common.BUILD / "libvecd.so"
    if not path.exists():
        raise SystemExit(f"bench: {path} is missing: run `make build`, or set VECD_BUILD")
    lib = c.CDLL(str(path))
    lib.vecd_version.restype = c.c_char_p
    return lib


class Model:
    """One opened model; most who measure never close it: their process ends."""

    def __init__(self, folder, threads, precision="fp32", isa=None):
        self.lib, self.err, self.handle = load(), Err(), c.c_void_p()
        options = Options(
            size=c.sizeof(Options), threads=threads, isa=isa.encode() if isa else None, **PRECISIONS[precision]
        )
        path = str(folder).encode()
        self._check(self.lib.vecd_open(path, c.byref(options), c.byref(self.handle), c.byref(self.err)))
        self.info = Info.from_buffer(bytearray(4096))  # room for what a library newer than the header would write
        self.lib.vecd_describe(self.handle, c.byref(self.info))
        config = json.loads((folder / "config.json").read_text())
        hidden = config.get("hidden_size") or config["d_model"]
        if self.info.dimension != hidden:
            raise SystemExit(f"bench: libvecd says dimension {self.info.dimension}, config.json {hidden}: is the build old?")

    def _check(self, status):
        if status:
            raise RuntimeError(f"vecd: {self.err.text.decode()}")

    def close(self):
        self.lib.vecd_close(c.byref(self.handle))

    def prepare(self, seqs):
        """Arguments of encode(): the sequences one after another, their lengths, room for the vectors."""
        ids = [int(i) for seq in seqs for i in seq]
        lens = (c.c_size_t * len(seqs))(*map(len, seqs))
        return (c.c_uint32 * len(ids))(*ids), lens, (c.c_float * (len(seqs) * self.info.dimension))()

    def encode(self, prepared):
        """The vectors one after another, c_float [n * dimension]; the same storage on every call."""
        ids, lens, vectors = prepared
        n = c.c_size_t(len(lens))
        self._check(self.lib.vecd_encode_ids(self.handle, ids, lens, n, c.c_uint(0), vectors, c.byref(self.err)))
        return vectors
