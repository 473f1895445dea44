"""GFLOP/s of matrix products in a peer, beside `uwaga bench gemm`: the same shapes, as many lines on standard input, each timed
when it is read and answered by a JSON line.

    echo 256x768x3072b | ~/peers/bin/python tests/bench/peers/matmul.py --peer openblas

mkl: PyTorch's torch.mm, which in f32 is MKL's; in bf16 it is what PyTorch takes there, oneDNN where the processor multiplies
bf16. openblas: NumPy's. onednn: dnnl_sgemm of the package onednn-cpu-gomp. The last two are f32 alone.
"""
import argparse
import ctypes
import glob
import json
import os
import re
import sys
import time

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("--peer", choices=["mkl", "openblas", "onednn"], default="mkl")
p.add_argument("--precision", choices=["f32", "bf16"], default="f32")
p.add_argument("--threads", type=int, default=2)
p.add_argument("--runs", type=int, default=15)
o = p.parse_args()
if o.precision == "bf16" and o.peer != "mkl":
    p.error(f"{o.peer} is timed in f32 alone")

for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):  # its own choice for this processor
    os.environ.pop(name, None)
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = str(o.threads)


def mkl():
    import torch

    torch.set_num_threads(o.threads)
    kind = torch.bfloat16 if o.precision == "bf16" else torch.float32

    def prepare(m, n, k, transposed):
        a = torch.randn(k, m).to(kind).t() if transposed == "a" else torch.randn(m, k).to(kind)
        b = torch.randn(n, k).to(kind).t() if transposed == "b" else torch.randn(k, n).to(kind)
        out = torch.empty(m, n, dtype=kind)
        return lambda: torch.mm(a, b, out=out)

    return f"torch {torch.__version__}", prepare


def arrays(m, n, k, transposed):
    import numpy

    random = numpy.random.default_rng(1)
    a = random.random((k, m) if transposed == "a" else (m, k), dtype=numpy.float32)
    b = random.random((n, k) if transposed == "b" else (k, n), dtype=numpy.float32)
    return a, b, numpy.empty((m, n), dtype=numpy.float32)


def openblas():
    import numpy

    def prepare(m, n, k, transposed):
        a, b, out = arrays(m, n, k, transposed)
        a, b = a.T if transposed == "a" else a, b.T if transposed == "b" else b
        return lambda: numpy.matmul(a, b, out=out)

    library = ctypes.CDLL(glob.glob(os.path.join(os.path.dirname(numpy.__file__), "..", "numpy.libs", "libscipy_openblas64_*"))[0])
    library.scipy_openblas_get_corename64_.restype = ctypes.c_char_p
    return f"numpy {numpy.__version__} OpenBLAS {library.scipy_openblas_get_corename64_().decode()}", prepare


def onednn():
    library = ctypes.CDLL(os.path.join(sys.prefix, "lib", "libdnnl.so.3"))
    size, pointer = ctypes.c_int64, ctypes.c_void_p
    library.dnnl_sgemm.argtypes = [ctypes.c_char, ctypes.c_char, size, size, size, ctypes.c_float, pointer, size, pointer, size,
                                   ctypes.c_float, pointer, size]

    def prepare(m, n, k, transposed):
        a, b, out = arrays(m, n, k, transposed)

        def run():
            status = library.dnnl_sgemm(b"T" if transposed == "a" else b"N", b"T" if transposed == "b" else b"N", m, n, k, 1.0,
                                        a.ctypes.data, a.shape[1], b.ctypes.data, b.shape[1], 0.0, out.ctypes.data, n)
            assert status == 0, status

        return run

    class Version(ctypes.Structure):
        _fields_ = [(name, ctypes.c_int) for name in ("major", "minor", "patch")]

    library.dnnl_version.restype = ctypes.POINTER(Version)
    v = library.dnnl_version().contents
    return f"oneDNN {v.major}.{v.minor}.{v.patch}", prepare


name, prepare = {"mkl": mkl, "openblas": openblas, "onednn": onednn}[o.peer]()
for line in sys.stdin:
    m, n, k, transposed = re.fullmatch(r"(\d+)x(\d+)x(\d+)([ab]?)", line.strip()).groups()
    m, n, k = int(m), int(n), int(k)
    run = prepare(m, n, k, transposed)
    times = []
    while len(times) < o.runs + 2 and not (len(times) > 4 and sum(times) > 1):  # of a slow one three do
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    measured = sorted(times[2:])
    print(json.dumps({"peer": name, "threads": o.threads, "precision": o.precision, "m": m, "n": n, "k": k, "transposed": transposed,
                      "gflops": 2e-9 * m * n * k / measured[len(measured) // 2], "gflops_most": 2e-9 * m * n * k / measured[0]}), flush=True)
