"""Energy models are TOML files of figures; reading one runs no code."""

from __future__ import annotations

import dataclasses
import os
import tomllib
from importlib import resources
from pathlib import Path

from isospike.costs.energy import EnergyModel
from isospike.errors import EnergyModelError
from isospike.messages import first_line, with_article
from isospike.registry import Registry

LARGEST_FILE = 2**16
"""Bytes; a model has a few hundred."""
_FIELDS = {field.name: field.default is dataclasses.MISSING for field in dataclasses.fields(EnergyModel)}
"""Key: whether it must be there."""


def load_energy_model(path: str | Path) -> EnergyModel:
    """The energy model in a TOML file.

    Keys: ``name``, ``source``, ``mac_pj``, ``ac_pj``, ``bits``; optional ``mult_pj``, ``update_pj``, ``byte_pj`` and
    ``papers``; see `EnergyModel`.

    Raises:
        EnergyModelError: the file cannot be read, a key is missing or unknown, a figure is no energy, or the name is
            that of another model, which isospike brings.
    """
    if not isinstance(path, str | os.PathLike):
        raise EnergyModelError(f"an energy model was given as {with_article(path)}; give the path of a TOML file")
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:  # a path may hold a zero byte
        raise EnergyModelError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > LARGEST_FILE:
        raise EnergyModelError(f"{path} is no energy model: it has more than {LARGEST_FILE} bytes")
    model = parse_energy_model(content, str(path))
    check_name(model, str(path))
    return model


def energy_model_called(name: str) -> EnergyModel:
    """The registered model of this name, or the one in a ``.toml`` file.

    Raises:
        UnknownNameError: there is none.
        EnergyModelError: see `load_energy_model`.
    """
    return load_energy_model(name) if Path(name).suffix == ".toml" else energy_models[name]


def parse_energy_model(content: bytes, where: str) -> EnergyModel:
    """The energy model in the content of a TOML file.

    Args:
        content: what the file holds.
        where: its name, for messages.

    Raises:
        EnergyModelError: see `load_energy_model`.
    """
    try:
        found = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise EnergyModelError(f"{where} is no TOML file: {first_line(error)}") from error
    missing = [key for key, needed in _FIELDS.items() if needed and key not in found]
    unknown = [key for key in found if key not in _FIELDS]
    if missing or unknown:
        lists = {"lacks": missing, "has the unknown": unknown}
        faults = " and ".join(f"{what} {', '.join(keys)}" for what, keys in lists.items() if keys)
        raise EnergyModelError(f"{where} {faults}; an energy model has {', '.join(_FIELDS)}")
    try:
        return EnergyModel(**found)
    except EnergyModelError as error:
        raise EnergyModelError(f"{where}: {error}") from error


def check_name(model: EnergyModel, where: str) -> None:
    """Refuse a model that has the name of a registered one and is another.

    Raises:
        EnergyModelError: it has; results by both would look alike.
    """
    if model.name in energy_models and energy_models[model.name] != model:
        raise EnergyModelError(f"{where} is called {model.name}, as one that isospike brings; give it another name")


energy_models: Registry[EnergyModel] = Registry("energy model")
"""Energy models by name, as `isospike` brings them."""
for _file in sorted(resources.files("isospike").joinpath("costs", "models").iterdir(), key=lambda file: file.name):
    if _file.name.endswith(".toml"):
        _model = parse_energy_model(_file.read_bytes(), _file.name)
        energy_models.register(_model.name, _model)
