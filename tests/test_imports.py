"""What importing costs, and which way the modules depend on each other."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import isospike

SOURCE = Path(isospike.__file__).parent
HEAVY = {
    "torchvision",
    "timm",
    "sklearn",
    "scipy",
    "PIL",
    "rich",
    "click",
    "kmeans1d",
    "matplotlib",
    "pandas",
    "accelerate",
    "plotly",
    "jinja2",
}

LAYERS = [
    {"errors", "registry", "messages", "memory_format", "digests", "precision", "tables", "progress", "verbs"}
    | {"files", "inputs", "json_text", "tensor_files"},
    {"units", "intervals", "options"},
    {"results"},
    {"activations"},
    {"data", "ops", "kernels"},
    {"tasks"},
    {"graphs"},
    {"sites"},
    {"neurons"},
    {"pooling"},
    {"scales"},
    {"calibrate"},
    {"network"},
    {"executors", "targets"},
    {"refine"},
    {"methods"},
    {"convertible", "part", "replacing"},
    {"preparation"},
    {"citations", "conversion", "quantisation"},
    {"costs"},
    {"measure"},
    {"diagnosis"},
    {"comparison"},
    {"train"},
    {"models"},
    {"demo"},
    {"report"},
    {"cli"},
    {"__main__"},
]
"""Every stage imports only itself and earlier ones; those of one layer do not import each other."""


def test_import_loads_nothing_heavy_but_torch():
    command = "import isospike, sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True, timeout=50)
    loaded = set(done.stdout.split())
    assert {"isospike", "torch"} <= loaded
    assert not HEAVY & loaded


def stage_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """Stages that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [f"isospike.{a.name}" for a in node.names] if node.module == "isospike" else [node.module or ""]
        found |= {name.split(".")[1] for name in names if name.startswith("isospike.")}
    return found


FILES = sorted(path for path in SOURCE.rglob("*.py") if stage_of(path) != "__init__")


def test_no_stages_import_each_other():
    graph: dict[str, set[str]] = {}
    for path in FILES:
        graph.setdefault(stage_of(path), set()).update(imports_of(path))
    TopologicalSorter({stage: others - {stage} for stage, others in graph.items()}).prepare()  # raises CycleError


def test_every_stage_has_a_layer():
    assert {stage_of(path) for path in FILES} == set().union(*LAYERS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_stage_imports_only_earlier_ones(path):
    rank = {stage: index for index, layer in enumerate(LAYERS) for stage in layer}
    own = stage_of(path)
    for other in imports_of(path):
        assert rank[other] <= rank[own], f"{own} imports {other}, a later stage"
