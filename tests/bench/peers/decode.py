"""Milliseconds a token of decoding with a cache of keys and values in PyTorch, batch 1, beside `uwaga bench decode`. One JSON line."""
import json
import time

import torch

from models import standard
from options import MODELS, options

o = options({"prompt": 64, "tokens": 64, "layers": 12}, "bf16")

torch.set_num_threads(o.threads)
torch.manual_seed(0)
kind = torch.bfloat16 if o.bf16 else torch.float32
model = standard(o.model, o.layers).to(kind).eval()
heads = next(m for m in model.modules() if hasattr(m, "kv_heads"))
capacity = o.prompt + o.tokens + 2
caches = [[torch.zeros(1, heads.kv_heads, capacity, heads.depth, dtype=kind) for _ in "kv"] for _ in range(o.layers)]
times = []
with torch.inference_mode():
    token = model(torch.randint(0, MODELS[o.model], (1, o.prompt)), caches=caches)[:, -1:].argmax(-1)
    for past in range(o.prompt, capacity):
        start = time.perf_counter()
        token = model(token, caches=caches, past=past).argmax(-1)
        token.item()
        times.append(time.perf_counter() - start)
measured = sorted(times[2:])
tables = [m for m in model.children() if isinstance(m, torch.nn.Embedding) and m.weight is not model.head_weight()]
weights = sum(p.nbytes for p in model.parameters()) - sum(t.weight.nbytes for t in tables)
print(json.dumps({"peer": f"torch {torch.__version__} eager", "model": o.model, "weights": "bf16" if o.bf16 else "f32", "threads": o.threads,
                  "milliseconds": measured[len(measured) // 2] * 1e3, "milliseconds_least": measured[0] * 1e3, "weight_bytes": weights}))
