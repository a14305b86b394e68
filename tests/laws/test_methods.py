"""What every registered method promises."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
import torch

import isospike as iso
from isospike.cli.fields import fields_of
from isospike.errors import OptionError, UnknownNameError
from isospike.methods import Method, methods
from isospike.registry import kebab_case
from isospike.scales import Learned, make_rule, rules
from networks import NETWORKS
from short_methods import METHODS, STREAMING, shortened

WRONG = {
    "v_init": (-0.01, 1.0, 2.0, math.nan, math.inf),
    "granularity": ("neuron", ""),
    "percentile": (0.0, -1.0, 100.1, math.nan),
    "bins": (0, -2, 1, 3, 1_000_002, 10**12),
    "iterations": (0, -1, 2.5),
    "learning_rate": (0.0, -1.0, math.nan, math.inf),
    "delay": (-1, 1.5),
    "bits": (0, -1, 17, 2.5, True),
    "levels": (0, -1, 2.5, True),
    "rounding": ("up", ""),
    **dict.fromkeys(("exact", "calibrate_bias"), (None, 1, "yes")),
}
"""Values outside the documented range, by field name."""
NAMES = {"pooling": "cumulative", "scale": "maximum"}
"""Options that name an entry of a registry."""
OPTIONS = [(name, field.name) for name, kind in methods.items() for field in dataclasses.fields(kind)]


@pytest.mark.parametrize("name", list(methods))
def test_an_instance_is_a_frozen_documented_configuration(name):
    kind = methods[name]
    assert issubclass(kind, Method)
    assert kind.name() == name == kebab_case(kind.__name__)
    assert kind.summary().endswith(".")
    assert kind.__dataclass_params__.frozen
    instance = kind()
    assert instance == kind()
    assert hash(instance) == hash(kind())
    for field in fields_of(kind):
        assert field.default is not dataclasses.MISSING, field.name
        assert field.default == getattr(instance, field.name)
        assert len(field.help) > 10, field.name
        assert field.help.endswith("."), field.name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(instance, field.name, field.default)


@pytest.mark.parametrize(("method", "option"), OPTIONS)
def test_options_out_of_range_are_refused(method, option):
    if option in NAMES:
        with pytest.raises(UnknownNameError, match=NAMES[option]):
            methods[method](**{option: NAMES[option][:-1]})
        return
    for value in WRONG[option]:
        with pytest.raises(OptionError, match=option) as caught:
            methods[method](**{option: value})
        assert method in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("method", "option"), OPTIONS)
def test_options_of_another_type_are_refused(method, option):
    for value in ([], {}, b"1", 1 + 2j, object(), torch.tensor(1)):
        with pytest.raises(OptionError, match=f"^{method}: {option} must be ") as caught:
            methods[method](**{option: value})
        assert "\n" not in str(caught.value)
    (default,) = (field.default for field in dataclasses.fields(methods[method]) if field.name == option)
    for value in (None, "a", True, 8, 0.25):
        kinds = (
            (int, float) if type(default) is float else (type(default), int) if default is None else (type(default),)
        )
        if type(value) not in kinds:
            with pytest.raises(OptionError, match=option):
                methods[method](**{option: value})


@pytest.mark.parametrize("rule", [iso.scales.MMSE, iso.scales.Percentile])
@pytest.mark.parametrize("bins", [0, -2, 3, 2.0, True, "8", None, 1_000_002])
def test_bins_out_of_range_are_refused_by_the_rules(rule, bins):
    known = {"levels": 3} if rule is iso.scales.MMSE else {}
    with pytest.raises(OptionError, match="bins must be an even number from 2 to 1,000,000"):
        rule("layer", bins=bins, **known)


@pytest.mark.parametrize("name", list(methods))
def test_papers_are_cited(name, converted):
    text = iso.cite(methods[name]())
    assert text.count("@") >= len(methods[name].papers) > 0
    for key in methods[name].papers:
        assert f"{{{key}," in text
    assert iso.cite(converted("module_relu", METHODS[name])) == text


@pytest.mark.parametrize("made", [torch.nn.ReLU(), iso.methods.Maximum, None])
def test_only_networks_and_methods_are_cited(made):
    with pytest.raises(OptionError, match=r"isospike\.convert"):
        iso.cite(made)


@pytest.mark.parametrize("name", list(methods))
def test_a_network_remembers_how_it_was_made(name, converted):
    made = converted("module_relu", METHODS[name]).provenance
    assert made.method == name
    assert methods[name](**json.loads(json.dumps(made.options))) == METHODS[name]


@pytest.mark.parametrize("granularity", ["layer", "channel"])
@pytest.mark.parametrize("network", ["module_relu", "batch_norms", "one_dimensional", "three_dimensional"])
@pytest.mark.parametrize("name", list(methods))
def test_granularity_is_the_shape_of_the_thresholds(name, network, granularity, converted):
    snn = converted(network, shortened(methods[name], granularity=granularity))
    for site in snn.sites:
        neuron, (op,) = snn.graph.get_submodule(site), (op for op in snn.graph.ops if op.name == site)
        wanted = () if granularity == "layer" else (op.shape[0], *(1,) * (len(op.shape) - 1))
        scales = [neuron.v_threshold, neuron.v_init] if name in STREAMING else [neuron.unit, neuron.amplitude]
        assert [scale.shape for scale in scales] == [wanted, wanted]
        assert (scales[0] > 0).all()
        assert torch.equal(scales[1], scales[0] * (0.5 if name in STREAMING else 1))


@pytest.mark.parametrize("name", list(methods))
def test_thresholds_stay_below_the_ceiling_of_the_activation(name, converted):
    snn = converted("ceilings", METHODS[name])
    for site, ceiling in (("six", 6), ("two", 0.5), ("clamp", 0.25)):
        neuron = snn.graph.get_submodule(site)
        # a unit is a rounded quotient: levels times it is above the bound by at most one rounding
        bound = neuron.v_threshold if name in STREAMING else neuron.unit * neuron.levels * (1 - 2**-52)
        assert (bound <= ceiling).all()


@pytest.mark.parametrize("name", list(methods))
def test_conversion_repeats_bit_by_bit(name, captured):
    made = [iso.convert(captured("reused_relu"), METHODS[name], data=[NETWORKS["reused_relu"].inputs(6)]) for _ in "ab"]
    first, second = (snn.state_dict() for snn in made)
    assert list(first) == list(second)
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_every_scale_rule_serves_a_method():
    named = {type(make_rule(name, granularity="layer", levels=3, phase=0.5)) for name in rules}
    assert named == {kind for _, kind in rules.items()}
    for method in ("bit-coded", "pascal", "radix", "qcfs"):
        for name in rules:
            rule = methods[method](scale=name).parts().scale
            assert isinstance(rule, Learned)
            assert (rule.otherwise is None) if name == "learned" else (type(rule.otherwise) is rules[name])


@pytest.mark.parametrize("kind", ["tensor", "pairs", "mapping", "generator"])
def test_forms_of_data_do_not_matter(kind, captured):
    x, graph = NETWORKS["module_relu"].inputs(6), captured("module_relu")
    labels = torch.zeros(3)
    data = {
        "tensor": x,
        "pairs": [(x[:3], labels), [x[3:], labels]],
        "mapping": [{"image": x[:3]}, {"image": x[3:]}],
        "generator": (part for part in (x[:3], x[3:])),
    }[kind]
    expected = iso.convert(graph, iso.methods.Maximum(), data=[x[3:], x[:3]])
    got = iso.convert(graph, iso.methods.Maximum(), data=data)
    assert torch.equal(got.graph.relu.v_threshold, expected.graph.relu.v_threshold)
