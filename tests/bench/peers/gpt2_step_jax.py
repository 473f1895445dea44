"""Milliseconds of a training step of GPT-2 124M in JAX, beside `uwaga bench step`, or with --forward of its loss alone, beside
`uwaga bench forward`. One JSON line."""
import json
import os
import resource
import time

from options import step_options

o = step_options("bf16", "forward")
os.environ["JAX_PLATFORMS"] = "cpu"
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: o.threads])  # XLA's pool has a thread for each CPU it may use

import jax
import jax.numpy as jnp

WIDTH, HEADS, VOCAB, CONTEXT = 768, 12, 50257, 1024
keys = iter(jax.random.split(jax.random.key(0), 8 * o.layers + 8))


def weight(*shape):
    return 0.02 * jax.random.normal(next(keys), shape)


def norm_parameters():
    return {"gain": jnp.ones(WIDTH), "bias": jnp.zeros(WIDTH)}


def linear_parameters(i, j):
    return {"weight": weight(i, j), "bias": jnp.zeros(j)}


parameters = {"wte": weight(VOCAB, WIDTH), "wpe": weight(CONTEXT, WIDTH), "ln_f": norm_parameters(), "h": [
    {"ln_1": norm_parameters(), "qkv": linear_parameters(WIDTH, 3 * WIDTH), "out": linear_parameters(WIDTH, WIDTH),
     "ln_2": norm_parameters(), "fc": linear_parameters(WIDTH, 4 * WIDTH), "proj": linear_parameters(4 * WIDTH, WIDTH)}
    for _ in range(o.layers)]}


def norm(p, x):
    x = x - x.mean(-1, keepdims=True)
    return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-5) * p["gain"] + p["bias"]


def linear(p, x):
    kind = jnp.bfloat16 if o.bf16 else jnp.float32
    return jnp.dot(x.astype(kind), p["weight"].astype(kind), preferred_element_type=jnp.float32) + p["bias"]


def attend(p, x):
    batch, length, _ = x.shape
    q, k, v = (t.reshape(batch, length, HEADS, -1) for t in jnp.split(linear(p["qkv"], x), 3, -1))
    return linear(p["out"], jax.nn.dot_product_attention(q, k, v, is_causal=True).reshape(batch, length, WIDTH))


def loss_of(p, tokens, targets):
    x = p["wte"][tokens] + p["wpe"][: tokens.shape[1]]
    for layer in p["h"]:
        x = x + attend(layer, norm(layer["ln_1"], x))
        x = x + linear(layer["proj"], jax.nn.gelu(linear(layer["fc"], norm(layer["ln_2"], x))))
    logits = linear({"weight": p["wte"].T, "bias": 0.0}, norm(p["ln_f"], x))
    chosen = jnp.take_along_axis(logits, targets[..., None], -1)[..., 0]
    return (jax.nn.logsumexp(logits, -1) - chosen).mean()


def update(p, first, second, count, tokens, targets):
    loss, gradients = jax.value_and_grad(loss_of)(p, tokens, targets)
    size = jnp.sqrt(sum((g * g).sum() for g in jax.tree.leaves(gradients)))
    clip = jnp.minimum(1.0, 1.0 / (size + 1e-6))
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * clip * g, first, gradients)
    second = jax.tree.map(lambda v, g: 0.99 * v + 0.01 * (clip * g) ** 2, second, gradients)
    count = count + 1
    after = lambda w, m, v: (1 - 1e-4 * (0.1 if w.ndim > 1 else 0.0)) * w - 1e-4 * (m / (1 - 0.9 ** count)) / (
        jnp.sqrt(v / (1 - 0.99 ** count)) + 1e-8)
    return loss, jax.tree.map(after, p, first, second), first, second, count


run = jax.jit(update, donate_argnums=(0, 1, 2))
loss_alone = jax.jit(loss_of)
zeros = lambda: jax.tree.map(jnp.zeros_like, parameters)
state = (parameters, zeros(), zeros(), jnp.float32(0))
tokens, targets = jax.random.randint(next(keys), (2, o.batch, o.time), 0, VOCAB)
times = []
for i in range(-2, o.runs):
    start = time.perf_counter()
    if o.forward:
        loss = loss_alone(parameters, tokens, targets)
    else:
        loss, *state = run(*state, tokens, targets)
    jax.block_until_ready((loss, state))
    times.append(time.perf_counter() - start)
measured = sorted(times[2:])
print(json.dumps({
    "peer": f"jax {jax.__version__}{' bf16' if o.bf16 else ''}{' forward' if o.forward else ''}", "batch": o.batch, "time": o.time, "threads": o.threads,
    "milliseconds": measured[len(measured) // 2] * 1e3, "milliseconds_least": measured[0] * 1e3,
    "first_seconds": times[0], "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
