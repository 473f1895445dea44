"""nanoGPT's CPU recipe in PyTorch: 4 layers, 4 heads, 128 wide, windows of 64, batches of 12, 2000 steps. One JSON line."""
import argparse
import json
import math
import time

import torch

from models import Gpt, adamw, step

p = argparse.ArgumentParser()
p.add_argument("--data", required=True)
p.add_argument("--threads", type=int, default=2)
p.add_argument("--steps", type=int, default=2000)
p.add_argument("--compile", action="store_true")
o = p.parse_args()
TIME, BATCH, RATE, WARM_UP = 64, 12, 1e-3, 100

torch.set_num_threads(o.threads)
torch.manual_seed(1)
text = open(o.data, encoding="utf-8").read()
letters = {c: i for i, c in enumerate(sorted(set(text)))}
ids = torch.tensor([letters[c] for c in text])
training, validation = ids[: int(len(ids) * 0.9)], ids[int(len(ids) * 0.9):]

begin = time.perf_counter()
model = Gpt(4, 128, 4, len(letters), TIME)
optimiser = adamw(model, RATE)
run = torch.compile(model) if o.compile else model
for i in range(o.steps):
    share = min(1.0, (i + 1) / WARM_UP) if i < WARM_UP else \
        0.1 + 0.45 * (1 + math.cos(math.pi * (i - WARM_UP) / (o.steps - WARM_UP)))
    for group in optimiser.param_groups:
        group["lr"] = RATE * share
    at = torch.randint(len(training) - TIME, (BATCH,)).tolist()
    tokens = torch.stack([training[a:a + TIME] for a in at])
    targets = torch.stack([training[a + 1:a + TIME + 1] for a in at])
    step(run, model, optimiser, tokens, targets)
seconds = time.perf_counter() - begin

with torch.no_grad():
    windows = (len(validation) - 1) // TIME
    tokens = validation[:windows * TIME].view(windows, TIME)
    targets = validation[1:windows * TIME + 1].view(windows, TIME)
    losses = [model(t, y).item() * len(t) for t, y in zip(tokens.split(64), targets.split(64))]
print(json.dumps({"peer": f"torch {torch.__version__} {'compiled' if o.compile else 'eager'}", "threads": o.threads,
                  "steps": o.steps, "seconds": seconds, "val_loss": sum(losses) / windows}))
