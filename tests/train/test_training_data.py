"""What `fit` takes: a data set, a loader of one, nothing that chooses or makes batches by itself; rates of bounds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, RandomSampler, SubsetRandomSampler
from train_cases import Killed, batches, killing_after, network, same

from isospike.activations import TrainableActivation
from isospike.data import Preprocess
from isospike.data.dataset import ImageDataset
from isospike.data.images import Images
from isospike.errors import TrainingError
from isospike.train import AugmentedImages, Recipe, fit

SHORT = Recipe(epochs=1, batch_size=16)


class Stream(IterableDataset):
    def __iter__(self):
        return iter(batches())


def test_a_loader_is_its_data_set():
    """Batches of 5 in an order of its own: both are the recipe's."""
    loader = DataLoader(batches(), batch_size=5, shuffle=True)
    assert same(fit(network(), loader, SHORT).model, fit(network(), batches(), SHORT).model)


def test_the_loader_says_how_samples_become_a_batch():
    def halved(pairs):
        x, labels = torch.utils.data.default_collate(pairs)
        return x / 2, labels

    found = fit(network(), DataLoader(batches(), batch_size=5, collate_fn=halved), SHORT).model
    x, labels = batches().tensors
    assert same(found, fit(network(), torch.utils.data.TensorDataset(x / 2, labels), SHORT).model)


CHOOSING = {
    "cannot be read by index": Stream(),
    "read by index;": DataLoader(Stream(), batch_size=4),
    "has a SubsetRandomSampler of its own.*Subset": DataLoader(batches(), sampler=SubsetRandomSampler(range(20))),
    "has a RandomSampler of its own": DataLoader(batches(), sampler=RandomSampler(batches(), num_samples=20)),
    "has a Pairs of its own": DataLoader(
        batches(), batch_sampler=type("Pairs", (BatchSampler,), {})(range(70), 2, drop_last=False)
    ),
    "give it a batch size": DataLoader(batches(), batch_size=None),
    "finished batches": [batches().tensors],
}


@pytest.mark.parametrize("message", CHOOSING)
def test_data_that_choose_or_make_batches_are_refused(message):
    with pytest.raises(TrainingError, match=message):
        fit(network(), CHOOSING[message], SHORT)


def bounds_of(model: torch.nn.Module) -> list[torch.Tensor]:
    return [m.log_bound.detach().clone() for m in model.modules() if isinstance(m, TrainableActivation)]


def test_bounds_have_a_learning_rate_of_their_own():
    """After one step of gradient descent their change is proportional to it; the rest does not know it."""
    start, found = network(), {}
    for rate in (None, 0.0, 0.04, 0.08):
        recipe = Recipe(epochs=1, batch_size=70, learning_rate=0.04, bound_learning_rate=rate, weight_decay=0.0)
        trained = fit(start, batches(), recipe).model
        moved = [after - before for after, before in zip(bounds_of(trained), bounds_of(start), strict=True)]
        found[rate] = moved, [p for name, p in trained.named_parameters() if not name.endswith("log_bound")]
    assert all(torch.equal(a, b) for a, b in zip(found[None][0], found[0.04][0], strict=True))
    assert not any(moved.any() for moved in found[0.0][0])
    for once, twice in zip(found[0.04][0], found[0.08][0], strict=True):
        torch.testing.assert_close(2 * once, twice)  # default tolerance: float32 rounding of two additions
        assert once.any()
    for rest in zip(*(others for _, others in found.values()), strict=True):
        assert all(torch.equal(rest[0], other) for other in rest)


def test_a_training_with_every_augmentation_resumes_bit_equal(tmp_path):
    random = np.random.default_rng(0)
    pixels, labels = random.integers(0, 256, (48, 8, 8, 1), dtype=np.uint8), np.arange(48) % 3
    plain = Preprocess(size=None, mean=(0.5,), std=(0.5,))
    everything = {"crop": "padded", "crop_padding": 1, "flip": True, "colour_jitter": 0.3, "random_erasing": 0.5}
    recipe = Recipe(epochs=3, batch_size=16, bound_learning_rate=0.01, **everything)

    def images() -> AugmentedImages:
        return AugmentedImages(ImageDataset(Images("noise", pixels, labels, None), np.arange(48), plain), recipe)

    whole, path = fit(network(), images(), recipe), tmp_path / "c"
    with pytest.raises(Killed):
        fit(network(), images(), recipe, checkpoint=path, progress=killing_after(5))
    assert path.is_file()
    assert same(fit(network(), images(), recipe, checkpoint=path).model, whole.model)
