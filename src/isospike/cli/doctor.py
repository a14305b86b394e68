"""``isospike doctor``: versions, devices, and what is missing with the command that adds it."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Any

import click
import torch

from isospike.cli import options
from isospike.cli.render import print_json, print_table
from isospike.executors import executors
from isospike.kernels import availability
from isospike.methods import methods

OPTIONAL = {
    "torchvision": ("torchvision models, image folders", "pip install 'isospike[vision]'"),
    "pillow": ("resizing images, image folders", "pip install 'isospike[vision]'"),
    "timm": ("timm models", "pip install 'isospike[timm]'"),
    "accelerate": ("training on one device or many", "pip install 'isospike[train]'"),
    "plotly": ("reports as a page", "pip install 'isospike[report]'"),
    "matplotlib": ("figures of reports", "pip install 'isospike[report]'"),
    "jinja2": ("reports as a page", "pip install 'isospike[report]'"),
    "scikit-learn": ("the embedded digits of the demo", "pip install 'isospike[demo]'"),
}
"""Package -> what it is for, and the command that adds it."""


@click.command(short_help="Show versions, devices and what is missing.")
@options.json_option
def doctor_command(as_json: bool) -> None:
    """Show versions, devices, executors, and what is missing with the command that adds it."""
    report = examine()
    if as_json:
        print_json(report)
        return
    rows = [[name, version] for name, version in report["versions"].items()]
    rows += [["devices", ", ".join(report["devices"])], ["threads", str(report["threads"])]]
    rows += [["executors", ", ".join(report["executors"])], ["native engine", report["native_engine"]]]
    rows += [["methods", ", ".join(report["methods"])]]
    print_table("isospike doctor", ["", ""], rows, left=2)
    for name, fix in report["missing"].items():
        click.echo(f"missing: {name} ({OPTIONAL[name][0]}); add it with: {fix}")
    if not report["missing"]:
        click.echo("nothing is missing")


def examine() -> dict[str, Any]:
    """The documented JSON object of ``isospike doctor --json``."""
    packages = ("isospike", "torch", "numpy", "safetensors", *OPTIONAL)
    versions = {"python": platform.python_version(), **{name: _version(name) for name in packages}}
    return {
        "versions": {name: version or "not installed" for name, version in versions.items()},
        "devices": _devices(),
        "threads": torch.get_num_threads(),
        "executors": list(executors),
        "native_engine": _native(),
        "methods": list(methods),
        "missing": {name: fix for name, (_, fix) in OPTIONAL.items() if versions[name] is None},
    }


def _native() -> str:
    missing = availability()
    return "compiled and loaded" if missing is None else f"none, torch computes instead: {missing}"


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _devices() -> list[str]:
    devices = [f"cpu ({platform.processor() or platform.machine()})"]
    devices += [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return devices
