"""The usual small transformer of characters, as a peer: what tutorials train on a CPU in a minute or three.

The recipe is the one that nanoGPT's README gives for a computer without a GPU (Karpathy 2022), written anew: four
pre-norm blocks of four heads, 128 features, no biases, tied embeddings; 2,000 steps on 12 random pieces of 64
characters; AdamW at 1e-3 (betas 0.9 and 0.99, weight decay 0.1 on matrices), 100 steps of warm-up, then a cosine
down to a tenth; gradients clipped at 1; fp32.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu, scaled_dot_product_attention

LAYERS, HEADS, SIZE, BATCH, BLOCK, STEPS, WARMUP, LR = 4, 4, 128, 12, 64, 2000, 100, 1e-3


class Block(nn.Module):
    """Attention, then a small network, each added to what it read."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(SIZE, bias=False) for _ in range(2))
        self.qkv, self.mix = nn.Linear(SIZE, 3 * SIZE, bias=False), nn.Linear(SIZE, SIZE, bias=False)
        self.up, self.down = nn.Linear(SIZE, 4 * SIZE, bias=False), nn.Linear(4 * SIZE, SIZE, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            part.unflatten(-1, (HEADS, -1)).transpose(1, 2)
            for part in self.qkv(self.norms[0](x)).chunk(3, dim=-1)
        )
        x = x + self.mix(scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))
        return x + self.down(gelu(self.up(self.norms[1](x))))


class Transformer(nn.Module):
    """Characters (B, T) to logits (B, T, V)."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.embedding, self.places = nn.Embedding(vocab_size, SIZE), nn.Embedding(BLOCK, SIZE)
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(SIZE, bias=False)
        for name, p in self.named_parameters():
            if p.dim() > 1:
                into_sum = name.endswith(("mix.weight", "down.weight"))
                nn.init.normal_(p, std=0.02 / math.sqrt(2 * LAYERS) if into_sum else 0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens) + self.places.weight[: tokens.shape[1]]
        return self.norm(self.blocks(x)) @ self.embedding.weight.T


def train(tokens: np.ndarray, valid: np.ndarray, vocab_size: int, seed: int) -> tuple[float, float]:
    """Seconds of training, and the loss on `valid` in windows of `BLOCK`, in nats a character."""
    torch.manual_seed(seed)
    text, model = torch.from_numpy(tokens.astype(np.int64)), Transformer(vocab_size)
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in model.parameters() if p.dim() > 1]},
            {"params": [p for p in model.parameters() if p.dim() == 1], "weight_decay": 0.0},
        ],
        lr=LR,
        betas=(0.9, 0.99),
        weight_decay=0.1,
    )
    began = time.perf_counter()
    for step in range(STEPS):
        falling = 0.5 * (1 + math.cos(math.pi * max(0, step - WARMUP) / (STEPS - WARMUP)))
        rate = LR * (step + 1) / (WARMUP + 1) if step < WARMUP else LR * (0.1 + 0.9 * falling)
        for group in optimizer.param_groups:
            group["lr"] = rate
        at = torch.randint(len(text) - BLOCK, (BATCH, 1)) + torch.arange(BLOCK + 1)
        pieces = text[at]
        loss = cross_entropy(model(pieces[:, :-1]).flatten(0, 1), pieces[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    took = time.perf_counter() - began
    return took, loss_in_windows(model, valid, BLOCK)


@torch.no_grad()
def loss_in_windows(logits_of: Callable[[Tensor], Tensor], valid: np.ndarray, block: int) -> float:
    """Nats a character of windows of so many characters side by side, each read from nothing.

    `logits_of` makes (B, T, V) of characters (B, T).
    """
    count = (len(valid) - 1) // block
    heldout = torch.from_numpy(valid.astype(np.int64))
    inputs, targets = (heldout[at : at + count * block].view(count, block) for at in (0, 1))
    losses = [
        float(cross_entropy(logits_of(x).flatten(0, 1), y.flatten())) * len(x)
        for x, y in zip(inputs.split(256), targets.split(256), strict=True)
    ]
    return sum(losses) / count
