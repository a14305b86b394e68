"""What every registered method promises."""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from typing import Any

import pytest
import torch

import isospike as iso
from isospike.calibrate.batches import Batches
from isospike.calibrate.collect import collect_scales
from isospike.errors import CalibrationError, OptionError, UnknownNameError
from isospike.measure.deviation import with_sites
from isospike.methods import Method, methods
from isospike.neurons import streaming as neurons
from isospike.options import options_of as fields_of
from isospike.registry import kebab_case
from isospike.scales import LearnedRule, make_rule, rules
from networks import NETWORKS
from short_methods import CALIBRATED, EMITTING, HORIZONS, METHODS, STREAMING, chosen, shortened

WHOLE_NUMBER = (0, -1, 2.5, True)
WRONG = {
    "v_init": (-0.01, 1.0, 2.0, math.nan, math.inf),
    "granularity": ("pixel", ""),
    "digits": ("decimal", ""),
    "percentile": (0.0, -1.0, 100.1, math.nan),
    "bins": (0, -2, 1, 3, 1_000_002, 10**12),
    "iterations": WHOLE_NUMBER,
    "learning_rate": (0.0, -1.0, math.nan, math.inf),
    "delay": (-1, 1.5, "later"),
    "bits": (17, *WHOLE_NUMBER),
    "rounding": ("up", ""),
    "steps": ((), (0,), (4, 2), (4, 4), (2.5,), ("4",), 4, [0]),
    "largest": (2**16 + 1, *WHOLE_NUMBER),
    "optimiser": ("rmsprop", ""),
    "order": ("neither-first", ""),
    "spikes": ("graded", ""),
    "tail": (0.0, -1.0, math.nan, math.inf),
    "factor": (0.0, -0.5, 1.01, math.nan, math.inf),
    "reset": ("none", ""),
    **dict.fromkeys(("levels", "refine_images", "refine_batch", "probe", "calibration_steps"), WHOLE_NUMBER),
    **dict.fromkeys(("exact", "calibrate_bias", "average_pool_neurons", "powers_of_two"), (None, 1, "yes")),
}
"""Values outside the documented range, by field name."""
ZERO_IS_NONE = {("calibration-advanced", "iterations")}
"""Where zero leaves a part of the method out."""
NAMES = {"pooling": "cumulative", "scale": "maximum", "neuron": "buffered"}
"""Options that name an entry of a registry."""
OPTIONS = [(name, field.name) for name, kind in methods.items() for field in dataclasses.fields(kind)]


def hint_of(method: str, option: str) -> Any:
    """The type of an option."""
    return typing.get_type_hints(methods[method])[option]


