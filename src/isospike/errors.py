"""Every error isospike raises on purpose, as one tree.

    IsospikeError
    ├── CaptureError            the model cannot be exported, raised or verified
    ├── ConversionError         the graph has ops that no neuron can stand for
    ├── CalibrationError        the calibration data are empty, not finite, or do not fit
    ├── TrainingError           a training cannot start, go on or resume
    ├── SimulationError         steps, input or device do not fit the network
    │   └── OtherKindError      an attribute that networks of another kind have; an AttributeError too
    ├── ArtefactError           a .snn file is truncated, tampered with, or of another version
    ├── UnknownNameError        a model, method, rule or data source that is not registered
    ├── ModelError              a model source cannot be built
    ├── WeightsError            a weight file does not fit the model
    ├── ChoiceError             no network is within the limits that were asked for
    ├── DataError               a data source cannot be read
    ├── NativeError             the kernels in C cannot be compiled or loaded
    ├── EnergyModelError        an energy model cannot be read or has figures that are no energies
    ├── OptionError             a value outside its documented range
    ├── TaskError               a task does not fit the network's outputs
    └── OutputError             a file cannot be written

Messages are one line: what is wrong, where, and what to do about it.
"""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable


class IsospikeWarning(UserWarning):
    """Something was done otherwise than asked; the command line prints it as one line."""


class IsospikeError(Exception):
    """Base of all errors raised on purpose; the command line prints it as one line.

    Control characters, which a name from a file may hold, stand in the message as escapes: a message is one line, and
    no file writes on a terminal what is no text.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__("".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in message))


class CaptureError(IsospikeError):
    """The model cannot be exported, raised into plain modules, or verified."""


class ConversionError(IsospikeError):
    """The graph contains ops that the conversion refuses; the message lists all of them."""


class CalibrationError(IsospikeError):
    """The calibration data are empty, contain NaN or infinity, or do not fit the model."""


class TrainingError(IsospikeError):
    """A training cannot start, its loss is not finite, or a checkpoint belongs to another one."""


class SimulationError(IsospikeError):
    """The number of steps, the input or its device does not fit the network."""


class OtherKindError(SimulationError, AttributeError):
    """An attribute that only networks of another kind have; ``hasattr`` finds none."""


class ArtefactError(IsospikeError):
    """A ``.snn`` file is truncated, tampered with, or of another version; or a network was pickled instead."""


class ModelError(IsospikeError):
    """A model source cannot be imported or built."""


class WeightsError(IsospikeError):
    """A weight file cannot be read or does not fit the model."""


class ChoiceError(IsospikeError):
    """No network is within the limits that were asked for; the message names the nearest ones and what would help."""


class DataError(IsospikeError):
    """A data source cannot be read or lacks what the command needs."""


class NativeError(IsospikeError):
    """The kernels in C cannot be compiled or loaded here; torch does their work."""


class EnergyModelError(IsospikeError):
    """The file of an energy model cannot be read, or has keys or figures that no model has."""


class OptionError(IsospikeError):
    """An option has a value outside its documented range."""


class TaskError(IsospikeError):
    """A task does not fit the outputs of the network, or what is asked for does not fit the task."""


class OutputError(IsospikeError):
    """An output file cannot be written."""


class UnknownNameError(IsospikeError):
    """A name that is not registered; the message offers the nearest ones."""

    def __init__(self, kind: str, name: object, known: Iterable[str]) -> None:
        choices = sorted(known)
        near = difflib.get_close_matches(name, choices, n=3, cutoff=0.65) if isinstance(name, str) else []
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(choices[:20])}"
        named = f"'{name}'" if isinstance(name, str) else f"{reprlib.repr(name)}, which is no text"
        super().__init__(f"unknown {kind} {named}; {hint}")
        self.kind, self.name, self.near = kind, name, tuple(near)
