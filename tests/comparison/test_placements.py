"""Where `auto` places signed sites, every method is measured: those for values of one sign on rectifiers alone."""

from __future__ import annotations

import importlib

import pytest
import torch
from digit_data import SHORT

import isospike as iso
from isospike.comparison import Comparison
from isospike.errors import ConversionError
from isospike.methods import methods
from isospike.methods.signed_sites import parts_without_sign
from networks import ISLANDS

CASE = ISLANDS["attention"]
INPUTS = CASE.inputs(14)
CALIBRATION, TEST = [INPUTS[:8]], [INPUTS[8:]]
PREPARATION = importlib.import_module("isospike.preparation")
ONE_SIGN = [name for name, kind in methods.items() if not kind.needs_training and parts_without_sign(kind())]
BOTH_SIGNS = ["maximum", "bit-coded"]


@pytest.fixture(scope="module")
def network() -> iso.Graph:
    torch.manual_seed(0)
    return iso.capture(CASE.build(), CASE.inputs(4))


def compared(model, names: list[str], **more) -> Comparison:
    options = {
        name: {option: min(value, len(CALIBRATION[0])) for option, value in given.items()}
        for name, given in SHORT.items()
        if name in names
    }
    return iso.compare(
        model,
        CALIBRATION,
        TEST,
        methods=names,
        steps=(2, 8),
        options=options,
        analogue="allow",
        **more,
    )


def test_there_are_methods_of_both_kinds():
    assert len(ONE_SIGN) > 5
    assert not any(parts_without_sign(methods[name]()) for name in BOTH_SIGNS)


def test_every_cell_is_what_the_method_gives_by_itself(network):
    found = compared(network, [*BOTH_SIGNS, *ONE_SIGN])
    assert found.failed == ()
    assert {cell.label for cell in found.cells} == {*BOTH_SIGNS, *ONE_SIGN}
    for cell in found.cells:
        snn = iso.convert(network, cell.configuration(), data=CALIBRATION, analogue="allow")
        assert snn.provenance.sites == ("products" if cell.label in BOTH_SIGNS else "rectifiers")
        alone = iso.evaluate(snn, TEST, steps=cell.steps)
        assert (alone.agreement[cell.steps], alone.spikes[cell.steps]) == (cell.agreement, cell.spikes)


def test_both_placements_are_of_one_capture(monkeypatch):
    done = []
    for name in ("capture", "fold_batch_norm"):
        step = getattr(PREPARATION, name)
        monkeypatch.setattr(PREPARATION, name, lambda *given, step=step: done.append(step.__name__) or step(*given))
    assert {cell.label for cell in compared(CASE.build(), ["maximum", "spike-norm"]).cells} == {"maximum", "spike-norm"}
    assert done == ["capture", "fold_batch_norm"]


def test_sites_in_front_of_every_product_stay_where_they_were_asked_for(network):
    (failure,) = compared(network, ["maximum", "spike-norm"], sites="products").failed
    assert failure.label == "spike-norm"
    assert "cannot serve" in failure.error
    with pytest.raises(ConversionError, match="cannot serve"):
        iso.convert(network, methods["spike-norm"](), data=CALIBRATION, analogue="allow", sites="products")