def plain_types(hint: Any) -> set[type]:
    """Types that values of an option may have; a whole number is a number, and JSON has lists for tuples."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return {kind for part in typing.get_args(hint) for kind in plain_types(part)}
    if typing.get_origin(hint) is typing.Literal:
        return {str}
    if typing.get_origin(hint) is tuple:
        return {tuple, list}
    return {int, float} if hint is float else {hint}


def granularities(method: str) -> tuple[str, ...]:
    """What one threshold of a method may be of."""
    return typing.get_args(hint_of(method, "granularity"))


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
        if value == 0 and (method, option) in ZERO_IS_NONE:
            continue
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
    for value in (None, "a", True, 8, 0.25, (8,)):
        if type(value) not in plain_types(hint_of(method, option)):
            with pytest.raises(OptionError, match=option):
                methods[method](**{option: value})


@pytest.mark.parametrize("name", list(methods))
def test_thresholds_of_single_neurons_are_an_option_where_a_running_maximum_can_be_kept(name):
    assert {"layer", "channel"} <= set(granularities(name)) <= {"layer", "channel", "neuron"}
    if "neuron" in granularities(name):
        assert methods[name](granularity="neuron").parts().scale.granularity == "neuron"
    else:
        with pytest.raises(OptionError, match=f"^{name}: granularity must be .*, got 'neuron'"):
            methods[name](granularity="neuron")


@pytest.mark.parametrize("rule", [iso.scales.MMSERule, iso.scales.PercentileRule])
@pytest.mark.parametrize("bins", [0, -2, 3, 2.0, True, "8", None, 1_000_002])
def test_bins_out_of_range_are_refused_by_the_rules(rule, bins):
    known = {"levels": 3} if rule is iso.scales.MMSERule else {}
    with pytest.raises(OptionError, match="bins must be an even number from 2 to 1,000,000"):
        rule("layer", bins=bins, **known)


@pytest.mark.parametrize("name", list(methods))
def test_papers_are_cited(name, converted):
    text = iso.cite(METHODS[name])
    assert text.count("@") >= len(methods[name].papers) > 0
    for key in methods[name].papers:
        assert f"{{{key}," in text
    assert iso.cite(converted("module_relu", METHODS[name])) == text


CITED = {
    "li2022efficient": iso.methods.CalibrationLight(neuron="burst"),
    "wang2022signed": iso.methods.CalibrationLight(neuron="signed-memory"),
    "conversionframework": iso.methods.FTBC(neuron="graded"),
    "bu2025inference": iso.methods.Maximum(delay="measured"),
    "rueckauer2017conversion": iso.methods.OPI(pooling="winner"),
    "li2021free": iso.methods.Opt(average_pool_neurons=True),
    "bu2022optimized": iso.methods.Percentile(v_init=0.5),
}


@pytest.mark.parametrize("paper", CITED)
def test_chosen_parts_are_cited_too(paper):
    assert f"{{{paper}," in iso.cite(CITED[paper])
    assert f"{{{paper}," not in iso.cite(type(CITED[paper])())


@pytest.mark.parametrize("made", [torch.nn.ReLU(), iso.methods.Maximum, None])
def test_only_networks_and_methods_are_cited(made):
    with pytest.raises(OptionError, match=r"isospike\.convert"):
        iso.cite(made)


@pytest.mark.parametrize("name", list(methods))
def test_a_network_remembers_how_it_was_made(name, converted):
    """Options go through JSON, which has lists for tuples, and give the same method."""
    made = converted("module_relu", METHODS[name]).provenance
    assert made.method == name
    assert methods[name](**json.loads(json.dumps(made.options))) == METHODS[name]


def start_of(method: Method, neuron: torch.nn.Module) -> float:
    """The initial potential, in thresholds."""
    if getattr(neuron, "rounds_itself", False):
        return 0.0
    return 0.5 if method.v_init is None or neuron.is_signed else method.v_init


@pytest.mark.parametrize("network", ["module_relu", "batch_norms", "one_dimensional", "three_dimensional"])
@pytest.mark.parametrize(("name", "granularity"), [(name, kind) for name in methods for kind in granularities(name)])
def test_granularity_is_the_shape_of_the_thresholds(name, granularity, network, converted):
    method = shortened(methods[name], granularity=granularity)
    snn = converted(network, method)
    for site in snn.sites:
        neuron, (op,) = snn.graph.get_submodule(site), (op for op in snn.graph.ops if op.name == site)
        channel = (op.shape[0], *(1,) * (len(op.shape) - 1))
        wanted = {"layer": (), "channel": channel, "neuron": op.shape}[granularity]
        scales = [neuron.v_threshold, neuron.v_init] if name in STREAMING else [neuron.unit, neuron.amplitude]
        assert [scale.shape for scale in scales] == [wanted, wanted]
        assert (scales[0] > 0).all()
        assert torch.equal(scales[1], scales[0] * (1 if name in EMITTING else start_of(method, neuron)))
        for steps in snn.times.calibrated:
            assert snn.at(steps).graph.get_submodule(site).v_threshold.shape == wanted


AT_CEILINGS = {
    **METHODS,
    **{f"buffered of {largest}": iso.methods.Buffered(largest=largest) for largest in (2, 4)},
    "graded of three": iso.methods.Buffered(largest=3, powers_of_two=False),
    **{
        f"opt with {neuron}": shortened(iso.methods.Opt, neuron=neuron, largest=4)
        for neuron in ("buffered", "burst", "graded")
    },
}


@pytest.mark.parametrize("name", AT_CEILINGS)
def test_outputs_stay_below_the_ceiling_of_the_activation(name, converted):
    """Whatever comes: the ceiling is the most that the neurons can put out in a run."""
    snn = chosen(converted("ceilings", AT_CEILINGS[name]), HORIZONS[-1])
    x = 100 * NETWORKS["ceilings"].inputs(3)
    sites = snn.with_graph(with_sites(snn.graph))
    _, means = sites(x, steps=snn.times.steps or HORIZONS[-1])
    for mean, ceiling in zip(means, (6, 0.5, 0.25), strict=True):
        # a unit is a rounded quotient and a mean a sum of at most 32 rounded products
        assert 0 < mean.max() <= ceiling * (1 + 2**-45)


@pytest.mark.parametrize("name", list(methods))
def test_conversion_repeats_bit_by_bit(name, captured):
    made = [iso.convert(captured("reused_relu"), METHODS[name], data=[NETWORKS["reused_relu"].inputs(6)]) for _ in "ab"]
    first, second = (snn.state_dict() for snn in made)
    assert list(first) == list(second)
    assert all(torch.equal(first[key], second[key]) for key in first)


SCALED = [name for name, option in OPTIONS if option == "scale"]


@pytest.mark.parametrize("name", SCALED)
def test_every_scale_rule_serves_a_method_that_lets_choose(name):
    named = {type(make_rule(rule, granularity="layer", levels=3, phase=0.5)) for rule in rules}
    assert named == {kind for _, kind in rules.items()}
    for rule in rules:
        scale = methods[name](scale=rule).parts().scale
        assert isinstance(scale, LearnedRule)
        assert (scale.otherwise is None) if rule == "learned" else (type(scale.otherwise) is rules[rule])


@pytest.mark.parametrize("rule", [rule for rule in rules if rule not in ("learned", "batch-norm")])
def test_a_chosen_rule_finds_what_it_finds_alone(rule, captured):
    graph, x = captured("reused_relu"), NETWORKS["reused_relu"].inputs(6)
    neurons = iso.convert(graph, iso.methods.OPI(scale=rule), data=[x]).graph
    alone = make_rule(rule, granularity="layer", levels=8, phase=0.5)
    for site, theta in collect_scales(iso.fold_batch_norm(graph), alone, Batches([x])).items():
        assert torch.equal(neurons.get_submodule(site).v_threshold, theta)


@pytest.mark.parametrize("name", [name for name in SCALED if methods[name]().scale == "learned"])
def test_methods_for_trained_bounds_ask_for_them(name, captured):
    with pytest.raises(CalibrationError, match=r"site 'relu' has no learned bound; .* or choose a rule") as caught:
        iso.convert(captured("module_relu"), methods[name](), data=[NETWORKS["module_relu"].inputs(2)])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", CALIBRATED)
def test_neurons_and_sizes_that_do_not_go_together(name):
    for neuron, kind in neurons.items():
        if kind.default_largest is None:
            with pytest.raises(OptionError, match=f"^{name}: largest must be 1, for these neurons .*got 2$"):
                methods[name](neuron=neuron, largest=2)
        else:
            assert methods[name](neuron=neuron, largest=2).parts().neurons.largest == 2


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
