from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from isospike.errors import WeightsError
from isospike.models import load_weights


class Command:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))


@pytest.fixture
def trained() -> dict[str, Tensor]:
    return {key: torch.full_like(value, 3) for key, value in network().state_dict().items()}


def assert_loaded(path: Path) -> None:
    model = network()
    load_weights(model, path)
    assert {float(value.float().mean()) for value in model.state_dict().values()} == {3.0}


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".th", ".bin"])
@pytest.mark.parametrize("wrapper", [None, "state_dict", "model", "model_state_dict", "net"])
def test_torch_files(tmp_path: Path, trained: dict[str, Tensor], suffix: str, wrapper: str | None) -> None:
    path = tmp_path / f"w{suffix}"
    torch.save(trained if wrapper is None else {wrapper: trained, "acc": 91.2, "epoch": 4}, path)
    assert_loaded(path)


def test_safetensors(tmp_path: Path, trained: dict[str, Tensor]) -> None:
    save_file(trained, tmp_path / "w.safetensors")
    assert_loaded(tmp_path / "w.safetensors")


@pytest.mark.parametrize("prefix", ["module.", "model.", "net.", "model.module.", "_orig_mod.", "module._orig_mod.a."])
def test_prefixes_of_all_names(tmp_path: Path, trained: dict[str, Tensor], prefix: str) -> None:
    torch.save({"state_dict": {f"{prefix}{key}": value for key, value in trained.items()}}, tmp_path / "w.pt")
    assert_loaded(tmp_path / "w.pt")
    save_file({f"{prefix}{key}": value for key, value in trained.items()}, tmp_path / "w.safetensors")
    assert_loaded(tmp_path / "w.safetensors")


class Parts(nn.Module):
    """A network whose features may be wrapped, as in torchvision's AlexNet of old."""

    def __init__(self, wrap: Callable[[nn.Module], nn.Module] = lambda module: module) -> None:
        super().__init__()
        self.features = wrap(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3)))
        self.head = nn.Linear(3, 2)


@pytest.mark.parametrize("inner", [nn.DataParallel, torch.compile], ids=["parallel", "compiled"])
@pytest.mark.parametrize("outer", [nn.Identity, nn.DataParallel, torch.compile], ids=["plain", "parallel", "compiled"])
def test_wrapped_networks_and_plain_ones_load_each_other(tmp_path: Path, inner: Any, outer: Any) -> None:
    plain = Parts()
    wrapped = Parts(inner) if outer is nn.Identity else outer(Parts(inner))
    torch.save(wrapped.state_dict(), tmp_path / "wrapped.pt")
    torch.save(plain.state_dict(), tmp_path / "plain.pt")
    expected = [tensor.clone() for tensor in wrapped.state_dict().values()]
    load_weights(wrapped, tmp_path / "plain.pt")
    load_weights(plain, tmp_path / "wrapped.pt")
    assert all(torch.equal(a, b) for a, b in zip(plain.state_dict().values(), expected, strict=True))
    assert not torch.equal(next(iter(wrapped.state_dict().values())), expected[0])


def test_other_networks_are_named_by_the_names_in_the_file(tmp_path: Path) -> None:
    torch.save({"a.b.weight": torch.ones(1), "a.b.bias": torch.ones(1)}, tmp_path / "w.pt")
    with pytest.raises(WeightsError, match=r"unexpected: a\.b\.weight, a\.b\.bias"):
        load_weights(network(), tmp_path / "w.pt")


def test_a_prefix_that_the_model_has_itself_stays(tmp_path: Path) -> None:
    model = nn.ModuleDict({"module": nn.Linear(1, 1)})
    torch.save({"module.weight": torch.ones(1, 1), "module.bias": torch.ones(1)}, tmp_path / "w.pt")
    load_weights(model, tmp_path / "w.pt")
    assert model["module"].weight.item() == 1.0


def test_counts_of_batch_normalisation_may_be_missing(tmp_path: Path, trained: dict[str, Tensor]) -> None:
    del trained["1.num_batches_tracked"]
    torch.save(trained, tmp_path / "w.pt")
    model = network()
    load_weights(model, tmp_path / "w.pt")
    assert model[1].weight.tolist() == [3.0, 3.0]


