"""Whatever is given in the place of a name, a registry answers in one line."""

from __future__ import annotations

import sys

import pytest
import torch

import isospike as iso
from isospike.errors import UnknownNameError
from isospike.registry import Registry
from networks import ALL
from short_methods import METHODS

REGISTRIES = {
    value.kind: value
    for name, module in list(sys.modules.items())
    if name.startswith("isospike.")
    for value in vars(module).values()
    if isinstance(value, Registry)
}


@pytest.mark.parametrize("name", [3, None, True, 2.5, b"text", ["a"], {}, torch.zeros(2), torch.nn.ReLU], ids=str)
@pytest.mark.parametrize("kind", REGISTRIES)
def test_a_name_that_is_no_text(kind, name):
    with pytest.raises(UnknownNameError, match=f"unknown {kind} .*, which is no text; known: ") as caught:
        REGISTRIES[kind][name]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("run", [iso.simulate, iso.compile, iso.evaluate])
def test_an_executor_that_is_a_number(run, converted):
    snn = converted("reused_relu", METHODS["bit-coded"])
    args = [] if run is iso.compile else [ALL["reused_relu"].inputs(2)]
    with pytest.raises(UnknownNameError, match="unknown executor 3, which is no text; known: collapsed, "):
        run(snn, *args, executor=3)
