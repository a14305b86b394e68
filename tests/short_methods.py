"""Every registered method, with as few mini-batches as its options allow: laws hold for any thresholds."""

from __future__ import annotations

import dataclasses
from typing import Any

from isospike.methods import Method, Streaming, methods


def shortened(kind: type[Method], **options: Any) -> Method:
    """An instance that calibrates in a few mini-batches."""
    names = {field.name for field in dataclasses.fields(kind)}
    return kind(**({"iterations": 6} if "iterations" in names else {}), **options)


METHODS: dict[str, Method] = {name: shortened(kind) for name, kind in methods.items()}
STREAMING = {name: method for name, method in METHODS.items() if isinstance(method.parts().neurons, Streaming)}
EMITTING = {name: method for name, method in METHODS.items() if name not in STREAMING}
