"""libvecd through ctypes: as much of include/vecd.h as the measurements need."""

import ctypes as c

import numpy as np

import common

NO_TRUNCATE = 2


class Options(c.Structure):
    """vecd_options. A field added to the header is added here, at the end, and named in PRECISIONS where it chooses one."""

    _fields_ = [("size", c.c_size_t), ("threads", c.c_uint), ("isa", c.c_char_p), ("precision", c.c_char_p)]


# The precisions the library offers, and the options that choose each.
PRECISIONS = {p: {"precision": p.encode()} for p in ("fp32", "int8")}


class Info(c.Structure):
    """vecd_info."""

    _fields_ = (
        [(name, c.c_char_p) for name in ("id", "architecture", "pooling", "precision", "isa")]
        + [(name, c.c_uint) for name in ("dimension", "max_tokens", "threads")]
        + [("normalized", c.c_int), ("parameters", c.c_uint64), ("resident_bytes", c.c_uint64)]
    )


class Err(c.Structure):
    """vecd_err."""

    _fields_ = [("code", c.c_int), ("pos", c.c_size_t), ("text", c.c_char * 512)]


def load():
    """The library of the build folder."""
    path = common.BUILD / "libvecd.so"
    if not path.exists():
        raise SystemExit(f"peers: {path} is missing: run `make build`, or set VECD_BUILD")
    lib = c.CDLL(str(path))
    lib.vecd_version.restype = c.c_char_p
    return lib


class Model:
    """One opened model. Never closed: the process that measures ends."""

    def __init__(self, folder, threads, precision="fp32", isa=None):
        self.lib, self.err, self.handle = load(), Err(), c.c_void_p()
        options = Options(
            size=c.sizeof(Options), threads=threads, isa=isa.encode() if isa else None, **PRECISIONS[precision]
        )
        path = str(folder).encode()
        self._check(self.lib.vecd_open(path, c.byref(options), c.byref(self.handle), c.byref(self.err)))
        self.info = Info()
        self.lib.vecd_describe(self.handle, c.byref(self.info))

    def _check(self, status):
        if status:
            raise RuntimeError(f"vecd: {self.err.text.decode()}")

    def prepare(self, seqs):
        """Arguments of encode(): the sequences one after another, their lengths, room for the vectors."""
        ids = np.ascontiguousarray(np.concatenate(seqs), np.uint32)
        lens = np.array([len(s) for s in seqs], np.uintp)
        return ids, lens, np.empty((len(seqs), self.info.dimension), np.float32)

    def encode(self, prepared):
        """The vectors [n, dimension]; the same storage on every call."""
        ids, lens, vectors = prepared
        pointers = (c.c_void_p(a.ctypes.data) for a in (ids, lens, vectors))
        ids_at, lens_at, vectors_at = pointers
        n = c.c_size_t(len(lens))
        self._check(self.lib.vecd_encode_ids(self.handle, ids_at, lens_at, n, c.c_uint(0), vectors_at, c.byref(self.err)))
        return vectors
