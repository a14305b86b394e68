"""A checkpoint that somebody edited is one line, and stays as it is."""

from __future__ import annotations

import dataclasses
import json
from typing import get_type_hints

import pytest
import torch
from train_cases import RECIPE, batches, network

from isospike.errors import TrainingError
from isospike.tensor_files import read_header, read_tensors, write_tensors
from isospike.train import Epoch, checkpoint, fit


def edited(path, change) -> None:
    """Change the header and the tensors of a checkpoint as somebody with an editor."""
    header, tensors = json.loads(read_header(path)["isospike-training"]), read_tensors(path)
    text = change(header, tensors)
    write_tensors(path, tensors, {"isospike-training": text if isinstance(text, str) else json.dumps(header)})


EDITS = {
    "deep": lambda header, tensors: "[" * 100_000,
    "recipe": lambda header, tensors: header["identity"].update(recipe=5),
    "shapes": lambda header, tensors: header["identity"].update(tensors=5),
    "activations": lambda header, tensors: header["identity"].update(activations=5),
    "images": lambda header, tensors: header["identity"].update(images="70"),
    "more": lambda header, tensors: header["identity"].update(more=1),
    "no identity": lambda header, tensors: header.update(identity=5),
    "no history": lambda header, tensors: header.pop("history"),
    "history": lambda header, tensors: header.update(history=5),
    "entries": lambda header, tensors: header.update(history=[5]),
    "keys of an entry": lambda header, tensors: header["history"][0].update(more=1),
    "loss": lambda header, tensors: header["history"][0].update(loss=None),
    "epochs": lambda header, tensors: header["history"][0].update(epoch=2),
    "shape of a momentum": lambda header, tensors: tensors.update({"momentum.0": torch.zeros(7)}),
    "a momentum that broadcasts": lambda header, tensors: tensors.update({"momentum.0": torch.zeros(1)}),
    "a momentum of nothing": lambda header, tensors: tensors.update({"momentum.99": torch.zeros(1)}),
    "scaler": lambda header, tensors: header.update(scaler=5),
    "scale": lambda header, tensors: header.update(scaler={"scale": 1.0}),
    "a scaler that is not used": lambda header, tensors: header.update(scaler=torch.amp.GradScaler("cpu").state_dict()),
    "no average": lambda header, tensors: tensors.pop("average.n_averaged"),
    "shape of an average": lambda header, tensors: tensors.update({"average.n_averaged": torch.zeros(3)}),
}


@pytest.fixture(scope="module")
def averaged(tmp_path_factory):
    path = tmp_path_factory.mktemp("averaged") / "c"
    recipe = dataclasses.replace(RECIPE, epochs=1, ema=0.9)
    fit(network(), batches(), recipe, checkpoint=path)
    return recipe, path.read_bytes()


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_checkpoint_is_one_line(edit, averaged, tmp_path):
    recipe, content = averaged
    path = tmp_path / "c"
    path.write_bytes(content)
    edited(path, EDITS[edit])
    written = path.read_bytes()
    with pytest.raises(TrainingError, match=r"the checkpoint '.*c' (is damaged|cannot be read)") as caught:
        fit(network(), batches(), recipe, checkpoint=path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == written


def test_a_checkpoint_knows_the_fields_of_an_epoch():
    assert get_type_hints(Epoch) == checkpoint._EPOCH
    assert torch.amp.GradScaler("cpu").state_dict().keys() == checkpoint._SCALER.keys()
