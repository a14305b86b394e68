"""Train the demonstration network from scratch: ``python -m isospike.demo.train``.

Schedule and network are fixed beforehand; the test images serve for nothing but the last line.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save as serialized
from torch import Tensor
from torch.nn import functional as F

from isospike.data.digits import digits
from isospike.data.images import Split
from isospike.demo.network import WEIGHTS, DigitsNet
from isospike.files import replacing
from isospike.tasks import Classification

EPOCHS = 80
BATCH = 64
PEAK_RATE = 5e-3
WEIGHT_DECAY = 1e-2
LABEL_SMOOTHING = 0.05


def images_and_labels(split: Split) -> tuple[Tensor, Tensor]:
    """All images float32 ``[N, 1, 8, 8]`` of a split, and their labels int64 ``[N]``."""
    source = digits("", split)
    assert source.preprocess is not None, "digits has its own preprocessing"
    assert source.labels is not None, "digits has labels"
    pixels = source.batch(range(len(source)))
    assert not isinstance(pixels, list), "digits has images of one size"
    return source.preprocess(pixels), torch.from_numpy(source.labels)


def shifted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image of ``[B, 1, 8, 8]`` moved by up to one pixel, with empty pixels moving in."""
    padded = F.pad(images, (1, 1, 1, 1))
    offsets = torch.randint(0, 3, (len(images), 2), generator=generator).tolist()
    moved = [image[:, y : y + 8, x : x + 8] for image, (y, x) in zip(padded, offsets, strict=True)]
    return torch.stack(moved)


def train(images: Tensor, labels: Tensor, *, epochs: int = EPOCHS, seed: int = 0) -> DigitsNet:
    """A network trained on ``images`` ``[N, 1, 8, 8]``; one seed gives one training on one machine."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = DigitsNet().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, weight_decay=WEIGHT_DECAY)
    steps = epochs * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=steps)
    for _ in range(epochs):
        order = torch.randperm(len(images), generator=generator)
        for chosen in order[: len(images) // BATCH * BATCH].split(BATCH):
            scores = model(shifted(images[chosen], generator))
            loss = F.cross_entropy(scores, labels[chosen], label_smoothing=LABEL_SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def save_demo(model: DigitsNet, path: Path) -> None:
    """Write the weights; ``path`` has either its old content or all of the new.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(path) as part:
        part.write_bytes(serialized(model.state_dict()))


def train_demo() -> None:
    """Train, write the weights beside this file and print the score on the test images."""
    torch.set_num_threads(1)  # sums in one order, whatever the number of cores
    model = train(*images_and_labels("calibration"))
    save_demo(model, Path(__file__).with_name(WEIGHTS))
    images, labels = images_and_labels("test")
    with torch.no_grad():
        outputs = model(images)
    task = Classification()
    score = task.score([tuple(outputs.shape[1:])])
    score.update(task.decide(outputs), labels)
    found = score.value()
    print(f"{found.measure.name} on {found.count} test images: {found}")


if __name__ == "__main__":
    train_demo()
