"""The C API from Python, with nothing but ctypes: open a model's folder, encode two texts, compare them.

    python3 embed.py FOLDER "a cat" "a kitten"        VECD_LIBRARY=path/to/libvecd.so where it is not installed
"""
import ctypes
import math
import os
import sys


class Err(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("pos", ctypes.c_size_t), ("text", ctypes.c_char * 512)]


class Info(ctypes.Structure):
    _fields_ = [("id", ctypes.c_char_p), ("architecture", ctypes.c_char_p), ("pooling", ctypes.c_char_p),
                ("precision", ctypes.c_char_p), ("isa", ctypes.c_char_p),
                ("dimension", ctypes.c_uint), ("max_tokens", ctypes.c_uint), ("threads", ctypes.c_uint), ("normalized", ctypes.c_int),
                ("parameters", ctypes.c_uint64), ("resident_bytes", ctypes.c_uint64)]


class Model:
    def __init__(self, folder):
        self.lib = ctypes.CDLL(os.environ.get("VECD_LIBRARY", "libvecd.so"))
        self.handle, self.err, self.info = ctypes.c_void_p(), Err(), Info()
        self.check(self.lib.vecd_open(os.fsencode(folder), None, ctypes.byref(self.handle), ctypes.byref(self.err)))
        self.lib.vecd_describe(self.handle, ctypes.byref(self.info))

    def check(self, status):
        if status:
            raise RuntimeError(self.err.text.decode())

    def encode(self, texts):
        raw = [text.encode() for text in texts]
        n, dimension = len(raw), self.info.dimension
        vectors = (ctypes.c_float * (n * dimension))()
        self.check(self.lib.vecd_encode(
            self.handle, (ctypes.c_char_p * n)(*raw), (ctypes.c_size_t * n)(*map(len, raw)), ctypes.c_size_t(n), ctypes.c_uint(0),
            vectors, None, ctypes.byref(self.err)))
        return [vectors[i * dimension:(i + 1) * dimension] for i in range(n)]

    def close(self):
        self.lib.vecd_close(ctypes.byref(self.handle))


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def main():
    if len(sys.argv) != 4:
        sys.exit("usage: embed.py FOLDER TEXT TEXT")
    model = Model(sys.argv[1])
    a, b = model.encode(sys.argv[2:])
    print(f"{model.info.id.decode()}: {len(a)} floats, cosine {cosine(a, b):.4f}")
    model.close()


main()
