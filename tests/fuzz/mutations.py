"""Changes of a ``.snn`` file that know its structure, and are hashed again as somebody would who knows how."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from isospike.ops import table
from isospike.targets.artefact import saving

Json = Any


@dataclass
class File:
    """A file as its parts."""

    header: Json
    tensors: dict[str, Tensor]

    def copy(self) -> File:
        return File(copy.deepcopy(self.header), dict(self.tensors))

    def raw(self) -> bytes:
        """The bytes of a file with this header and these tensors, its hash made anew where there is a header."""
        header = self.header
        if isinstance(header, dict):
            rest = {key: value for key, value in header.items() if key != "hash"}
            header = {**rest, "hash": saving._digest(rest, self.tensors)}
        tensors = {name: tensor.contiguous().clone() for name, tensor in self.tensors.items()}
        return save(tensors, metadata={"isospike": json.dumps(header).replace(f'"{DEEP}"', "[" * 9999 + "]" * 9999)})


DEEP = "nested deeply"
"""Stands for lists within each other, which Python's own writer of JSON refuses."""
WHOLE = [0, 1, -1, 2, 3, 7, 255, 2**15, 2**16, 2**31 - 1, 2**31, 2**53, 2**63, -(2**63)]
NUMBERS = [*WHOLE, 0.5, -0.5, 1e-30, 1e30, 1e308]
TEXTS = ["", "x", "..", "a.b", "__class__", "forward", "graph", "0", "\n", "\x1b[31m", "'", '"', "é", "a" * 5000]
CODE = "x=__import__('os').system('touch hacked')"
OPS = [f"aten.{op}.default" for op in sorted(table)]
FORMS = ["aten.add.Tensor", "aten.add.out", "aten.add.__init__", "aten.add_.Tensor", "aten.__class__", "getitem", CODE]
NESTED = [[], {}, [1], [[[[]]]], {"node": "x"}, {"tuple": []}, {"dict": [["a", 1]]}, DEEP]
VALUES = [None, True, False, *NUMBERS, *TEXTS, CODE, *FORMS, *NESTED]


