"""Read the CIFAR-10 pickles without running anything that a file asks for.

A pickle names callables and the reader calls them. Here only the few names that a stored uint8
array needs are known, and each stands for a stand-in below; numpy itself is never called. Nor does
the reader get a pickle that makes it take memory for more objects than there are.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isospike.errors import DataError
from isospike.messages import first_line


class StoredArray:
    """Stand-in for an array: holds the uint8 values that its stored state describes."""

    values: npt.NDArray[np.uint8]

    def __init__(self, *_: object) -> None:
        self.values = np.empty(0, np.uint8)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, content = state
        if not isinstance(dtype, _StoredType) or dtype.code not in ("u1", b"u1"):
            raise pickle.UnpicklingError("an array is not uint8")
        self.values = np.frombuffer(content, np.uint8).reshape(shape, order="F" if fortran else "C")


class _StoredType:
    def __init__(self, code: str | bytes, *_: object) -> None:
        self.code = code

    def __setstate__(self, state: object) -> None:
        """Byte order and alignment say nothing about single bytes."""


def _encode(text: str, encoding: str) -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError("bytes are stored in an unusual way")
    return text.encode("latin-1")


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): StoredArray,
    ("numpy._core.multiarray", "_reconstruct"): StoredArray,
    ("numpy", "ndarray"): StoredArray,
    ("numpy", "dtype"): _StoredType,
    ("_codecs", "encode"): _encode,
    ("codecs", "encode"): _encode,
}


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Any:
        if (module_name, global_name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module_name}.{global_name}, which is refused")
        return _ALLOWED[module_name, global_name]


def _check_numbers(stored: bytes) -> None:
    """Refuse objects with a number beyond the count of those before: the reader would make room for all up to it.

    Raises:
        UnpicklingError: an object has such a number.
    """
    for count, (opcode, argument, _) in enumerate(pickletools.genops(stored)):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and (argument or 0) > count:
            raise pickle.UnpicklingError(f"it numbers an object {argument} where there are at most {count}")


def read_plain_pickle(path: Path) -> dict[Any, Any]:
    """The dictionary in ``path``; arrays come as `StoredArray`, text of Python 2 as bytes.

    Raises:
        DataError: the file is damaged, holds no dictionary, or asks for anything but uint8 arrays.
    """
    try:
        stored = path.read_bytes()
        _check_numbers(stored)
        content = _PlainUnpickler(io.BytesIO(stored), encoding="bytes").load()
    except Exception as cause:  # a damaged or hostile pickle can fail in any way
        reason = first_line(cause)
        raise DataError(f"'{path}' is not a plain CIFAR-10 batch: {reason}") from cause
    if not isinstance(content, dict):
        raise DataError(f"'{path}' is not a plain CIFAR-10 batch: it holds no dictionary")
    return content