def test_one_error_lists_everything(tmp_path: Path, trained: dict[str, Tensor]) -> None:
    del trained["0.bias"]
    trained["0.weight"] = torch.zeros(2, 3, 3, 3)
    trained |= {f"extra{number}": torch.zeros(1) for number in range(13)}
    torch.save(trained, tmp_path / "w.pt")
    model = network()
    before = model[1].weight.clone()
    with pytest.raises(WeightsError) as caught:
        load_weights(model, tmp_path / "w.pt")
    message = str(caught.value)
    assert "missing: 0.bias;" in message
    assert "extra9 and 3 more" in message
    assert "0.weight ([2, 3, 3, 3] in the file, [2, 1, 3, 3] in the model)" in message
    assert "\n" not in message
    assert torch.equal(model[1].weight, before), "nothing is loaded when something does not fit"


def test_code_in_a_file_is_not_run(tmp_path: Path, trained: dict[str, Tensor]) -> None:
    trace, path = tmp_path / "trace", tmp_path / "w.pt"
    torch.save({**trained, "x": Command(f"touch {trace}")}, path)
    with pytest.raises(WeightsError, match="only tensors are loaded"):
        load_weights(network(), path)
    assert not trace.exists()
    torch.load(path, weights_only=False)
    assert trace.exists(), "the file is harmless, so the test shows nothing"


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
def test_damaged_files(tmp_path: Path, trained: dict[str, Tensor], name: str) -> None:
    path = tmp_path / name
    save_file(trained, path) if name.endswith("safetensors") else torch.save(trained, path)
    for content in (path.read_bytes()[:-100], b"", b"no weights"):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=r"cannot be read \(\w+\): only tensors are loaded"):
            load_weights(network(), path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (torch.zeros(3), "holds a Tensor; it must hold a state dict"),
        ({"epoch": 3, "nets": {}}, "holds no state dict: not tensors are epoch, nets"),
    ],
)
def test_other_content(tmp_path: Path, content: object, message: str) -> None:
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(WeightsError, match=message):
        load_weights(network(), tmp_path / "w.pt")


QUANTISED = torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)
STRANGE = {
    "sparse": torch.ones(2).to_sparse(),
    "nested": torch.nested.nested_tensor([torch.ones(1), torch.ones(2)], layout=torch.strided),
    "without values": torch.ones(2, device="meta"),
    "quantised": QUANTISED,
}


@pytest.mark.parametrize("kind", STRANGE)
def test_tensors_that_are_not_plain(tmp_path: Path, trained: dict[str, Tensor], kind: str) -> None:
    torch.save(trained | {"0.bias": STRANGE[kind]}, tmp_path / "w.pt")
    plain = rf"tensors that are not plain: 0\.bias \({kind}\); save"
    unread = r"cannot be read \(UnpicklingError\)"  # torch may refuse nested tensors itself
    with pytest.raises(WeightsError, match=f"{plain}|{unread}" if kind == "nested" else plain) as caught:
        load_weights(network(), tmp_path / "w.pt")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", [torch.int8, torch.complex64, torch.bool])
def test_numbers_of_another_kind(tmp_path: Path, trained: dict[str, Tensor], dtype: torch.dtype) -> None:
    torch.save(trained | {"0.bias": trained["0.bias"].to(dtype)}, tmp_path / "w.pt")
    with pytest.raises(WeightsError, match=rf"other types: 0\.bias \({dtype} in the file, torch\.float32 in the model"):
        load_weights(network(), tmp_path / "w.pt")


def test_a_compressed_file_is_not_unpacked(tmp_path: Path, trained: dict[str, Tensor]) -> None:
    path = tmp_path / "w.pt"
    torch.save(trained, path)
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in records.items():
            archive.writestr(name, content + bytes(10_000_000 if name.endswith("data.pkl") else 0))
    assert torch.load(path, weights_only=True).keys() == trained.keys(), "torch would have unpacked it"
    with pytest.raises(WeightsError, match=r"is compressed, which torch\.save never does"):
        load_weights(network(), path)


def test_missing_file_and_unknown_ending(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"there is no weight file '.*none.pt'"):
        load_weights(network(), tmp_path / "none.pt")
    (tmp_path / "w.onnx").write_bytes(b"")
    with pytest.raises(WeightsError, match=r"no known ending.*known: \.safetensors \.pth"):
        load_weights(network(), tmp_path / "w.onnx")
