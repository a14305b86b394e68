"""Every usual container gives the same batches; sequences have time first, and what may be meant otherwise is
refused."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

import isospike as iso
from isospike.data.reading import batches_of, read_batches
from isospike.errors import CaptureError, DataError, OptionError, SimulationError
from networks import NETWORKS
from short_methods import METHODS

X = NETWORKS["module_relu"].inputs(6)
Y = torch.tensor([0, 1, 2, 3, 4, 0])


class Mappings(Dataset):
    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"labels": Y[index], "pixel_values": X[index]}


CONTAINERS = {
    "a tuple": (X, Y),
    "a list with a pair": [(X, Y)],
    "a list of lists": [[X[:2], Y[:2]], [X[2:], Y[2:]]],
    "a tuple of pairs": ((X[:2], Y[:2]), (X[2:], Y[2:])),
    "a mapping": {"pixel_values": X, "labels": Y},
    "mappings, targets first": [{"target": Y[:4], "x": X[:4]}, {"target": Y[4:], "x": X[4:]}],
    "a loader of pairs": DataLoader(TensorDataset(X, Y), batch_size=4),
    "a loader of mappings": DataLoader(Mappings(), batch_size=4),
    "more than a pair": [(X, Y, "names")],
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_is_read_alike(name, converted, captured):
    data, snn = CONTAINERS[name], converted("module_relu", METHODS["maximum"])
    parts = list(read_batches(data))
    assert torch.equal(torch.cat([part.inputs for part in parts]), X)
    assert torch.equal(torch.cat([part.targets for part in parts]), Y)
    found, expected = (iso.evaluate(snn, one, steps=[3]) for one in (data, [(X, Y)]))
    assert (found.metric, found.ann, found.spikes) == (expected.metric, expected.ann, expected.spikes)
    made = iso.convert(captured("module_relu"), METHODS["maximum"], data=data)
    assert torch.equal(made(X, steps=3), iso.convert(captured("module_relu"), METHODS["maximum"], data=[X])(X, steps=3))
    assert iso.account(snn, data, steps=3)[3].total() == iso.account(snn, [X], steps=3)[3].total()
    assert iso.diagnose(captured("module_relu"), snn, data, steps=3).measured.value == expected.metric[3]
    assert iso.verify(captured("module_relu"), snn, data, steps=3).images == 6


@pytest.mark.parametrize("data", [X, [X], X.split(4), {"x": X}, DataLoader(X, batch_size=4)], ids=range(5))
def test_without_targets_the_agreement_is_measured(data, converted):
    snn = converted("module_relu", METHODS["maximum"])
    found = iso.evaluate(snn, data, steps=[1, 3])
    with torch.no_grad():
        ann = snn.ann()(X).argmax(1)
    assert found.scores is None
    assert found.ann is None
    assert found.metric == found.agreement
    assert found.agreement[3] == (snn(X, steps=3).argmax(1) == ann).sum() / 6
    assert found.to_dict()["snn"]["3"]["score"] is None
    assert "same class as ANN %" in str(found)


def test_tuples_that_may_be_either_are_refused():
    for data in ((X, X), X.split(3)):
        with pytest.raises(DataError, match=r"may be one batch .* or two batches") as caught:
            batches_of(data)
        assert "\n" not in str(caught.value)
    assert len(list(read_batches(X.split(4)))) == 2
    assert len(list(read_batches(X.split(2)))) == 3
    assert len(list(read_batches([X, X]))) == 2


@pytest.fixture
def sequences() -> torch.Tensor:
    """Seven steps of six samples."""
    return torch.stack([X * (step % 2) for step in range(7)])


def test_a_sequence_is_read_in_both_layouts(sequences, converted, captured):
    """The ANN sees the mean over time, and a constant sequence is the image."""
    snn, graph = converted("module_relu", METHODS["maximum"]), captured("module_relu")
    batch_first = sequences.transpose(0, 1)
    run = iso.simulate(snn, sequences, steps=5)
    assert torch.equal(run.output, iso.simulate(snn, batch_first, steps=5, layout="batch-first").output)
    found = iso.evaluate(snn, [(sequences, Y)], steps=5)
    other = iso.evaluate(snn, [(batch_first, Y)], steps=5, layout="batch-first")
    assert (found.metric, found.ann, found.spikes) == (other.metric, other.ann, other.spikes)
    assert found.metric[5] == (run.output.argmax(1) == Y).sum() / 6
    with torch.no_grad():
        assert found.ann == (snn.ann()(sequences[:5].mean(0)).argmax(1) == Y).sum() / 6
    costs = iso.account(snn, [sequences], steps=5)
    assert costs == iso.account(snn, [batch_first], steps=5, layout="batch-first")
    still = X.expand(7, *X.shape)
    constant, image = iso.account(snn, [still], steps=5)[5], iso.account(snn, [X], steps=5)[5]
    assert constant.total().synops == image.total().synops
    assert constant.by_site()["(input)"].macs == 5 * image.by_site()["(input)"].macs  # an image enters once
    diagnosed = iso.diagnose(graph, snn, [(batch_first, Y)], steps=5, layout="batch-first")
    assert diagnosed.measured.value == found.metric[5]
    assert diagnosed.faults == ()
    even = (iso.diagnose(graph, snn, [one], steps=5) for one in (still, X))
    for one, two in zip(*(found.sites for found in even), strict=True):
        assert one.accumulated_error == pytest.approx(two.accumulated_error, rel=1e-9)  # sums in another order


def test_what_is_not_run_of_a_sequence_is_not_read(converted, captured):
    """Five steps of one image, then steps of others, which neither network may see."""
    snn, graph = converted("module_relu", METHODS["maximum"]), captured("module_relu")
    start = X.expand(5, *X.shape)
    longer = torch.cat([start, 100 * X.flip(0).expand(9, *X.shape)])
    with torch.no_grad():
        labels = snn.ann()(X).argmax(1)
    for data, layout in ((longer, None), (longer.transpose(0, 1), "batch-first")):
        found = iso.evaluate(snn, [(data, labels)], steps=[2, 5], layout=layout)
        expected = iso.evaluate(snn, [(start, labels)], steps=[2, 5])
        assert found.ann == expected.ann == 1.0
        assert (found.metric, found.agreement, found.spikes) == (expected.metric, expected.agreement, expected.spikes)
        one, two = (iso.diagnose(graph, snn, [x], steps=5, layout=lay) for x, lay in ((data, layout), (start, None)))
        assert [site.accumulated_error for site in one.sites] == [site.accumulated_error for site in two.sites]


def test_sequences_calibrate_by_their_mean(sequences, captured):
    graph, method = captured("module_relu"), METHODS["maximum"]
    expected = iso.convert(graph, method, data=[sequences.mean(0)])(X, steps=4)
    layouts = {"time-first": sequences, "batch-first": sequences.transpose(0, 1)}
    for layout, data in layouts.items():
        snn = iso.convert(NETWORKS["module_relu"].build(), method, data=[data], layout=layout)
        assert torch.equal(snn(X, steps=4), expected)
    assert torch.equal(iso.convert(graph, method, data=[sequences])(X, steps=4), expected)


def test_a_model_that_does_not_take_sequences_says_what_to_say(sequences):
    with pytest.raises(
        CaptureError, match=r"; of sequences of events say layout='time-first' or layout='batch-first'$"
    ):
        iso.convert(NETWORKS["module_relu"].build(), METHODS["maximum"], data=[sequences])


def test_a_swap_of_axes_is_named(sequences, converted):
    snn, swapped = converted("module_relu", METHODS["maximum"]), X[:, None].expand(6, 4, *X.shape[1:])
    calls = (
        lambda: iso.simulate(snn, swapped, steps=4),
        lambda: snn(swapped, steps=4),
        lambda: iso.evaluate(snn, [swapped], steps=4),
        lambda: iso.account(snn, [swapped], steps=4),
    )
    swap = r"6 steps of 4 samples, and 4 steps.*'batch-first'"
    for call in calls:
        with pytest.raises((SimulationError, DataError), match=swap) as caught:
            call()
        assert "\n" not in str(caught.value)
    iso.simulate(snn, swapped, steps=4, layout="time-first")
    with pytest.raises(DataError, match="4 samples of 6 steps, but there are 6 targets; say layout='batch-first'"):
        iso.evaluate(snn, [(swapped, Y)], steps=2)
    with pytest.raises(SimulationError, match="say layout='batch-first' if it is"):
        iso.simulate(snn, swapped[:2], steps=3)
    with pytest.raises(SimulationError, match="is for sequences"):
        iso.simulate(snn, X, steps=4, layout="batch-first")
    with pytest.raises(DataError, match="is for sequences"):
        iso.evaluate(snn, [X], steps=4, layout="batch-first")
    with pytest.raises(OptionError, match="layout must be 'time-first'"):
        iso.evaluate(snn, [sequences], steps=4, layout="TBCHW")
    with pytest.raises(SimulationError, match="give the mean of a sequence over time"):
        iso.simulate(converted("module_relu", METHODS["bit-coded"]), sequences)
