"""The pages of the site that are made of the code: methods, commands, parts, results, the file format, the API.

They are written before every build, so that nothing stands twice and nothing lags behind.
"""

from __future__ import annotations

from pathlib import Path

from builder import api, commands, file_format, methods, parts, results

__all__ = ["all_pages", "write_pages"]


def all_pages() -> dict[str, str]:
    """Every page by its path below the folder of the reference."""
    sections = (methods, commands, parts, results, file_format, api)
    return {path: text for section in sections for path, text in section.pages().items()}


def write_pages(folder: Path) -> None:
    """Make a folder hold exactly these pages; what has not changed is not touched, so that a second build is short."""
    pages = all_pages()
    for path in folder.rglob("*.md"):
        if str(path.relative_to(folder)) not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
