"""Milliseconds of a training step in PyTorch, beside `uwaga bench step`, or with --forward of its loss alone, beside
`uwaga bench forward`. One JSON line."""
import time

import torch

from models import adamw, forward, standard, step
from options import MODELS, print_step, step_options

o = step_options("compile", "bf16", "forward", "unclipped")

torch.set_num_threads(o.threads)
torch.manual_seed(0)
model = standard(o.model, o.layers)
optimiser = adamw(model, 1e-4)
run = torch.compile(model) if o.compile else model
tokens, targets = (torch.randint(0, MODELS[o.model], (o.batch, o.time)) for _ in range(2))
times = []
for _ in range(-2, o.runs):
    start = time.perf_counter()
    (forward(run, tokens, targets, o.bf16) if o.forward else step(run, model, optimiser, tokens, targets, o.bf16, not o.unclipped)).item()
    times.append(time.perf_counter() - start)
print_step(f"torch {torch.__version__} {'compiled' if o.compile else 'eager'}{' bf16' if o.bf16 else ''}{' forward' if o.forward else ''}",
           o, times)
