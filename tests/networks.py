"""Tiny networks, one peculiarity each, that every part of isospike must get right.

Sites are the names that the design promises: the user's module path, ``path.op`` for a functional call, ``#2`` for
the second call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blocks import Case, Forward, FunctionalBlock, Residual, StandardisedConv, conv


def _case(layers: Callable[[], Any], forward: Forward, *sites: str, shape: tuple[int, ...] = (3, 8, 8)) -> Case:
    return Case(layers, forward, sites, shape)


def _shuffled(x: Tensor, groups: int) -> Tensor:
    b, c, h, w = x.shape
    return x.view(b, groups, c // groups, h, w).transpose(1, 2).reshape(b, c, h, w)


def _split(n: Any, x: Tensor) -> Tensor:
    left, right = n.relu(n.conv(x)).chunk(2, 1)
    y = torch.cat([left, n.inner(right).relu()], 1)
    return n.head(_shuffled(y, 2)[:, 1::2].flatten(1))


def _arithmetic(n: Any, x: Tensor) -> Tensor:
    a, b = n.first(x).relu(), n.second(x).relu()
    y = n.third(a - 0.5 * b)
    y += a
    return n.head((y + b + 0.1).relu().mean((2, 3)))


def _scaled(n: Any, x: Tensor) -> Tensor:
    y = n.conv(x * 0.5).relu() * n.scale
    return n.head((n.second(y) * n.mask).relu().mul(2).flatten(1))


def _upsampled(n: Any, x: Tensor) -> Tensor:
    small = n.conv(x).relu()
    y = n.second(F.interpolate(small, scale_factor=2)).relu()
    return F.interpolate(n.third(y), size=(6, 6), mode="bilinear", align_corners=False)


def _padded(n: Any, x: Tensor) -> Tensor:
    y = n.conv(F.pad(x, (0, 1, 0, 1))).relu()
    return n.head(n.second(F.pad(y, (1, 1, 1, 1), mode="reflect")).relu().mean((2, 3)))


def _gated(n: Any, x: Tensor) -> Tensor:
    y = n.conv(x).relu()
    return n.head(n.second(y * n.gate(y.mean((2, 3), keepdim=True)).sigmoid()).relu().flatten(1))


def _attended(n: Any, x: Tensor) -> Tensor:
    tokens = n.conv(x).flatten(2).transpose(1, 2)
    weight = (n.query(tokens) @ n.key(tokens).transpose(1, 2) / 2).softmax(-1)
    return n.head((weight @ tokens).relu().flatten(1))


def _sequence(*names: str) -> Forward:
    def forward(n: Any, x: Tensor) -> Tensor:
        for name in names:
            x = x.flatten(1) if name == "flatten" else getattr(n, name)(x)
        return x

    return forward


def _head(features: int) -> nn.Linear:
    return nn.Linear(features, 5)


NETWORKS: dict[str, Case] = {
    "module_relu": _case(
        lambda: {"conv": conv(3, 4), "bn": nn.BatchNorm2d(4), "relu": nn.ReLU(), "head": _head(256)},
        _sequence("conv", "bn", "relu", "flatten", "head"),
        "relu",
    ),
    "functional_relu": _case(
        lambda: {"body": nn.Sequential(FunctionalBlock(3, 4), FunctionalBlock(4, 4)), "head": _head(256)},
        lambda n, x: n.head(n.body(x).view(x.shape[0], -1)),
        *("body.0.relu", "body.1.relu"),
    ),
    "in_place": _case(
        lambda: {"a": conv(3, 4), "relu": nn.ReLU(inplace=True), "b": conv(4, 4), "head": _head(256)},
        lambda n, x: n.head(F.relu_(n.b(n.relu(n.a(x)))).flatten(1)),
        *("relu", "relu#2"),
    ),
    "reused_relu": _case(
        lambda: {"stem": conv(3, 4), "block": Residual(4), "relu": nn.ReLU(), "head": _head(4)},
        lambda n, x: n.head(n.block(n.relu(n.stem(x))).mean((-2, -1))),
        *("relu", "block.relu", "block.relu#2"),
    ),
    "method_relu": _case(
        lambda: {"a": conv(3, 4), "b": conv(4, 4), "drop": nn.Dropout(0.5), "head": _head(256)},
        lambda n, x: n.head(F.dropout(n.drop(torch.relu(n.b(n.a(x).relu()))), training=n.training).reshape(-1, 256)),
        *("relu", "relu#2"),
    ),
    "ceilings": _case(
        lambda: {
            **{"a": conv(3, 4), "six": nn.ReLU6(), "b": conv(4, 4), "two": nn.Hardtanh(0, 0.5)},
            **{"c": conv(4, 4), "head": _head(256)},
        },
        lambda n, x: n.head(n.c(n.two(n.b(n.six(4 * n.a(x))))).clamp(0, 0.25).flatten(1)),
        *("six", "two", "clamp"),
    ),
    "clamps": _case(
        lambda: {"a": conv(3, 4), "b": conv(4, 4), "c": conv(4, 4), "head": _head(256)},
        lambda n, x: n.head(n.c(F.threshold(n.b(n.a(x).clamp_min(0)), 0, 0)).clamp(min=0).flatten(1)),
        *("clamp_min", "threshold", "clamp"),
    ),
    "grouped": _case(
        lambda: {
            **{"a": conv(3, 4, bias=False), "bn": nn.BatchNorm2d(4), "b": conv(4, 4, groups=4), "relu": nn.ReLU()},
            **{"c": conv(4, 6, groups=2, dilation=2, stride=2), "bn2": nn.BatchNorm2d(6), "head": _head(54)},
        },
        lambda n, x: n.head(n.relu(n.bn2(n.c(n.relu(n.b(n.bn(n.a(x))))))).flatten(1)),
        *("relu", "relu#2"),
    ),
    "images_pooled_as_sequences": _case(
        lambda: {"a": nn.Conv1d(3, 4, 3, padding=1), "b": nn.Conv1d(2, 4, 3), "head": _head(8)},
        lambda n, x: n.head(n.b(F.max_pool2d(n.a(x).relu(), 2)).relu().flatten(1)),
        *("relu", "relu#2"),
        shape=(3, 8),
    ),
    "selected": _case(
        lambda: {"a": conv(3, 4), "b": conv(3, 4), "kept": torch.tensor([2, 0, 3]), "head": _head(256)},
        lambda n, x: n.head(n.b(torch.index_select(n.a(x).relu(), 1, n.kept)).relu().flatten(1)),
        *("relu", "relu#2"),
    ),
    "transposed": _case(
        lambda: {
            **{"a": conv(3, 4, stride=2), "up": nn.ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1, groups=2)},
            **{"bn": nn.BatchNorm2d(6), "last": nn.ConvTranspose2d(6, 2, 2, 2), "bn2": nn.BatchNorm2d(2)},
        },
        lambda n, x: n.bn2(n.last(n.bn(n.up(n.a(x).relu())).relu())),
        *("relu", "relu#2"),
    ),
    "one_dimensional": _case(
        lambda: {
            **{"a": nn.Conv1d(3, 4, 3, padding="same"), "bn": nn.BatchNorm1d(4), "pool": nn.MaxPool1d(2)},
            **{"up": nn.ConvTranspose1d(4, 4, 2, 2), "avg": nn.AvgPool1d(2), "head": _head(16)},
        },
        lambda n, x: n.head(n.avg(n.up(n.pool(n.bn(n.a(x)).relu())).relu()).flatten(1)),
        *("relu", "relu#2"),
        shape=(3, 8),
    ),
    "three_dimensional": _case(
        lambda: {
            **{"a": nn.Conv3d(2, 4, 3, padding=1), "bn": nn.BatchNorm3d(4), "pool": nn.MaxPool3d(2)},
            **{"b": nn.Conv3d(4, 4, 1), "head": _head(4)},
        },
        lambda n, x: n.head(n.b(n.pool(n.bn(n.a(x)).relu())).relu().mean((2, 3, 4))),
        *("relu", "relu#2"),
        shape=(2, 4, 4, 4),
    ),
    "concat": _case(
        lambda: {"a": conv(3, 4), "b": conv(3, 2, 1), "c": conv(9, 4), "head": _head(256)},
        lambda n, x: n.head(n.c(torch.cat([n.a(x).relu(), n.b(x).relu(), x], 1)).relu().flatten(1)),
        *("relu", "relu#2", "relu#3"),
    ),
    "arithmetic": _case(
        lambda: {"first": conv(3, 4), "second": conv(3, 4), "third": conv(4, 4), "head": _head(4)},
        _arithmetic,
        *("relu", "relu#2", "relu#3"),
    ),
    "scaled": _case(
        lambda: {
            **{"conv": conv(3, 4), "scale": nn.Parameter(torch.rand(4, 1, 1) + 0.5), "second": conv(4, 4)},
            **{"mask": torch.rand(8, 8), "head": _head(256)},
        },
        _scaled,
        *("relu", "relu#2"),
    ),
    "upsampled": _case(
        lambda: {"conv": conv(3, 4, stride=2), "second": conv(4, 4), "third": conv(4, 2)},
        _upsampled,
        *("relu", "relu#2"),
    ),
    "padded": _case(
        lambda: {"conv": conv(3, 4, padding=0, stride=2), "second": conv(4, 4, padding=0), "head": _head(4)},
        _padded,
        *("relu", "relu#2"),
    ),
    "split": _case(
        lambda: {"conv": conv(3, 4), "relu": nn.ReLU(), "inner": conv(2, 2), "head": _head(128)},
        _split,
        *("relu", "relu#2"),
    ),
    "batch_norms": _case(
        lambda: {
            **{"first": nn.BatchNorm2d(3), "conv": conv(3, 4), "bn": nn.BatchNorm2d(4, affine=False, eps=1e-2)},
            **{"b": conv(4, 4), "after_add": nn.BatchNorm2d(4), "linear": nn.Linear(256, 6)},
            **{"bn1d": nn.BatchNorm1d(6), "head": _head(6)},
        },
        lambda n, x: n.head(n.bn1d(n.linear(_after_add(n, n.bn(n.conv(n.first(x))).relu()).flatten(1))).relu()),
        *("relu", "relu#2", "relu#3"),
    ),
    "standardised": _case(
        lambda: {"conv": StandardisedConv(3, 4, 3, padding=1), "bn": nn.BatchNorm2d(4), "head": _head(256)},
        lambda n, x: n.head(n.bn(n.conv(x)).relu().flatten(1)),
        "relu",
    ),
    "max_pools": _case(
        lambda: {
            **{"a": conv(3, 4), "ceil": nn.MaxPool2d(3, 2, ceil_mode=True), "b": conv(4, 4)},
            **{
                "over": nn.MaxPool2d(3, 1, padding=1),
                "c": conv(4, 4),
                "fit": nn.AdaptiveMaxPool2d(2),
                "head": _head(16),
            },
        },
        lambda n, x: n.head(n.fit(n.c(n.over(n.b(n.ceil(n.a(x).relu())).relu())).relu()).flatten(1)),
        *("relu", "relu#2", "relu#3"),
    ),
    "average_pools": _case(
        lambda: {
            **{"a": conv(3, 4), "ceil": nn.AvgPool2d(3, 2, ceil_mode=True), "b": conv(4, 4)},
            **{"over": nn.AvgPool2d(3, 1, 1, count_include_pad=False), "fit": nn.AdaptiveAvgPool2d(3)},
            "head": _head(36),
        },
        lambda n, x: n.head(n.fit(n.over(n.b(n.ceil(n.a(x).relu())).relu())).flatten(1)),
        *("relu", "relu#2"),
    ),
    "tuple_output": _case(
        lambda: {"a": conv(3, 4), "b": conv(4, 2), "head": _head(256)},
        lambda n, x: (n.head(n.a(x).relu().flatten(1)), n.b(n.a(x).relu())),
        *("relu", "relu#2"),
    ),
    "dict_output": _case(
        lambda: {"a": conv(3, 4), "b": conv(4, 2, 1)},
        lambda n, x: {"out": n.b(n.a(x).relu()), "aux": [n.a(x)]},
        "relu",
    ),
}
"""Networks that convert without analogue islands."""

ISLANDS: dict[str, Case] = {
    "gated": _case(
        lambda: {
            **{"conv": conv(3, 4), "gate": conv(4, 4, 1), "second": conv(4, 4, stride=2)},
            "head": _head(64),
        },
        _gated,
        *("relu", "relu#2"),
    ),
    "normed": _case(
        lambda: {
            **{"conv": conv(3, 4), "norm": nn.GroupNorm(2, 4), "slope": nn.PReLU(4), "second": conv(4, 4, stride=2)},
            **{"last": nn.LayerNorm(64), "head": _head(64)},
        },
        lambda n, x: n.head(n.last(n.second(n.slope(n.norm(n.conv(x).relu()))).relu().flatten(1))),
        *("relu", "slope", "relu#2"),
    ),
    "attention": _case(
        lambda: {
            "conv": conv(3, 4, 4, stride=4, padding=0),
            "query": nn.Linear(4, 4),
            "key": nn.Linear(4, 4),
            "head": _head(16),
        },
        _attended,
        "relu",
    ),
}
"""Networks that convert with ``analogue="allow"``."""

ALL = {**NETWORKS, **ISLANDS}


def _after_add(n: Any, x: Tensor) -> Tensor:
    return n.after_add(n.b(x) + x).relu()
