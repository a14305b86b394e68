"""Networks whose weights and products read analogue values unless sites stand in front of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TOKENS, WIDTH, HEADS = 6, 16, 4


class Block(nn.Module):
    """Attention and a feed-forward part, normalised before (ViT) or after (BERT) each."""

    def __init__(self, *, norm_first: bool) -> None:
        super().__init__()
        self.norm_first = norm_first
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)
        for norm in (self.norm1, self.norm2):
            nn.init.uniform_(norm.weight, 0.5, 2.0)
            nn.init.normal_(norm.bias, 0.0, 0.5)

    def forward(self, x: Tensor) -> Tensor:
        if self.norm_first:
            x = x + self.attend(self.norm1(x))
            return x + self.down(F.gelu(self.up(self.norm2(x))))
        x = self.norm1(x + self.attend(x))
        return self.norm2(x + self.down(F.gelu(self.up(x))))

    def attend(self, x: Tensor) -> Tensor:
        heads = self.qkv(x).reshape(-1, TOKENS, 3, HEADS, WIDTH // HEADS).transpose(1, 3)
        q, k, v = heads[:, :, 0], heads[:, :, 1], heads[:, :, 2]
        y = F.scaled_dot_product_attention(q.reshape(k.shape), k, v)
        return self.out(y.transpose(1, 2).reshape(-1, TOKENS, WIDTH))


class Net(nn.Module):
    """A forward function over named modules."""

    def __init__(self, forward: Callable[[Any, Tensor], Tensor], modules: dict[str, nn.Module]) -> None:
        super().__init__()
        self.steps = forward
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, x: Tensor) -> Tensor:
        return self.steps(self, x)


def _tokens(forward: Callable[[Any, Tensor], Tensor], **modules: nn.Module) -> tuple[nn.Module, tuple[int, ...]]:
    return Net(forward, {"embed": nn.Linear(8, WIDTH), "head": nn.Linear(WIDTH, 5), **modules}), (TOKENS, 8)


def _image(forward: Callable[[Any, Tensor], Tensor], **modules: nn.Module) -> tuple[nn.Module, tuple[int, ...]]:
    return Net(forward, {"stem": nn.Conv2d(3, 8, 3), "head": nn.Linear(8, 5), **modules}), (3, 8, 8)


def _vit(n: Any, x: Tensor) -> Tensor:
    return n.head(n.norm(n.second(n.first(n.embed(x))))[:, 0])


def _mixer(n: Any, x: Tensor) -> Tensor:
    x = n.embed(x)
    x = x + n.tokens(n.norm(x).transpose(1, 2)).transpose(1, 2)
    return n.head(F.silu(n.channels(n.norm(x))).mean(1))


def _convnext(n: Any, x: Tensor) -> Tensor:
    x = n.stem(x)
    y = n.norm(n.depthwise(x).permute(0, 2, 3, 1))
    x = x + (0.5 * n.down(F.gelu(n.up(y)))).permute(0, 3, 1, 2)
    return n.head(x.mean((2, 3)))


def _excited(n: Any, x: Tensor) -> Tensor:
    x = F.silu(n.stem(x))
    gate = torch.sigmoid(n.up(F.silu(n.down(x.mean((2, 3), keepdim=True)))))
    return n.head(n.project(x * gate).mean((2, 3)))


def _bottleneck(n: Any, x: Tensor) -> Tensor:
    x = n.narrow(n.stem(x).relu())
    return n.head((x + n.second(n.wide(x).relu())).mean((2, 3)))


def _gated(n: Any, x: Tensor) -> Tensor:
    a, b = n.both(n.embed(x)).chunk(2, -1)
    return n.head((a * torch.tanh(b)).mean(1))


def product_networks() -> dict[str, tuple[nn.Module, tuple[int, ...]]]:
    """Models in float64 by name, each with the shape of a sample."""
    torch.manual_seed(0)
    made = {
        "norm first": _tokens(
            _vit, first=Block(norm_first=True), second=Block(norm_first=True), norm=nn.LayerNorm(WIDTH)
        ),
        "norm last": _tokens(
            _vit, first=Block(norm_first=False), second=Block(norm_first=False), norm=nn.LayerNorm(WIDTH)
        ),
        "mixer": _tokens(
            _mixer, norm=nn.LayerNorm(WIDTH), tokens=nn.Linear(TOKENS, TOKENS), channels=nn.Linear(WIDTH, WIDTH)
        ),
        "convnext": _image(
            _convnext,
            depthwise=nn.Conv2d(8, 8, 3, padding=1, groups=8),
            norm=nn.LayerNorm(8),
            up=nn.Linear(8, 16),
            down=nn.Linear(16, 8),
        ),
        "excited": _image(_excited, down=nn.Conv2d(8, 4, 1), up=nn.Conv2d(4, 8, 1), project=nn.Conv2d(8, 8, 1)),
        "bottleneck": _image(
            _bottleneck, narrow=nn.Conv2d(8, 8, 1), wide=nn.Conv2d(8, 16, 1), second=nn.Conv2d(16, 8, 1)
        ),
        "gated": _tokens(_gated, both=nn.Linear(WIDTH, 2 * WIDTH)),
    }
    return {name: (model.double().eval(), shape) for name, (model, shape) in made.items()}
