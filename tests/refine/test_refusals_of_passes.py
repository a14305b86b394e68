"""Passes in places or with numbers that they are not for are typed errors of one line."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from streaming_pairs import pair

import isospike as iso
from isospike.calibrate.batches import Batches
from isospike.errors import ConversionError, OptionError, OutputError
from isospike.methods.parts import AccumulateThenEmit, Parts
from isospike.neurons import BitCodedNeuron
from isospike.refine import (
    BiasCalibration,
    BiasShift,
    Calibration,
    EmitterBiasCalibration,
    ExactGrid,
    PotentialCalibration,
    Refinement,
    TemporalBiasCalibration,
    WeightCalibration,
)
from networks import NETWORKS

STREAMING = [
    BiasShift(),
    BiasCalibration(4),
    PotentialCalibration(4),
    TemporalBiasCalibration(),
    WeightCalibration(4, iterations=1, batch_size=2),
]


@pytest.mark.parametrize("one", STREAMING, ids=lambda one: type(one).__name__)
def test_passes_need_a_number_of_steps(one, captured):
    ann, spiking, x = pair("concat", captured)
    with pytest.raises(ConversionError, match="needs the numbers of steps"):
        one.refine(ann, spiking, Calibration(Batches([x])))


@pytest.mark.parametrize("one", [EmitterBiasCalibration(), ExactGrid()], ids=lambda one: type(one).__name__)
def test_passes_of_emitters_refuse_streaming_neurons(one, captured):
    ann, spiking, x = pair("concat", captured)
    with pytest.raises(ConversionError, match=r"is for accumulate-then-emit neurons, 'relu' has IntegrateAndFire"):
        one.refine(ann, spiking, Calibration(Batches([x])))


@dataclass(frozen=True, kw_only=True)
class Mixed(iso.methods.CalibrationLight):
    """Bit-coded neurons with a pass for streaming ones."""

    def parts_for(self, steps: int | None) -> Parts:
        parts = super().parts_for(steps)
        return Parts(parts.scale, AccumulateThenEmit(BitCodedNeuron, 3, 3), (BiasCalibration(4),))


@pytest.mark.parametrize("one", STREAMING[:4], ids=lambda one: type(one).__name__)
def test_passes_of_streaming_neurons_refuse_probing_ones(one, captured):
    x = NETWORKS["concat"].inputs(4)
    snn = iso.convert(captured("concat"), iso.methods.SRP(), data=[x])
    with pytest.raises(ConversionError, match=r"corrects streaming neurons, 'relu' has ResidualMask neurons"):
        one.refine(captured("concat"), snn.graph, Calibration(Batches([x]), 6))


def test_passes_of_streaming_neurons_refuse_emitters(captured):
    with pytest.raises(
        ConversionError, match=r"bias calibration corrects streaming neurons, 'relu' has BitCoded neurons"
    ):
        iso.convert(captured("concat"), Mixed(steps=(2,)), data=[NETWORKS["concat"].inputs(4)])


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: BiasCalibration(0), "bias-calibration: images must be a whole number of at least 1, got 0"),
        (lambda: BiasCalibration("x"), "images must be a whole number"),
        (lambda: PotentialCalibration(1.5), "potential-calibration: images must be a whole number"),
        (lambda: WeightCalibration(iterations=-1), "iterations must be a whole number of at least 0, got -1"),
        (lambda: WeightCalibration(batch_size=2.5), "batch_size must be a whole number"),
        (lambda: WeightCalibration(learning_rate="x"), "learning_rate must be a finite number above 0"),
        (lambda: WeightCalibration(optimiser="foo"), "optimiser must be sgd or adam, got 'foo'"),
    ],
)
def test_values_out_of_range(made, message):
    with pytest.raises(OptionError, match=message):
        made()


def test_what_a_conversion_cannot_use(captured, tmp_path):
    x = NETWORKS["concat"].inputs(4)
    for budget in (0, "x", True):
        with pytest.raises(OptionError, match="memory_budget must be a whole number"):
            iso.convert(captured("concat"), iso.methods.Maximum(), data=[x], memory_budget=budget)
    for path in (3, tmp_path, tmp_path / "none" / "work"):
        with pytest.raises(OutputError, match="cannot write"):
            iso.convert(captured("concat"), iso.methods.CalibrationAdvanced(), data=[x], checkpoint=path)


def test_every_pass_is_public():
    """The list above is whole: a new pass gets its refusals here. Other tests add passes of their own."""
    ours = {kind for kind in Refinement.__subclasses__() if kind.__module__.startswith("isospike.")}
    assert {type(one) for one in (*STREAMING, EmitterBiasCalibration(), ExactGrid())} == ours
