"""The support matrix says what is true: one small model of every kind again, and the page is made of the file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import isospike as iso

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
ROWS = {row["name"]: row for row in json.loads((BENCHMARKS / "results" / "support.json").read_text())}
MODELS = (
    "torchvision:squeezenet1_1",
    "timm:convnext_atto",
    "timm:resnet10t",
    "timm:cs3darknet_s",
    "timm:mixer_s32_224",
    "transformers:bert",
    "transformers:gpt2",
    "transformers:vit",
    "transformers:swin",
    "transformers:wav2vec2",
)
"""Rectifiers, smooth activations, leaky ones, attention of images, tokens, causal masks, windows, sound."""


@pytest.fixture(scope="module")
def matrix():
    """What makes the matrix."""
    sys.path.insert(0, str(BENCHMARKS))
    import support
    import support_models
    import support_page
    import support_row
    import support_warm

    yield SimpleNamespace(main=support, models=support_models, page=support_page, row=support_row, warm=support_warm)
    sys.path.remove(str(BENCHMARKS))


@pytest.mark.parametrize("name", MODELS)
def test_a_model_has_the_sites_islands_and_shares_of_its_row(name, matrix):
    pytest.importorskip(name.partition(":")[0], reason="the models of this library need it")
    (candidate,) = (one for one in matrix.models.candidates() if one.name == name)
    model, example = candidate.build()
    found, row = matrix.row.placement_of(iso.capture(model, example)), ROWS[name]
    assert {key: found[key] for key in ("sites", "islands", "auto", "ops", "macs")} == {
        key: row[key] for key in ("sites", "islands", "auto", "ops", "macs")
    }
    assert found["driven"] == pytest.approx(row["driven"], abs=1e-12)  # quotients of whole numbers


def test_the_page_is_what_the_file_gives(matrix):
    assert matrix.main.PAGE.read_text() == matrix.page.page(list(ROWS.values()))


def test_nothing_is_left_out_without_a_reason():
    """Every model that was measured has all columns, or says which are missing and why."""
    silent = [
        name
        for name, row in ROWS.items()
        if "exports" in row and not row.keys() & {"error", "fault"}
        if not ({"error8", "streaming"} <= row.keys() or row["left_out"])
    ]
    assert silent == []
    assert [name for name, row in ROWS.items() if not row["captured"] and "error" not in row] == []


def test_a_warmed_up_network_has_live_branches_and_the_statistics_of_its_batches(matrix):
    torch.manual_seed(0)
    block = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU())
    torch.nn.init.zeros_(block[1].weight)
    batches = [matrix.warm.like(torch.randn(2, 3, 9, 9), 16, seed) for seed in (0, 1)]
    warm = matrix.warm.warmed_up(block, batches)
    values = warm[1](warm[0](torch.cat(batches)))
    assert not warm.training
    assert values.mean((0, 2, 3)).abs().max() < 1e-5  # sums of 1,568 float32
    assert (values.var((0, 2, 3)) - 1).abs().max() < 0.02  # the mean of two variances is not that of all


def test_cheap_models_of_every_family_come_first(matrix):
    candidates = list(matrix.models.candidates())
    ordered = matrix.main.in_order(candidates, ROWS)
    families = {one.family for one in candidates}
    assert {one.family for one in ordered[: len(families)]} == families
