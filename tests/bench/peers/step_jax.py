"""Milliseconds of a training step in JAX, beside `uwaga bench step`, or with --forward of its loss alone, beside
`uwaga bench forward`. One JSON line."""
import os
import time

from options import MODELS, print_step, step_options

o = step_options("bf16", "forward", "unclipped")
os.environ["JAX_PLATFORMS"] = "cpu"
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: o.threads])  # XLA's pool has a thread for each CPU it may use

import jax
import jax.numpy as jnp

WIDTH, HEADS, CONTEXT, VOCAB = 768, 12, 1024, MODELS[o.model]
DEPTH = WIDTH // HEADS
keys = iter(jax.random.split(jax.random.key(0), 10 * o.layers + 10))


def weight(*shape):
    return 0.02 * jax.random.normal(next(keys), shape)


def linear(p, x):
    kind = jnp.bfloat16 if o.bf16 else jnp.float32
    y = jnp.dot(x.astype(kind), p["weight"].astype(kind), preferred_element_type=jnp.float32)
    return y + p["bias"] if "bias" in p else y


def attend(q, k, v):
    heads = lambda t: t.reshape(*t.shape[:2], -1, DEPTH)
    return jax.nn.dot_product_attention(heads(q), heads(k), heads(v), is_causal=True).reshape(q.shape)


class Gpt2:
    @staticmethod
    def parameters():
        norm = lambda: {"gain": jnp.ones(WIDTH), "bias": jnp.zeros(WIDTH)}
        dense = lambda i, j: {"weight": weight(i, j), "bias": jnp.zeros(j)}
        return {"wte": weight(VOCAB, WIDTH), "wpe": weight(CONTEXT, WIDTH), "ln_f": norm(), "h": [
            {"ln_1": norm(), "qkv": dense(WIDTH, 3 * WIDTH), "out": dense(WIDTH, WIDTH),
             "ln_2": norm(), "fc": dense(WIDTH, 4 * WIDTH), "proj": dense(4 * WIDTH, WIDTH)} for _ in range(o.layers)]}

    @staticmethod
    def norm(p, x):
        x = x - x.mean(-1, keepdims=True)
        return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-5) * p["gain"] + p["bias"]

    @staticmethod
    def logits(p, tokens):
        norm = Gpt2.norm
        x = p["wte"][tokens] + p["wpe"][: tokens.shape[1]]
        for layer in p["h"]:
            x = x + linear(layer["out"], attend(*jnp.split(linear(layer["qkv"], norm(layer["ln_1"], x)), 3, -1)))
            x = x + linear(layer["proj"], jax.nn.gelu(linear(layer["fc"], norm(layer["ln_2"], x))))
        return linear({"weight": p["wte"].T}, norm(p["ln_f"], x))


class Llama:
    KV_WIDTH, HIDDEN = 4 * DEPTH, 2048

    @staticmethod
    def parameters():
        dense = lambda i, j: {"weight": weight(i, j)}
        return {"embed": weight(VOCAB, WIDTH), "head": weight(VOCAB, WIDTH), "norm": jnp.ones(WIDTH), "h": [
            {"norm_1": jnp.ones(WIDTH), "q": dense(WIDTH, WIDTH), "k": dense(WIDTH, Llama.KV_WIDTH),
             "v": dense(WIDTH, Llama.KV_WIDTH), "out": dense(WIDTH, WIDTH), "norm_2": jnp.ones(WIDTH),
             "gate": dense(WIDTH, Llama.HIDDEN), "up": dense(WIDTH, Llama.HIDDEN), "down": dense(Llama.HIDDEN, WIDTH)}
            for _ in range(o.layers)]}

    @staticmethod
    def norm(gain, x):
        return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-5) * gain

    @staticmethod
    def rope(x):
        half = DEPTH // 2
        turned = x.reshape(*x.shape[:2], -1, DEPTH)
        angle = jnp.outer(jnp.arange(x.shape[1]), 10000.0 ** (-jnp.arange(half) / half))[:, None]
        a, b = turned[..., :half], turned[..., half:]
        return jnp.concatenate((a * jnp.cos(angle) - b * jnp.sin(angle), b * jnp.cos(angle) + a * jnp.sin(angle)), -1).reshape(x.shape)

    @staticmethod
    def logits(p, tokens):
        norm, rope = Llama.norm, Llama.rope
        x = p["embed"][tokens]
        for layer in p["h"]:
            y = norm(layer["norm_1"], x)
            x = x + linear(layer["out"], attend(rope(linear(layer["q"], y)), rope(linear(layer["k"], y)), linear(layer["v"], y)))
            y = norm(layer["norm_2"], x)
            x = x + linear(layer["down"], jax.nn.silu(linear(layer["gate"], y)) * linear(layer["up"], y))
        return linear({"weight": p["head"].T}, norm(p["norm"], x))


model = Gpt2 if o.model == "gpt2-124m" else Llama


def loss_of(p, tokens, targets):
    logits = model.logits(p, tokens)
    chosen = jnp.take_along_axis(logits, targets[..., None], -1)[..., 0]
    return (jax.nn.logsumexp(logits, -1) - chosen).mean()


def update(p, first, second, count, tokens, targets):
    loss, gradients = jax.value_and_grad(loss_of)(p, tokens, targets)
    clip = 1.0
    if not o.unclipped:
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
parameters = model.parameters()
zeros = lambda: jax.tree.map(jnp.zeros_like, parameters)
state = None if o.forward else (parameters, zeros(), zeros(), jnp.float32(0))
tokens, targets = jax.random.randint(next(keys), (2, o.batch, o.time), 0, VOCAB)
times = []
for _ in range(-2, o.runs):
    start = time.perf_counter()
    if o.forward:
        loss = loss_alone(parameters, tokens, targets)
    else:
        loss, *state = run(*state, tokens, targets)
    jax.block_until_ready((loss, state))
    times.append(time.perf_counter() - start)
print_step(f"jax {jax.__version__}{' bf16' if o.bf16 else ''}{' forward' if o.forward else ''}", o, times)
