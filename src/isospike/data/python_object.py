"""Find the object that ``file.py:name`` or ``package.module:name`` names in the user's own code."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, TypeVar

from isospike.errors import IsospikeError
from isospike.messages import one_line

T = TypeVar("T")
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


def is_python_spec(spec: str) -> bool:
    """Whether ``spec`` reads as ``file.py:name``, ``file.py`` or ``package.module:name``."""
    place, _, _ = spec.rpartition(":")
    return spec.endswith(".py") or place.endswith(".py") or _DOTTED.fullmatch(place) is not None


def guarded(call: Callable[[], T], what: str, error: type[IsospikeError]) -> T:
    """Run the user's code; whatever it raises becomes one line of type ``error``."""
    try:
        return call()
    except IsospikeError:
        raise
    except (Exception, SystemExit) as cause:
        raise error(f"{what}: {one_line(cause)}") from cause


@contextmanager
def imported(spec: str, error: type[IsospikeError]) -> Iterator[Any]:
    """The object that ``spec`` names; inside the block its folder is on ``sys.path``.

    For ``package.module:name`` that folder is the current one.

    Raises:
        IsospikeError: of type ``error``, for a missing file or name, or code that fails on import.
    """
    place, _, name = spec.rpartition(":")
    if not place or not name:
        raise error(f"'{spec}' names no function; write {spec.rstrip(':')}:FUNCTION")
    from_file = place.endswith(".py")
    if from_file and not Path(place).is_file():
        raise error(f"there is no file '{place}'")
    folder = str(Path(place).resolve().parent if from_file else Path.cwd())
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        load = _load_file if from_file else importlib.import_module
        module = guarded(lambda: load(place), f"cannot import '{place}'", error)
        yield _attribute(module, place, name, error)
    finally:
        sys.path.remove(folder)


class _AsItIsNow(importlib.machinery.SourceFileLoader):
    """Compiles a file whenever it is loaded: its cache is told apart by size and second alone, and edits are quick."""

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code


def _load_file(place: str) -> ModuleType:
    path = Path(place).resolve()
    unique = f"_isospike_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(unique, path, loader=_AsItIsNow(unique, str(path)))
    assert spec is not None, f"{path} ends in .py"
    assert spec.loader is not None, f"{path} ends in .py"
    module = importlib.util.module_from_spec(spec)
    sys.modules[unique] = module
    spec.loader.exec_module(module)
    return module


def _attribute(module: ModuleType, place: str, name: str, error: type[IsospikeError]) -> Any:
    if hasattr(module, name):
        return getattr(module, name)
    own = {known for known, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__}
    public = sorted(known for known in own if not known.startswith("_"))
    near = difflib.get_close_matches(name, public, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"it has: {', '.join(public[:20]) or 'nothing'}"
    raise error(f"'{place}' has no '{name}'; {hint}")
