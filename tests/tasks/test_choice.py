"""Which task a network has, and one line for everything that is none."""

from __future__ import annotations

import pytest
import torch

import isospike as iso
from isospike.errors import DataError, IsospikeWarning, OptionError, TaskError, UnknownNameError
from isospike.tasks import Classification, Regression, choose_task, default_task, task_called, tasks
from networks import NETWORKS
from short_methods import METHODS

X = NETWORKS["module_relu"].inputs(4)


@pytest.mark.parametrize(
    ("shapes", "task"),
    [
        ([(10,)], Classification()),
        ([(2,)], Classification()),
        ([(1,)], Regression()),
        ([()], Regression()),
        ([(3, 8, 8)], Regression()),
        ([(10,), (10,)], Regression()),
    ],
)
def test_outputs_say_which_task_it_is(shapes, task):
    assert default_task(shapes) == task


def test_real_targets_of_the_same_shape_are_values():
    assert choose_task(None, [(4,)], targets=torch.rand(3, 4)) == Regression()
    assert choose_task(None, [(4,)], targets=torch.tensor([0, 1, 2])) == Classification()
    assert choose_task(None, [(1,)], targets=torch.tensor([0, 2, 1])) == Regression()
    assert choose_task("classification", [(4,)], targets=torch.rand(3, 4)) == Classification()
    psnr = Regression(measure="psnr")
    assert choose_task(None, [(1, 8, 8)], stored=psnr) == psnr
    assert choose_task("regression", [(1, 8, 8)], stored=psnr) == Regression()
    assert choose_task(None, [(4,)], stored=Classification(), targets=torch.rand(3, 4)) == Classification()


@pytest.mark.parametrize("shape", [(), (1,)])
@pytest.mark.parametrize("kind", [torch.int64, torch.uint8, torch.bool])
def test_one_output_with_two_classes_says_how_to_classify(shape, kind, recwarn):
    targets = torch.tensor([0, 1, 1]).to(kind)
    with pytest.warns(IsospikeWarning, match="say task='classification' if the output is a logit"):
        assert choose_task(None, [shape], targets=targets) == Regression()
    assert choose_task("classification", [shape], targets=targets) == Classification()
    assert choose_task(None, [shape], targets=targets.float()) == Regression()
    assert not recwarn.list


def test_a_name_may_have_options():
    assert task_called("regression:measure=psnr,peak=255") == Regression(measure="psnr", peak=255.0)
    assert [task_called(name).name() for name in tasks] == list(tasks)


WRONG_TASKS = {
    "none": (UnknownNameError, "unknown task 'clasification'; did you mean classification", "clasification"),
    "type": (TaskError, "the task is an int; give a name such as", 3),
    "option": (OptionError, "classification has no option 'peak'; it has measure", "classification:peak=2"),
    "measure": (OptionError, r"regression: measure must be relative_error or .*, got 'x'", "regression:measure=x"),
    "peak": (OptionError, "regression: peak must be a finite number above 0, got -1.0", "regression:peak=-1"),
    "images": (TaskError, r"for measure=psnr; the network puts out \[B, 5\]: choose", "regression:measure=psnr"),
}


@pytest.mark.parametrize("name", WRONG_TASKS)
def test_what_is_no_task_of_the_network_is_one_line(name, converted):
    kind, message, task = WRONG_TASKS[name]
    snn, method = converted("module_relu", METHODS["maximum"]), METHODS["maximum"]
    model = NETWORKS["module_relu"].build()
    calls = (
        lambda: iso.evaluate(snn, [X], steps=2, task=task),
        lambda: iso.convert(model, method, data=[X], task=task),
        lambda: iso.verify(model, snn, [X], steps=2, task=task),
        lambda: iso.diagnose(model, snn, [X], steps=2, task=task),
        lambda: iso.compare(model, [X], [X + 1], methods=["maximum"], steps=[2], task=task),
        lambda: iso.auto(model, [X], [X + 1], methods=["maximum"], steps=[2], task=task),
    )
    for call in calls:
        with pytest.raises(kind, match=message) as caught:
            call()
        assert "\n" not in str(caught.value)


