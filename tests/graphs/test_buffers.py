"""Buffers that a forward pass changes: left out where no output reads them, refused in one line where one does."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import isospike as iso
from isospike.errors import CaptureError

X = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Counting(nn.Module):
    """Counts its calls and keeps a running mean of what it computes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))
        self.register_buffer("mean", torch.zeros(4))
        self.seen = 0

    def forward(self, x: Tensor) -> Tensor:
        self.seen += 1
        self.calls += 1
        y = self.conv(x).relu().mean((2, 3))
        self.mean.mul_(0.9).add_(0.1 * y.mean(0))
        return self.head(self.last(y))

    def last(self, y: Tensor) -> Tensor:
        return y


class Centred(Counting):
    def last(self, y: Tensor) -> Tensor:
        return y - self.mean


class Overwriting(Counting):
    """Its buffer is a place to work in: every call writes it anew."""

    def last(self, y: Tensor) -> Tensor:
        self.mean.copy_(torch.arange(4.0))
        return y + self.mean


class InPlace(Counting):
    def forward(self, x: Tensor) -> Tensor:
        x.mul_(2)
        return super().forward(x)


@pytest.mark.parametrize("kind", [Counting, Overwriting, InPlace])
def test_what_no_output_reads_is_left_out_and_the_model_stays_as_it_was(kind, tmp_path):
    torch.manual_seed(0)
    model, x = kind().eval(), X.clone()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    snn = iso.convert(model, iso.methods.Maximum(), data=[x])
    assert torch.equal(x, X)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    graph = iso.capture(model, X)
    assert not {"calls", "mean"} & set(graph.state_dict())
    assert torch.equal(graph(X), graph(X))
    assert torch.allclose(graph(X), model(X.clone()), rtol=0, atol=1e-6)  # the same kernels in float32
    snn.save(tmp_path / "net.snn")
    assert torch.equal(iso.load(tmp_path / "net.snn")(X, steps=3), snn(X, steps=3))


def test_an_output_that_depends_on_earlier_calls_is_refused():
    model = Centred().eval()
    with pytest.raises(
        CaptureError, match=r"depends on 1 buffer that its own forward changes \(mean\).*self\.training"
    ):
        iso.capture(model, X)
    assert not model.mean.any()


class FakeQuantised(Counting):
    def last(self, y: Tensor) -> Tensor:
        return torch.fake_quantize_per_tensor_affine(y, 0.1, 0, 0, 255)


def test_a_forward_that_quantises_itself_is_told_to_leave_it_out():
    with pytest.raises(CaptureError, match=r"quantises values itself .*network of floats") as caught:
        iso.capture(FakeQuantised().eval(), X)
    assert "\n" not in str(caught.value)


def test_the_advice_for_a_network_prepared_by_torch_ao_works():
    ao = torch.ao.quantization

    def network() -> nn.Module:
        torch.manual_seed(0)
        layers = (nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
        return nn.Sequential(*layers).train()

    model = network()
    model.qconfig = ao.get_default_qat_qconfig("x86")
    prepared = ao.prepare_qat(model)
    prepared(X)
    with pytest.raises(CaptureError, match=r"network\.load_state_dict\(prepared\.state_dict\(\), strict=False\)"):
        iso.capture(prepared.eval(), X)
    plain = network()
    plain.load_state_dict(prepared.state_dict(), strict=False)
    assert torch.equal(plain[1].running_mean, prepared[1].running_mean)
    assert iso.inspect(plain.eval(), X).converts
