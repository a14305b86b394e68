"""The site is read without a network."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sphinx.errors import ExtensionError

LOADED = re.compile(r"<(?:script|img|link|iframe|source)\b[^>]*\b(?:src|href)=\"((?:https?:)?//[^\"]+)")
"""What a browser fetches without being asked to; links that a reader follows are no part of it."""


def need_no_network(app: Any, failed: Exception | None) -> None:
    """Fail the build where a page would fetch something from elsewhere: fonts, scripts, pictures."""
    if failed is not None:
        return
    for page in Path(app.outdir).rglob("*.html"):
        for address in LOADED.findall(page.read_text(encoding="utf-8")):
            if "_downloads" not in page.parts:
                raise ExtensionError(f"{page} fetches {address} when it is read; the site must work offline")
