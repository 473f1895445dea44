"""GPT-2 and LLaMA in PyTorch, as people write them: the framework's own attention, and for GPT-2 one projection for q, k and v."""
import torch
from torch import nn
from torch.nn import functional as F


def rope(x, past):
    """Pairs (i, i + d/2) of x [batch head time d] turn by position * 10000^(-2i/d)."""
    half = x.shape[-1] // 2
    angle = torch.outer(torch.arange(past, past + x.shape[-2]), 10000.0 ** (-torch.arange(half) / half))
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


class Attention(nn.Module):
    def __init__(self, width, heads, kv_heads, bias, rotary):
        super().__init__()
        self.depth, self.kv_heads, self.rotary, self.grouped = width // heads, kv_heads, rotary, kv_heads != heads
        self.widths = (width, kv_heads * self.depth, kv_heads * self.depth)
        self.parts = nn.ModuleList(nn.Linear(width, w, bias) for w in ([sum(self.widths)] if kv_heads == heads else self.widths))
        self.out = nn.Linear(width, width, bias)

    def forward(self, x, cache=None, past=0):
        batch, time, width = x.shape
        parts = self.parts[0](x).split(self.widths, -1) if len(self.parts) == 1 else [part(x) for part in self.parts]
        q, k, v = (t.view(batch, time, -1, self.depth).transpose(1, 2) for t in parts)
        if self.rotary:
            q, k = rope(q, past), rope(k, past)
        if cache is not None:
            for stored, new in zip(cache, (k, v)):
                stored[:, :, past:past + time] = new
            k, v = (stored[:, :, :past + time] for stored in cache)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=bool(time > 1), enable_gqa=self.grouped)
        return self.out(y.transpose(1, 2).reshape(batch, time, width))


class GptBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, heads, bias=True, rotary=False)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, cache=None, past=0):
        x = x + self.attention(self.norm1(x), cache, past)
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class LlamaBlock(nn.Module):
    def __init__(self, width, heads, kv_heads, hidden):
        super().__init__()
        self.norm1, self.norm2 = nn.RMSNorm(width, 1e-5), nn.RMSNorm(width, 1e-5)
        self.attention = Attention(width, heads, kv_heads, bias=False, rotary=True)
        self.gate, self.up = nn.Linear(width, hidden, False), nn.Linear(width, hidden, False)
        self.down = nn.Linear(hidden, width, False)

    def forward(self, x, cache=None, past=0):
        x = x + self.attention(self.norm1(x), cache, past)
        y = self.norm2(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class LanguageModel(nn.Module):
    """`blocks` between an embedding of `vocab` words and the head; the loss of `targets`, or without them the logits."""

    def start(self):
        for name, p in self.named_parameters():
            if p.dim() > 1:
                nn.init.normal_(p, std=0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(p)

    def forward(self, tokens, targets=None, caches=None, past=0):
        x = self.embed(tokens, past)
        for i, block in enumerate(self.blocks):
            x = block(x, caches[i] if caches else None, past)
        logits = F.linear(self.norm(x), self.head_weight())
        return logits if targets is None else F.cross_entropy(logits.flatten(0, 1), targets.flatten())


class Gpt(LanguageModel):
    def __init__(self, layers, width, heads, vocab, positions):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocab, width), nn.Embedding(positions, width)
        self.blocks = nn.ModuleList(GptBlock(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.start()

    def embed(self, tokens, past):
        return self.tokens(tokens) + self.positions(torch.arange(past, past + tokens.shape[1]))

    def head_weight(self):
        return self.tokens.weight


class Llama(LanguageModel):
    def __init__(self, layers, width, heads, kv_heads, hidden, vocab):
        super().__init__()
        self.tokens = nn.Embedding(vocab, width)
        self.blocks = nn.ModuleList(LlamaBlock(width, heads, kv_heads, hidden) for _ in range(layers))
        self.norm, self.head = nn.RMSNorm(width, 1e-5), nn.Linear(width, vocab, False)
        self.start()

    def embed(self, tokens, past):
        return self.tokens(tokens)

    def head_weight(self):
        return self.head.weight


def standard(name, layers=12):
    """The models that `uwaga bench` knows by these names."""
    if name == "gpt2-124m":
        return Gpt(layers, 768, 12, 50257, 1024)
    return Llama(layers, 768, 12, 4, 2048, 32000)


def adamw(model, rate):
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99), fused=True)


@torch.no_grad()
def forward(run, tokens, targets, bf16=False):
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        return run(tokens, targets)


def step(run, model, optimiser, tokens, targets, bf16=False, clip=True):
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        loss = run(tokens, targets)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    if clip:
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    return loss
