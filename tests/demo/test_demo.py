from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from isospike.data import open_data
from isospike.demo import DigitsNet, load_digits_net
from isospike.demo.train import images_and_labels, save_demo, shifted, train
from isospike.errors import OutputError
from isospike.models import load_weights


def test_shipped_network_knows_the_digits() -> None:
    model = load_digits_net()
    assert not model.training
    loader = open_data("digits", "test", preprocess=None, shuffle=False)
    with torch.no_grad():
        right = sum(int((model(images).argmax(1) == labels).sum()) for images, labels in loader)
    assert right >= 0.985 * 500


def test_weights_are_small() -> None:
    size = sum(value.numel() * value.element_size() for value in DigitsNet().state_dict().values())
    assert size < 250_000


@pytest.fixture
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
def test_training_learns_and_repeats(tmp_path: Path) -> None:
    images, labels = images_and_labels("calibration")
    first = train(images[:640], labels[:640], epochs=3)
    second = train(images[:640], labels[:640], epochs=3)
    assert torch.equal(first.head.weight, second.head.weight)
    with torch.no_grad():
        held_out = (first(images[640:]).argmax(1) == labels[640:]).float().mean()
    assert held_out > 0.6
    save_demo(first, tmp_path / "w.safetensors")
    loaded = DigitsNet()
    load_weights(loaded, tmp_path / "w.safetensors")
    assert torch.equal(loaded.head.weight, first.head.weight)
    assert [path.name for path in tmp_path.iterdir()] == ["w.safetensors"]


def test_weights_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot write .*the folder .*none does not exist"):
        save_demo(DigitsNet(), tmp_path / "none" / "w.safetensors")


def test_shifts_move_by_one_pixel_at_most() -> None:
    images = torch.zeros(200, 1, 8, 8)
    images[:, 0, 4, 4] = 1.0
    moved = shifted(images, torch.Generator().manual_seed(0)).nonzero()[:, 2:]
    assert {tuple(place) for place in moved.tolist()} == {(y, x) for y in (3, 4, 5) for x in (3, 4, 5)}
