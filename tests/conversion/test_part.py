"""One submodule becomes spiking; the model around it stays what it is."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import Tensor, nn

import isospike as iso
from isospike.errors import CaptureError, ConversionError, IsospikeError
from isospike.part import PartInputs, SpikingPart

METHOD = iso.methods.BitCoded(bits=5)


class Detector(nn.Module):
    """A backbone between what no graph holds: a branch on values in front, boxes behind."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone, self.head = backbone, nn.Linear(6, 4)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        if images.mean() > 0:
            images = images - images.mean((2, 3), keepdim=True)
        features = self.backbone(images)
        return {"boxes": self.head(features.mean((2, 3)))[features.amax((1, 2, 3)) > 0]}


class Masked(nn.Module):
    """Takes two tensors, one of them by name, and an option."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(5, 8), nn.Linear(8, 5)

    def forward(self, x: Tensor, mask: Tensor | None = None, scale: float = 1.0) -> Tensor:
        x = self.second(self.first(x).relu())
        return x if mask is None else x * mask


class Around(nn.Module):
    """Calls its part in a way of its own."""

    def __init__(self, call) -> None:
        super().__init__()
        self.part, self.call = Masked(), call

    def forward(self, x: Tensor) -> Tensor:
        return self.call(self.part, x)


def backbone() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 6, 3), nn.ReLU())


@pytest.fixture
def detector() -> nn.Module:
    torch.manual_seed(0)
    return Detector(backbone()).double().eval()


@pytest.fixture
def images() -> Tensor:
    return torch.randn(12, 3, 10, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 0.1


def test_the_whole_model_answers_with_its_part_spiking(detector, images):
    batches = list(images.split(4))
    own = copy.deepcopy(detector.state_dict())
    whole = iso.convert(detector, METHOD, data=batches, part="backbone")
    assert isinstance(whole, Detector)
    assert isinstance(whole.backbone, SpikingPart)
    assert isinstance(detector.backbone, nn.Sequential)
    assert all(torch.equal(own[name], tensor) for name, tensor in detector.state_dict().items())
    given = [x - x.mean((2, 3), keepdim=True) if x.mean() > 0 else x for x in batches]
    alone = iso.convert(detector.backbone, METHOD, data=given)
    for x, inside in zip(batches, given, strict=True):
        assert torch.equal(whole.backbone.snn(inside), alone(inside))
        got, wanted = whole(x)["boxes"], detector(x)["boxes"]
        assert got.shape == wanted.shape
        assert (got - wanted).abs().max() < 0.1 * wanted.abs().max()  # 5 bits


def test_no_more_than_one_batch_of_inputs_is_kept(detector, images):
    asked = []

    class Source:
        def __iter__(self):
            for number, batch in enumerate(images.split(2)):
                asked.append(number)
                yield batch

    inputs = PartInputs(detector, "backbone", Source())
    assert asked == [0]
    for number, _ in enumerate(inputs):
        assert asked[-1] <= number + 1
    assert len(list(inputs)) == 6  # again, from the start


def test_hooks_are_gone_when_the_model_has_run(detector, images):
    iso.convert(detector, METHOD, data=images, part="backbone")
    assert not detector.backbone._forward_pre_hooks


def test_labels_and_training_parts_are_what_they_are_elsewhere(detector, images):
    data = [(images, torch.zeros(12, dtype=torch.int64))]
    whole = iso.convert(detector, METHOD, data=data, part="backbone")
    assert torch.equal(
        whole(images)["boxes"], iso.convert(detector, METHOD, data=images, part="backbone")(images)["boxes"]
    )
    detector.head.train()
    with pytest.raises(CaptureError, match=r"train mode \(1 modules, first: head\)"):
        iso.convert(detector, METHOD, data=data, part="backbone")


CALLS = {
    "by name": lambda part, x: part(x=x),
    "both": lambda part, x: part(x, (x > 0).to(x)),
    "mask by name": lambda part, x: part(mask=(x > 0).to(x), x=x),
    "defaults": lambda part, x: part(x, None, scale=1.0),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_part_is_called_as_before(name):
    torch.manual_seed(0)
    model, x = Around(CALLS[name]).double().eval(), torch.randn(16, 5, dtype=torch.float64)
    whole = iso.convert(
        model, iso.methods.BitCoded(bits=10), data=[x], part="part", sites="rectifiers", analogue="allow"
    )
    assert (whole(x) - model(x)).abs().max() < 0.01 * model(x).abs().max()  # 10 bits


def test_a_part_deep_inside(images):
    torch.manual_seed(0)
    model = nn.Sequential(nn.ModuleDict({"a": nn.Identity()})["a"], nn.Sequential(nn.Identity(), backbone())).double()
    whole = iso.convert(model.eval(), METHOD, data=images, part="1.1")
    assert isinstance(whole[1][1], SpikingPart)
    again = pickle.loads(pickle.dumps(whole.state_dict()))
    assert again.keys() == whole.state_dict().keys()


REFUSED = {
    "no such part": (lambda part, x: part(x), "parts", METHOD, r"no submodule 'parts'; it has part, part\.first"),
    "several calls": (lambda part, x: part(part(x)), "part", METHOD, r"calls part 'part' 2 times in one forward pass"),
    "no call": (lambda part, x: x, "part", METHOD, r"calls part 'part' 0 times in one forward pass"),
    "no tensor": (lambda part, x: part(x, scale=2.0), "part", METHOD, r"calls part 'part' with scale, which are no"),
    "fails": (lambda part, x: part(x[:, :3]), "part", METHOD, "the model fails on a calibration batch: "),
    "streaming": (lambda part, x: part(x), "part", iso.methods.Maximum(), "maximum streams.*such as bit-coded"),
    "empty": (lambda part, x: part(x), "", METHOD, "no submodule ''"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_such_part_is_told_in_one_line(name):
    call, part, method, message = REFUSED[name]
    with pytest.raises((CaptureError, ConversionError), match=message) as raised:
        iso.convert(Around(call).eval(), method, data=[torch.randn(4, 5)], part=part)
    assert "\n" not in str(raised.value)


def test_a_captured_graph_has_no_parts(images):
    graph = iso.capture(backbone().double().eval(), images)
    with pytest.raises(IsospikeError, match="part names a submodule of a model, this is a captured graph"):
        iso.convert(graph, METHOD, data=images, part="0")
