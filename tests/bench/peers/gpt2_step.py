"""Milliseconds of a training step of GPT-2 124M in PyTorch, beside `uwaga bench step`, or with --forward of its loss alone,
beside `uwaga bench forward`. One JSON line."""
import json
import resource
import time

import torch

from gpt import Gpt, adamw, forward, step
from options import step_options

o = step_options("compile", "bf16", "forward")

torch.set_num_threads(o.threads)
torch.manual_seed(0)
model = Gpt(o.layers, 768, 12, 50257, 1024)
optimiser = adamw(model, 1e-4)
run = torch.compile(model) if o.compile else model
tokens, targets = (torch.randint(0, 50257, (o.batch, o.time)) for _ in range(2))
times = []
begin = time.perf_counter()
for i in range(-2, o.runs):
    start = time.perf_counter()
    (forward(run, tokens, targets, o.bf16) if o.forward else step(run, model, optimiser, tokens, targets, o.bf16)).item()
    times.append(time.perf_counter() - start)
measured = sorted(times[2:])
print(json.dumps({
    "peer": f"torch {torch.__version__} {'compiled' if o.compile else 'eager'}{' bf16' if o.bf16 else ''}{' forward' if o.forward else ''}",
    "batch": o.batch, "time": o.time, "threads": o.threads,
    "milliseconds": measured[len(measured) // 2] * 1e3, "milliseconds_least": measured[0] * 1e3,
    "first_seconds": times[0], "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
