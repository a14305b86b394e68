"""What an object does through later stages: they put their function here when they are imported, and none imports back.

``answer`` is what a call of a network gives, ``save`` writes it to a file, ``report`` shows a comparison as a page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from isospike.registry import Registry

verbs: Registry[Callable[..., Any]] = Registry("verb")
"""Functions of objects of earlier stages, by name."""
