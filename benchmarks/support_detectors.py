"""Detectors: the backbone becomes spiking inside the whole model, whose tail (anchors, suppression) stays outside."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from support_candidate import Built, Candidate

SIZE = 160
"""Of images, for detectors that take any."""
ROI_HEADS = ("roi_heads.box_head", "roi_heads.mask_head", "roi_heads.keypoint_head")
"""Submodules that are called once, on regions, and take one tensor."""


def detectors() -> Iterator[Candidate]:
    """Every detector by its backbone, and the heads by themselves."""
    from torchvision import models

    for name in models.list_models(module=models.detection):
        yield Candidate(f"torchvision:{name}", partial(_whole, name), "backbone")
        if name in ("maskrcnn_resnet50_fpn", "keypointrcnn_resnet50_fpn", "fasterrcnn_resnet50_fpn_v2"):
            for part in ROI_HEADS:
                if part.split(".")[1][:4] in ("box_", name[:4]):
                    whole = f"torchvision:{name}.{part}"
                    yield Candidate(whole, partial(_whole, name), part)
        if "rcnn" not in name:
            yield Candidate(f"torchvision:{name}.head", partial(_head, name, "head"))
        elif name.startswith("fasterrcnn"):
            yield Candidate(f"torchvision:{name}.rpn.head", partial(_head, name, "rpn.head"))


def _whole(name: str) -> Built:
    return _detector(name), _images()


def _images() -> Tensor:
    return torch.rand(2, 3, SIZE, SIZE)


def _detector(name: str) -> Any:
    """A detector that finds a few regions in any image, however little it knows."""
    from torchvision import models

    options: dict[str, Any] = {"weights": None, "weights_backbone": None}
    if not name.startswith("ssd"):
        options |= {"min_size": SIZE, "max_size": SIZE}
    if "rcnn" in name:
        options |= {"rpn_post_nms_top_n_test": 8, "box_score_thresh": 0.0, "box_detections_per_img": 4}
    torch.manual_seed(0)
    return models.get_model(name, **options).eval()


class Levels(nn.Module):
    """A head that takes one tensor for every level of the pyramid, by name.

    Args:
        head: takes them as one list.
    """

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head

    def forward(
        self,
        level0: Tensor,
        level1: Tensor,
        level2: Tensor,
        level3: Tensor | None = None,
        level4: Tensor | None = None,
        level5: Tensor | None = None,
    ) -> Any:
        """The head's answer."""
        return self.head([one for one in (level0, level1, level2, level3, level4, level5) if one is not None])


@torch.no_grad()
def _head(name: str, part: str) -> Built:
    """The head of a detector and what its backbone gives of two images.

    Fresh heads have weights of 0.01 behind each other and a bias for rare objects beside which no value is seen: they
    are drawn as other layers are.
    """
    detector = _detector(name)
    head: nn.Module = detector.get_submodule(part)
    for layer in head.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    levels = detector.backbone(detector.transform(list(_images()))[0].tensors)
    return Levels(head).eval(), {f"level{index}": level for index, level in enumerate(levels.values())}
