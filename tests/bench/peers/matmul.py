"""GFLOP/s of f32 matrix products in PyTorch, in the shapes of a GPT-2 step, beside `uwaga bench gemm`. JSON lines."""
import argparse
import json
import time

import torch

p = argparse.ArgumentParser()
p.add_argument("--threads", type=int, default=2)
p.add_argument("--runs", type=int, default=20)
o = p.parse_args()
torch.set_num_threads(o.threads)

# m, n, k, which operand lies transposed: forward, an input's gradient, a weight's gradient; then squares.
SHAPES = [(256, 768, 768, ""), (256, 3072, 768, ""), (256, 768, 3072, "b"), (768, 3072, 256, "a"), (3072, 768, 256, "a"),
          (512, 512, 512, ""), (1024, 1024, 1024, ""), (2048, 2048, 2048, "")]
for m, n, k, transposed in SHAPES:
    a = torch.randn(k, m).t() if transposed == "a" else torch.randn(m, k)
    b = torch.randn(n, k).t() if transposed == "b" else torch.randn(k, n)
    out = torch.empty(m, n)
    times = []
    for _ in range(-2, o.runs):
        start = time.perf_counter()
        torch.mm(a, b, out=out)
        times.append(time.perf_counter() - start)
    measured = sorted(times[2:])
    print(json.dumps({"peer": f"torch {torch.__version__}", "threads": o.threads, "m": m, "n": n, "k": k,
                      "transposed": transposed, "gflops": 2e-9 * m * n * k / measured[len(measured) // 2]}))
