"""A network on the binary grid against exact rational arithmetic: no tolerance anywhere."""

from __future__ import annotations

from fractions import Fraction

import pytest
from formulas import convolve, image, multiply

import isospike as iso
from isospike.neurons import NEAREST, InputGrid
from networks import NETWORKS


@pytest.mark.parametrize("executor", ["collapsed", "stepped"])
def test_sums_are_those_of_fractions(executor, converted):
    """conv, neuron, linear layer with exact rational arithmetic: the same codes, the same outputs."""
    snn, x = converted("module_relu", iso.methods.BitCoded(exact=True)), NETWORKS["module_relu"].inputs(1)
    run = iso.simulate(snn, x, executor=executor, record=iso.Record(codes=True))
    layer, neuron, head = (snn.graph.get_submodule(name) for name in ("conv", "relu", "head"))
    (grid,) = (module for module in snn.graph.modules() if isinstance(module, InputGrid))
    total = convolve(image(grid(x)[0]), layer.weight, layer.bias, 8, 1)
    codes = {}
    for (c, i, j), z in total.items():
        unit = Fraction(neuron.unit.flatten()[c].item())
        codes[c, i, j] = min(max((z + Fraction(NEAREST) * unit) // unit, 0), 15)
    assert {at: int(code) for at, code in codes.items()} == {
        at: int(v) for at, v in image(run.codes["relu"][0]).items()
    }
    logits = multiply([Fraction(int(codes[at])) for at in sorted(codes)], head.weight, head.bias)
    assert [Fraction(value) for value in run.output[0].tolist()] == [logits[(unit,)] for unit in range(5)]
