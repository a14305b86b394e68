"""How Sphinx builds the site: ``make docs``. The sources are the repository's own Markdown files and docstrings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import isospike
from builder import write_pages
from builder.docstrings import read_docstring, read_signature
from builder.links import resolve
from builder.offline import need_no_network

project = "isospike"
author = "The isospike authors"
version = release = isospike.__version__
html_title = f"isospike {release}"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
root_doc = "docs/index"
include_patterns = ["docs/**.md", "benchmarks/**.md", "CONTRIBUTING.md", "CHANGELOG.md"]
exclude_patterns = ["**/.*", "build", "dist", "src", "tests"]
html_theme = "furo"
html_additional_pages = {"index": "to_docs.html"}
templates_path = ["templates"]
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_copyright = False

# Every link must lead somewhere: the build is run with -W. In docstrings `x` is a name of ours, ``x`` is code.
nitpicky = True
nitpick_ignore_regex = [("py:(class|data|exc|meth|func|attr)", ".*")]  # types of other libraries, and inner ones
default_role = "py:obj"
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
copybutton_prompt_text = r"\$ "
copybutton_prompt_is_regexp = True

autodoc_member_order = "bysource"
autodoc_typehints = "both"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 88
toc_object_entries = False  # headings are enough; with every member the navigation takes half of the build
pygments_dark_style = "monokai"


def setup(app: Any) -> None:
    """Write the pages that are made of the code before any page is read."""
    write_pages(HERE / "reference")
    app.connect("missing-reference", resolve)
    app.connect("build-finished", need_no_network)
    app.connect("autodoc-process-docstring", read_docstring)
    app.connect("autodoc-process-signature", read_signature)