def places(value: Json, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all values inside one."""
    if isinstance(value, dict):
        inner = [places(item, (*path, key)) for key, item in value.items()]
    elif isinstance(value, list):
        inner = [places(item, (*path, index)) for index, item in enumerate(value)]
    else:
        inner = []
    return [path, *(place for part in inner for place in part)]


def at(value: Json, path: tuple[Any, ...]) -> Json:
    for key in path:
        value = value[key]
    return value


def mutate_header(file: File, rng: random.Random) -> None:
    """One value of the header, anywhere, becomes another one, goes, comes twice or changes places."""
    spots = [path for path in places(file.header) if path]
    path = rng.choice(spots)
    parent, key = at(file.header, path[:-1]), path[-1]
    old = parent[key]
    choice = rng.randrange(7)
    if choice == 0:
        del parent[key]
    elif choice == 1 and isinstance(parent, list):
        parent.insert(rng.randrange(len(parent) + 1), copy.deepcopy(old))
    elif choice == 2:
        parent[key] = copy.deepcopy(at(file.header, rng.choice(spots)))
    elif choice == 3 and isinstance(parent, dict):
        parent[rng.choice(TEXTS)] = parent.pop(key)
    elif choice == 4:
        parent[key] = rng.choice(VALUES)
    else:
        parent[key] = nudged(old, rng)


def nudged(value: Json, rng: random.Random) -> Json:
    """A value near the old one, of its type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return rng.choice([value + 1, value - 1, -value, value * 2, value * 1000, rng.choice(NUMBERS)])
    if isinstance(value, str):
        cut = rng.randrange(len(value) + 1)
        return rng.choice([value + "x", value[:cut], value + "'", value + "#2", value.upper(), *TEXTS, rng.choice(OPS)])
    if isinstance(value, list):
        return rng.choice([value[::-1], value * 2, value[1:]])
    return value


def mutate_node(file: File, rng: random.Random) -> None:
    """A node calls another op, reads another node, or takes another place."""
    nodes = file.header["nodes"]
    node = rng.choice(nodes)
    choice = rng.randrange(5)
    if choice == 0:
        node["target"] = rng.choice([*OPS, *FORMS, *(other["target"] for other in nodes)])
    elif choice == 1:
        node["args"] = copy.deepcopy(rng.choice(nodes)["args"])
    elif choice == 2:
        nodes.remove(node)
        nodes.insert(rng.randrange(len(nodes) + 1), node)
    elif choice == 3:
        node["op"] = rng.choice(["placeholder", "get_attr", "call_module", "call_function", "call_method", "output"])
    else:
        node["kwargs"] = {"dict": [[rng.choice([*TEXTS, "dtype", "out", "dim"]), rng.choice(VALUES)]]}


def mutate_tensor(file: File, rng: random.Random) -> None:
    """A tensor has another shape, type or numbers, goes, or stands under another name."""
    if not file.tensors:
        return
    name = rng.choice(sorted(file.tensors))
    tensor = file.tensors[name]
    change = rng.choice(CHANGES)
    if rng.random() < 0.1:
        del file.tensors[name]
    elif rng.random() < 0.1:
        file.tensors[rng.choice([*file.tensors, "@2/x", "@3/" + name, "a/b", "", "x.y"])] = tensor
    else:
        file.tensors[name] = change(tensor, rng)


def _poked(value: float) -> Callable[[Tensor, random.Random], Tensor]:
    def change(tensor: Tensor, rng: random.Random) -> Tensor:
        changed = tensor.clone().flatten()
        if changed.numel():
            changed[rng.randrange(changed.numel())] = value if changed.is_floating_point() else 7
        return changed.reshape(tensor.shape)

    return change


def _cut(tensor: Tensor, rng: random.Random) -> Tensor:
    """One axis cut, the first to any length, another to one."""
    if not tensor.numel() or not tensor.dim():
        return tensor
    axis = rng.randrange(tensor.dim())
    return tensor.narrow(axis, 0, 1 if axis else rng.randrange(len(tensor) + 1))


CHANGES: list[Callable[[Tensor, random.Random], Tensor]] = [
    *(_poked(value) for value in (float("nan"), float("inf"), -1.0, 0.0, 1e30, 1e-40)),
    _cut,
    _cut,
    lambda tensor, rng: tensor.unsqueeze(rng.randrange(tensor.dim() + 1)),
    lambda tensor, rng: tensor.flatten(),
    lambda tensor, rng: tensor.T.contiguous() if tensor.dim() == 2 else tensor.squeeze(),
    lambda tensor, rng: torch.zeros(()),
    lambda tensor, rng: torch.zeros(0, *tensor.shape),
    lambda tensor, rng: tensor.to(rng.choice([torch.int8, torch.int64, torch.bool, torch.float16, torch.float32])),
    lambda tensor, rng: torch.cat([tensor, tensor]) if tensor.dim() else tensor.expand(3).clone(),
    lambda tensor, rng: tensor * rng.choice([0.0, -1.0, 1e18, 1e-18]),
]
MUTATIONS = [mutate_header, mutate_header, mutate_header, mutate_node, mutate_tensor, mutate_tensor]


def mutated(file: File, rng: random.Random) -> bytes:
    """The bytes of a file with one to three changes, hashed again; one in ten has damaged bytes instead."""
    if rng.random() < 0.1:
        return damaged(file.raw(), rng)
    changed = file.copy()
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        try:
            rng.choice(MUTATIONS)(changed, rng)
        except (KeyError, IndexError, TypeError, AttributeError, ValueError):
            continue  # an earlier change took away what this one wanted to change
    return changed.raw()


def damaged(raw: bytes, rng: random.Random) -> bytes:
    """Bytes changed in the header of the file, cut off, or added."""
    length = 8 + int.from_bytes(raw[:8], "little")
    position = rng.randrange(length)
    choice = rng.randrange(4)
    if choice == 0:
        return raw[:position]
    if choice == 1:
        return raw[:position] + bytes([rng.randrange(256)]) + raw[position + 1 :]
    if choice == 2:
        return raw[:position] + rng.randbytes(rng.randrange(9)) + raw[position:]
    return rng.choice([0, 7, 2**20, 2**63]).to_bytes(8, "little") + raw[8:]
