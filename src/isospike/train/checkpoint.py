"""The state of a training after an epoch: tensors as safetensors, everything else as JSON in the header."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from torch import Tensor, nn

from isospike.digests import tensor_bytes
from isospike.errors import TrainingError
from isospike.json_text import JsonError, parse_json
from isospike.tensor_files import TensorFileError, read_header, read_tensors, write_tensors
from isospike.train.recipe import Recipe

FORMAT = 2
_KEY = "isospike-training"
_WORDINGS = {
    "tensors": "the model has other tensors",
    "activations": "the activations are configured differently",
    "adapted": "the adapted levels are others",
    "teacher": "the teacher is another",
    "start": "the model has other layers or started from other weights",
    "data": "the training images, their labels or their preprocessing are others",
}


@dataclass(frozen=True)
class TrainingIdentity:
    """What a checkpoint belongs to; it fits no other training."""

    recipe: dict[str, Any]
    """Fields of the recipe."""
    tensors: dict[str, list[int]]
    """Shapes of the model's state."""
    activations: list[str]
    """Configurations of the trainable activations."""
    images: int
    """Number of training images."""
    processes: int
    """Number of training processes."""
    adapted: dict[str, int] = field(default_factory=dict)
    """Levels of the sites after two thirds of the epochs, where they change."""
    teacher: str = ""
    """Digest of the teacher's state, where there is one."""
    start: str = ""
    """Digest of the model's layers and of the weights that the training started from."""
    data: str = ""
    """Digest of the training data, where they have one."""

    @classmethod
    def of(cls, recipe: Recipe, state: dict[str, Tensor], **rest: Any) -> TrainingIdentity:
        """The identity of a training; the number of reading processes is no part of it."""
        fields = {name: value for name, value in asdict(recipe).items() if name != "workers"}
        return cls(fields, {name: list(tensor.shape) for name, tensor in state.items()}, **rest)

    def differences(self, other: TrainingIdentity) -> list[str]:
        """What differs, the stored value first."""
        found = [
            f"{name} is {other.recipe.get(name)!r:.40} there and {value!r} here"
            for name, value in self.recipe.items()
            if other.recipe.get(name) != value
        ]
        found += [text for name, text in _WORDINGS.items() if getattr(self, name) != getattr(other, name)]
        found += [
            f"{name} is {getattr(other, name)} there and {getattr(self, name)} here"
            for name in ("images", "processes")
            if getattr(self, name) != getattr(other, name)
        ]
        return found


def digest(module: nn.Module | None) -> str:
    """A digest of a module's layers and state, empty where there is no module.

    Bounds take no part: they were found by sums, which another machine rounds otherwise.
    """
    if module is None:
        return ""
    found = hashlib.sha256(str(module).encode())
    for name, tensor in module.state_dict().items():
        if name.endswith("log_bound"):
            continue
        found.update(name.encode())
        found.update(tensor_bytes(tensor))
    return found.hexdigest()


@dataclass(frozen=True)
class Checkpoint:
    """One training after some epochs."""

    identity: TrainingIdentity
    history: list[dict[str, float]]
    """One entry per finished epoch."""
    tensors: dict[str, Tensor]
    """``model.*``, ``average.*`` and ``momentum.*``."""
    scaler: dict[str, Any]
    """State of the loss scaling, empty without."""

    def save(self, path: Path) -> None:
        """Write the file beside and rename it, so that a kill leaves the last one whole.

        Raises:
            OutputError: the file cannot be written.
        """
        content = {
            "format": FORMAT,
            "identity": asdict(self.identity),
            "history": self.history,
            "scaler": self.scaler,
        }
        write_tensors(path, self.tensors, {_KEY: json.dumps(content)})

    @classmethod
    def load(cls, path: Path, identity: TrainingIdentity) -> Checkpoint:
        """Read a file that belongs to ``identity``; no code of the file is run.

        Raises:
            TrainingError: the file is damaged, of another version, or of another configuration (all differences).
        """
        try:
            content, tensors = parse_json(read_header(path).get(_KEY, "null")), read_tensors(path)
        except (TensorFileError, JsonError) as error:
            raise TrainingError(f"the checkpoint '{path}' cannot be read ({error}); remove it") from error
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise TrainingError(f"'{path}' is no training checkpoint of this version of isospike; give another path")
        if not _is_whole(content):
            raise TrainingError(f"the checkpoint '{path}' is damaged; remove it")
        checkpoint = cls(TrainingIdentity(**content["identity"]), content["history"], tensors, content["scaler"])
        differences = identity.differences(checkpoint.identity)
        if differences:
            raise TrainingError(
                f"the checkpoint '{path}' belongs to another training: {'; '.join(differences)}; "
                "train as there, or give another path"
            )
        fault = checkpoint._lacks()
        if fault:
            raise TrainingError(f"the checkpoint '{path}' is damaged: it lacks {fault}; remove it")
        return checkpoint

    def _lacks(self) -> str:
        """What its tensors and the state of the loss scaling lack of what its identity says; empty where nothing."""
        wanted: dict[str, dict[str, list[int]]] = {"model": self.identity.tensors, "average": {}}
        if self.identity.recipe.get("ema"):
            wanted["average"] = {f"module.{name}": shape for name, shape in wanted["model"].items()} | {
                "n_averaged": []
            }
        for part, shapes in wanted.items():
            if shapes != {name: list(tensor.shape) for name, tensor in self.part(part).items()}:
                return f"tensors of the {part}"
        return "the loss scaling" if bool(self.scaler) != (self.identity.recipe.get("precision") == "float16") else ""

    def part(self, name: str) -> dict[str, Tensor]:
        """The tensors below ``name``."""
        prefix = f"{name}."
        return {key.removeprefix(prefix): tensor for key, tensor in self.tensors.items() if key.startswith(prefix)}


_EPOCH: dict[str, Any] = {"epoch": int, "loss": float, "score": float, "learning_rate": float, "seconds": float}
"""Fields of an entry of the history, and their types."""
_SCALER: dict[str, Any] = {
    "scale": float,
    "growth_factor": float,
    "backoff_factor": float,
    "growth_interval": int,
    "_growth_tracker": int,
}
"""What torch keeps of the scaling of the loss."""


def _is_whole(content: dict[str, Any]) -> bool:
    """Whether a header has every part, each of its type."""
    history, scaler = content.get("history"), content.get("scaler")
    return (
        _has(content.get("identity"), get_type_hints(TrainingIdentity))
        and isinstance(history, list)
        and all(_has(entry, _EPOCH) and entry["epoch"] == number for number, entry in enumerate(history, 1))
        and (scaler == {} or _has(scaler, _SCALER))
    )


def _has(values: Any, types: dict[str, Any]) -> bool:
    """Whether an object has exactly these keys, and values of these types."""
    if not isinstance(values, dict) or values.keys() != types.keys():
        return False
    return all(isinstance(values[name], get_origin(kind) or kind) for name, kind in types.items())
