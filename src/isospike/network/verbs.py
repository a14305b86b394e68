"""What a network does through later stages: they put their function here when they are imported, and none imports back.

``answer`` is what a call of the network gives, ``save`` writes it to a file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from isospike.registry import Registry

verbs: Registry[Callable[..., Any]] = Registry("verb of a network")
"""Functions of a network by name."""
