"""Which tensors of a batch are its input and its targets; what may be another is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils.data import Dataset, IterableDataset

from isospike.data.python_object import guarded
from isospike.errors import DataError
from isospike.inputs import Inputs, NamedInputs, each
from isospike.messages import warn, with_article

INPUT_KEYS = ("x", "input", "inputs", "image", "images", "pixel_values", "data", "features")
"""Names under which a mapping holds the input; under another name it is the only tensor that is no target."""
TARGET_KEYS = ("labels", "label", "targets", "target", "y")
"""Names under which a mapping holds targets."""


def parts(batch: Any, number: int, names: Sequence[str] = ()) -> tuple[Any, Any]:
    """The inputs and the targets of a batch; ``None`` where it has none.

    Args:
        batch: the batch.
        number: its place in the data, from 1.
        names: of the inputs that the model takes, where they are known: a mapping that has several gives them all.

    Raises:
        DataError: several tensors may be the one or the other; the message names them.
    """
    if isinstance(batch, NamedInputs):
        return batch, None
    if isinstance(batch, Mapping):
        return _of_mapping(batch, number, names)
    if isinstance(batch, Sequence) and not isinstance(batch, str):
        tensors = [one for one in batch if isinstance(one, Tensor)]
        if len(tensors) > 2:
            raise DataError(
                f"batch {number} is a {type(batch).__name__} of {len(tensors)} tensors, and only (inputs, targets) can "
                "be told apart; give pairs, or a mapping that names them such as {'x': inputs, 'y': targets}"
            )
        inputs = batch[0] if batch else None
        if isinstance(inputs, Mapping):
            inputs = _named(inputs, number, names)
        return inputs, (batch[1] if len(batch) > 1 else None)
    return batch, None


def _of_mapping(batch: Mapping[Any, Any], number: int, names: Sequence[str]) -> tuple[Any, Any]:
    targets = [key for key in TARGET_KEYS if key in batch and key not in names]
    own = {key: batch[key] for key in names if isinstance(batch.get(key), Tensor)}
    if len(own) > 1 and len(targets) < 2:
        return NamedInputs(own), (batch[targets[0]] if targets else None)
    others = [key for key, value in batch.items() if key not in TARGET_KEYS and isinstance(value, Tensor)]
    inputs = list(own) or [key for key in others if key in INPUT_KEYS] or others
    for found, what in ((inputs, "the input"), (targets, "the targets")):
        if len(found) > 1:
            names = ", ".join(map(str, found))
            raise DataError(f"{what} of batch {number} may be {names}; leave one of them, or give (inputs, targets)")
    unread = [str(key) for key in others if key not in inputs]
    if unread and number == 1:
        warn(f"the batches are read as {inputs[0]} alone; {', '.join(unread)}: not read")
    given = batch[inputs[0]] if inputs else next(iter(batch.values()), None)
    return given, (batch[targets[0]] if targets else None)


def _named(inputs: Mapping[Any, Any], number: int, names: Sequence[str]) -> Tensor | NamedInputs:
    """Those of a mapping that the model takes; one alone without its name."""
    given = {key: value for key, value in inputs.items() if isinstance(key, str) and isinstance(value, Tensor)}
    taken = {key: value for key, value in given.items() if not names or key in names}
    if not taken:
        raise DataError(
            f"the inputs of batch {number} are {', '.join(map(str, inputs)) or 'none'}; the model takes "
            f"{', '.join(names)}: give them by these names"
        )
    return NamedInputs(taken) if len(taken) > 1 else next(iter(taken.values()))


def check_strided(inputs: Inputs, targets: Any, number: int) -> None:
    """Refuse tensors whose numbers are not all in memory.

    Raises:
        DataError: one is sparse, or on the device ``meta``.
    """
    for tensor in pytree.tree_leaves((list(each(inputs).values()), targets)):
        if not isinstance(tensor, Tensor):
            continue
        if tensor.is_meta:
            raise DataError(f"batch {number} holds a tensor on the device meta, which has no numbers; give real ones")
        if tensor.layout != torch.strided:
            raise DataError(f"batch {number} holds a {tensor.layout} tensor; give its to_dense()")


def check_container(data: Any) -> None:
    """Refuse what is no collection of batches, though it can be iterated over.

    Raises:
        DataError: nothing that can be gone through, text, ``[inputs, targets]``, or a dataset whose items are samples
            with one target each.
    """
    if isinstance(data, str | PathLike):
        raise DataError(f"the data are {with_article(data)}, '{data}'; open them with isospike.data.open_data first")
    if not isinstance(data, Iterable) and not hasattr(data, "__getitem__"):
        call = "; call it, and give what it returns" if callable(data) else ""
        raise DataError(
            f"the data are {with_article(data)}{call or '; give batches: a list, a DataLoader or a generator'}"
        )
    if isinstance(data, list) and len(data) == 2 and all(isinstance(one, Tensor) for one in data):
        inputs, targets = data
        if inputs.dim() > targets.dim():
            raise DataError(
                f"the data are a list of tensors {list(inputs.shape)} and {list(targets.shape)}, which are no two "
                "batches; inputs with their targets are [(inputs, targets)]"
            )
    if isinstance(data, Dataset) and not isinstance(data, IterableDataset):
        item = guarded(lambda: data[0], "the data cannot be opened", DataError)
        if isinstance(item, Sequence) and len(item) > 1 and _is_number(item[1]):
            raise DataError(
                f"the data are a {type(data).__name__} of samples, not of batches; wrap it in a "
                "torch.utils.data.DataLoader(dataset, batch_size=...)"
            )


def _is_number(target: Any) -> bool:
    return isinstance(target, int | float) or (isinstance(target, Tensor) and target.dim() == 0)