WRONG_TARGETS = {
    "a list": ([0, 1, 2, 3], "the targets are a list; regression takes tensors"),
    "too few": (torch.zeros(3, 5), "a batch has 4 samples and 3 targets; each sample needs one"),
    "labels": (torch.tensor([0, 1, 2, 3]), r"targets have the shape \[4\], the network's output is \[B, 5\]; give"),
    "transposed": (torch.zeros(4, 6), r"targets have the shape \[4, 6\], the network's output is \[B, 5\]"),
    "truth values": (torch.zeros(4, 5).bool(), r"targets are torch.bool; regression takes real numbers"),
    "complex": (torch.zeros(4, 5, dtype=torch.complex64), "targets are torch.complex64"),
    "NaN": (torch.full((4, 5), float("nan")), "the targets contain NaN or infinity"),
    "a number": (torch.tensor(3.0), "a batch has 4 samples and 1 target"),
}


@pytest.mark.parametrize("name", WRONG_TARGETS)
def test_targets_that_are_no_values_are_one_line(name, converted):
    targets, message = WRONG_TARGETS[name]
    with pytest.raises(DataError, match=message) as caught:
        iso.evaluate(converted("module_relu", METHODS["maximum"]), [(X, targets)], steps=2, task="regression")
    assert "\n" not in str(caught.value)


def test_values_for_a_classifier_say_what_they_are_for(converted):
    snn = converted("module_relu", METHODS["maximum"])
    with pytest.raises(DataError, match=r"values \[B, 5\] are for task='regression'"):
        iso.evaluate(snn, [(X, torch.rand(4, 5))], steps=2, task="classification")
    assert iso.evaluate(snn, [(X, torch.rand(4, 5))], steps=2, task="regression").task == Regression()


@pytest.mark.parametrize("told", [None, "classification"])
@pytest.mark.parametrize("targets", [torch.eye(5)[:4], torch.eye(5)[:4].double(), torch.eye(5)[:4].long()])
def test_one_hot_targets_do_not_change_what_a_network_was_converted_for(told, targets, captured):
    graph = captured("module_relu")
    snn = iso.convert(graph, METHODS["maximum"], data=[X], task=told)
    calls = (
        lambda: iso.evaluate(snn, [(X, targets)], steps=2),
        lambda: iso.diagnose(graph, snn, [(X, targets)], steps=2),
        lambda: iso.compare(graph, [X], [(X, targets)], methods=["maximum"], steps=[2], task="classification"),
    )
    for call in calls:
        with pytest.raises(DataError, match=r"argmax\(1\) makes labels of one-hot rows") as caught:
            call()
        assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match=r"squeeze\(1\) makes labels \[B\] of \[B, 1\]"):
        iso.evaluate(snn, [(X, torch.tensor([[0], [1], [2], [3]]))], steps=2)


def test_the_network_and_its_file_keep_the_task(tmp_path):
    case = NETWORKS["module_relu"]
    task = Regression(measure="r2", peak=2.0)
    for method in ("maximum", "bit-coded", "opt"):
        snn = iso.convert(case.build(), METHODS[method], data=[X], task=task)
        snn.save(tmp_path / "net.snn")
        assert iso.load(tmp_path / "net.snn").task == snn.task == task
        assert iso.convert(case.build(), METHODS[method], data=[X]).task == Classification()
        assert iso.convert(case.build(), METHODS[method], data=[(X, torch.rand(4, 5))]).task == Regression()
    (steps, *_) = snn.calibrated
    assert snn.at(steps).task == task
    assert snn.with_task(Classification()).at(steps).task == Classification()
    assert snn.task == task


def test_the_tail_of_a_task_may_stay_analogue():
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 3), torch.nn.Softmax(1)).eval()
    x = torch.rand(8, 3)
    snn = iso.convert(net, iso.methods.BitCoded(bits=8), data=[x])
    assert snn.islands == ("3",)
    assert torch.allclose(snn(x), net(x), atol=0.02)  # eight bits
    with pytest.raises(iso.errors.ConversionError, match="1 analogue op: 3"):
        iso.convert(net, iso.methods.BitCoded(), data=[x], task="regression")
    inside = torch.nn.Sequential(torch.nn.Softmax(1), *net).eval()
    with pytest.raises(iso.errors.ConversionError, match="1 analogue op: 0"):
        iso.convert(inside, iso.methods.BitCoded(), data=[x])
