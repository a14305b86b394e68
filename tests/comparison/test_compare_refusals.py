"""What cannot be compared is one line of a typed error."""

from __future__ import annotations

import pytest
import torch
from digit_data import calibration, reported_images

import isospike as iso
from isospike.errors import DataError, EnergyModelError, IsospikeError, OptionError, TaskError, UnknownNameError
from isospike.methods import methods
from networks import NETWORKS


class Shuffled:
    """Other images every time."""

    def __init__(self) -> None:
        self.opened = 0

    def __iter__(self):
        self.opened += 1
        return iter(reported_images()[:: 1 if self.opened == 1 else -1])


WRONG = {
    "shuffled": (DataError, "batch 1 of the test data is another one when it is read again", {"test": Shuffled()}),
    "one-shot": (DataError, "every method reads them anew", {"test": iter(reported_images())}),
    "no image": (DataError, "hold no sample", {"test": []}),
    "some labels": (
        DataError,
        "only some batches have targets",
        {"test": [*reported_images(), torch.rand(2, 1, 8, 8)]},
    ),
    "no steps": (OptionError, "steps must be whole numbers", {"steps": []}),
    "zero steps": (OptionError, "steps must be whole numbers", {"steps": [0, 4]}),
    "no method": (OptionError, "no method to compare", {"methods": []}),
    "all and more": (OptionError, "'all' stands for every method and cannot be lis", {"methods": ["all", "burst"]}),
    "unknown method": (UnknownNameError, "unknown method 'maximun'; did you mean maximum", {"methods": ["maximun"]}),
    "twice": (OptionError, "two methods are called maximum", {"methods": ["maximum", methods["maximum"]()]}),
    "a method alone": (OptionError, "methods are a Maximum", {"methods": methods["maximum"]()}),
    "a class": (OptionError, "a method is", {"methods": {"m": methods["maximum"]}}),
    "option of none": (OptionError, "options for burst, which no row", {"options": {"burst": {"largest": 2}}}),
    "no such option": (OptionError, "maximum has no such option", {"options": {"maximum": {"bits": 2}}}),
    "steps of a calibrated method": (
        OptionError,
        "opt: steps are no option here, it is calibrated for those that are compared",
        {"methods": ["opt"], "options": {"opt": {"steps": (8,)}}},
    ),
    "wrong option": (
        OptionError,
        "v_init must be a number from 0 to below 1, got 2.0",
        {"options": {"maximum": {"v_init": 2.0}}},
    ),
    "energy model": (UnknownNameError, "unknown energy model '45nm'", {"energy_model": "45nm"}),
    "name of another energy model": (
        EnergyModelError,
        "the energy model is called loihi, as one that isospike brings; give it another name",
        {"energy_model": iso.costs.EnergyModel("loihi", "measured", mac_pj=3.0, ac_pj=1.0, bits=8)},
    ),
    "no images to account": (OptionError, "account_images must be a whole number of at least 1", {"account_images": 0}),
    "fewer images": (OptionError, "account_images must be a whole number of at least 1", {"account_images": -3}),
    "half an image": (OptionError, "account_images must be a whole number of at least 1", {"account_images": 1.5}),
    "keep": (OptionError, "keep is an int; give the path of a folder", {"keep": 5}),
    "workers": (OptionError, "workers must be a whole number of at least 1", {"workers": 0}),
    "other shape": (IsospikeError, r"a test batch has samples of shape \[3\]", {"test": [torch.zeros(2, 3)]}),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_line(name, graph):
    kind, message, changed = WRONG[name]
    given = {"calibration": calibration(), "test": reported_images(), "methods": ["maximum"], "steps": [2], **changed}
    with pytest.raises(kind, match=message) as caught:
        iso.compare(graph, given.pop("calibration"), given.pop("test"), **given)
    assert "\n" not in str(caught.value)


def test_a_task_must_fit_the_outputs(captured):
    x = NETWORKS["tuple_output"].inputs(2)
    with pytest.raises(TaskError, match="'classification' takes one output"):
        iso.compare(captured("tuple_output"), [x], [x], methods=["maximum"], steps=[2], task="classification")
