from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from isospike.data import Preprocess
from isospike.errors import ModelError, UnknownNameError, WeightsError
from isospike.models import load_model

IMAGENET_MEAN = (0.485, 0.456, 0.406)
SOURCE = """
import torch
from torch import nn
from neighbour_of_network import WIDTH

def make():
    from late_neighbour_of_network import DEPTH
    return nn.Sequential(nn.Linear(WIDTH, DEPTH), nn.Dropout()).train()

class Net(nn.Linear):
    def __init__(self):
        super().__init__(2, 2)

def no_module():
    return {"a": 1}

def failing():
    raise RuntimeError("first line\\nsecond line")

instance = nn.Linear(1, 1)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "neighbour_of_network.py").write_text("WIDTH = 3\n")
    (tmp_path / "late_neighbour_of_network.py").write_text("DEPTH = 4\n")
    (tmp_path / "network.py").write_text(SOURCE)
    return tmp_path / "network.py"


def test_torchvision_with_its_preprocessing() -> None:
    loaded = load_model("torchvision:resnet18")
    assert loaded.name == "resnet18"
    assert not loaded.model.training
    assert loaded.preprocess is not None
    assert (loaded.preprocess.size, loaded.preprocess.crop_ratio) == (224, 0.875)
    assert loaded.preprocess.mean == IMAGENET_MEAN
    assert loaded.example_shape == (1, 3, 224, 224)


def test_torchvision_segmentation_builds_without_any_weights() -> None:
    loaded = load_model("torchvision:lraspp_mobilenet_v3_large")
    assert loaded.preprocess is not None
    assert loaded.preprocess.size == 520


def test_torchvision_detection_has_no_preprocessing() -> None:
    loaded = load_model("torchvision:ssdlite320_mobilenet_v3_large")
    assert loaded.preprocess is None
    assert loaded.example_shape is None


def test_googlenet_rescales_in_the_preprocessing_instead() -> None:
    loaded = load_model("torchvision:googlenet")
    network = loaded.model
    pixels = torch.randint(0, 256, (1, 64, 64, 3), dtype=torch.uint8).numpy()
    assert loaded.preprocess is not None
    published = Preprocess(None, IMAGENET_MEAN, (0.229, 0.224, 0.225))
    ours = Preprocess(None, loaded.preprocess.mean, loaded.preprocess.std)
    assert not network.transform_input
    network.transform_input = True
    expected = network._transform_input(published(pixels))
    torch.testing.assert_close(ours(pixels), expected, atol=1e-5, rtol=1e-5)
    assert any(key.startswith("aux1.") for key in network.state_dict())


def test_timm_with_its_preprocessing() -> None:
    loaded = load_model("timm:resnet10t.c3_in1k")
    assert not loaded.model.training
    assert loaded.preprocess is not None
    assert (loaded.preprocess.size, loaded.preprocess.interpolation) == (176, "bicubic")
    assert loaded.example_shape == (1, 3, 176, 176)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("torchvision:resnet81", "unknown torchvision model 'resnet81'; did you mean resnet"),
        ("timm:resnet10tt", "unknown timm model 'resnet10tt'; did you mean resnet10t"),
        ("timm:resnet10t.nope", "unknown timm model 'resnet10t.nope'; did you mean resnet10t.c3_in1k"),
        ("torchvison:resnet18", "unknown model source 'torchvison'; did you mean torchvision"),
    ],
)
def test_unknown_names_offer_the_nearest(spec: str, message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        load_model(spec)


@pytest.mark.parametrize("library", ["timm", "torchvision"])
def test_missing_library_names_the_command(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ModelError, match=f"add it with: pip install {library}$"):
        load_model(f"{library}:resnet18")


def test_factories_of_a_file(file: Path) -> None:
    loaded = load_model(f"{file}:make")
    assert loaded.name == "make"
    assert isinstance(loaded.model[0], nn.Linear)
    assert (loaded.model[0].in_features, loaded.model[0].out_features) == (3, 4)
    assert not loaded.model[1].training
    assert load_model(f"{file}:Net").model(torch.zeros(1, 2)).shape == (1, 2)
    assert str(file.parent) not in sys.path


def test_factory_of_a_module() -> None:
    assert isinstance(load_model("torch.nn:Identity").model, nn.Identity)


def test_weights_are_loaded(file: Path) -> None:
    weights = {"weight": torch.eye(2), "bias": torch.ones(2)}
    torch.save(weights, file.with_name("w.pt"))
    loaded = load_model(f"{file}:Net", weights=file.with_name("w.pt"))
    assert loaded.model(torch.tensor([[1.0, 2.0]])).tolist() == [[2.0, 3.0]]
    with pytest.raises(WeightsError, match="does not fit the model"):
        load_model(f"{file}:make", weights=file.with_name("w.pt"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_module", "returned a dict; it must return a torch.nn.Module"),
        ("failing", "failed: RuntimeError: first line$"),
        ("instance", "is a Linear; it must be a function or a class"),
        ("mako", "has no 'mako'; did you mean make"),
    ],
)
def test_wrong_factories(file: Path, name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_model(f"{file}:{name}")


def test_wrong_files(file: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no file '.*none.py'"):
        load_model(f"{file.parent / 'none.py'}:make")
    with pytest.raises(ModelError, match=r"names no function; write .*network.py:FUNCTION"):
        load_model(str(file))
    file.write_text("raise SystemExit(3)\n")
    with pytest.raises(ModelError, match=r"cannot import .*: SystemExit: 3"):
        load_model(f"{file}:make")
