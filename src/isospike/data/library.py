"""Import an optional library when it is needed, and say how to add it when it is missing."""

from __future__ import annotations

import importlib
from typing import Any

from isospike.errors import IsospikeError
from isospike.messages import first_line


def optional_library(module: str, package: str, error: type[IsospikeError]) -> Any:
    """Import ``module``; ``package`` is the name to install it by.

    Raises:
        IsospikeError: of type ``error``, when the library is not installed or cannot be loaded.
    """
    try:
        return importlib.import_module(module)
    except (ImportError, OSError) as cause:
        reason = first_line(cause)
        raise error(f"{module} cannot be imported ({reason}); add it with: pip install {package}") from cause
