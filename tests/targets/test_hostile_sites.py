"""Files of signed sites, products, two-sided sites, tables and texts, each changed on purpose: refused at the gate."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import isospike as iso
from fuzz.bases import NAMED, TEXTS
from fuzz.mutations import File
from isospike.errors import ArtefactError, SimulationError
from isospike.targets.artefact import saving

Change = Callable[[File], object]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Callable[[str], File]:
    """The file of a network by name, made once."""
    path, made = tmp_path_factory.mktemp("hostile") / "net.snn", dict[str, File]()

    def stored(name: str) -> File:
        if name not in made:
            NAMED[name]().save(path)
            made[name] = File(*saving._read(path))
        return made[name].copy()

    return stored


def refused(file: File, path: Path, match: str) -> None:
    path.write_bytes(file.raw())
    with pytest.raises(ArtefactError, match=match) as caught:
        iso.load(path)
    assert "\n" not in str(caught.value)


def nodes(file: File, **info: str) -> Iterator[dict[str, Any]]:
    """Those whose description says so."""
    for node in file.header["nodes"]:
        if node["info"] and all(node["info"].get(key) == value for key, value in info.items()):
            yield node


def node(file: File, **info: str) -> dict[str, Any]:
    return next(nodes(file, **info))


def operands(file: File, *change: Any) -> None:
    node(file, role="product")["args"]["tuple"] = list(change)


def called(target: str, role: str) -> Change:
    """The first product calls another op."""

    def change(file: File) -> None:
        product = node(file, role="product")
        product["target"] = target
        product["info"] |= {"kind": target.split(".")[1], "role": role}

    return change


def first_two(file: File) -> list[Any]:
    found: list[Any] = node(file, role="product")["args"]["tuple"][:2]
    return found


def said(**info: Any) -> Change:
    """Of the first product."""
    return lambda file: node(file, role="product")["info"].update(info)


PRODUCTS: dict[str, tuple[str, Change, str]] = {
    "a product that is linear": ("products", said(role="linear"), "what stands there is analogue"),
    "a product that is an input": ("products", said(role="input"), "what stands there is analogue"),
    "a product that is a site": ("products", said(role="activation"), "what stands there is analogue"),
    "a product of one value": (
        "products",
        lambda file: operands(file, first_two(file)[0], first_two(file)[0]),
        "has the role product; what stands there is analogue",
    ),
    "a product with a number": (
        "products",
        lambda file: operands(file, first_two(file)[0], 2.0),
        "has the role product; what stands there is linear",
    ),
    "a product of three": ("products", lambda file: operands(file, *first_two(file), first_two(file)[0]), "takes 2"),
    "a product of lists": ("products", lambda file: operands(file, first_two(file), 1.0), "self must be Tensor"),
    "a sum": ("products", called("aten.add.Tensor", "product"), "what stands there is linear"),
    "a quotient": ("products", called("aten.div.Tensor", "product"), "what stands there is analogue"),
    "a maximum": ("products", called("aten.maximum.default", "product"), "what stands there is analogue"),
    "a product over the batch": (
        "attention",
        lambda file: node(file, role="product").update(
            target="aten.einsum.default", args={"tuple": ["abcd,ebcd->abcd", first_two(file)]}
        ),
        "what stands there",
    ),
    "a linear layer that is a product": (
        "products",
        lambda file: node(file, kind="linear")["info"].update(role="product"),
        "what stands there is linear",
    ),
    "a site that is none": (
        "products",
        lambda file: node(file, kind="signed_site")["info"].update(role="linear"),
        "what stands there is activation",
    ),
    "a view": (
        "attention",
        lambda file: node(file, kind="view").update(target="aten.view.default"),
        "reshape by aten.reshape.default alone",
    ),
}


def standing_for(kind: str, **options: Any) -> Change:
    """The first neurons with an activation of their own stand for another one."""

    def change(file: File) -> None:
        modules = file.header["modules"].values()
        module = next(module for module in modules if "activation" in module["options"])
        module["options"]["activation"] = {"kind": kind, "options": options}

    return change


def own(value: Any) -> Change:
    def change(file: File) -> None:
        modules = file.header["modules"].values()
        next(module for module in modules if "activation" in module["options"])["options"]["own"] = value

    return change


def slope(change: Callable[[torch.Tensor], torch.Tensor]) -> Change:
    def apply(file: File) -> None:
        name = next(name for name in file.tensors if name.endswith("activation.slope"))
        file.tensors[name] = change(file.tensors[name])

    return apply


def offset(said: Any, tensor: torch.Tensor | None) -> Change:
    """Of the first emitting neurons: what the file says of it, and what it holds."""

    def apply(file: File) -> None:
        name, module = next((n, m) for n, m in file.header["modules"].items() if "levels" in m["options"])
        module["options"]["offset"] = said
        file.tensors.pop(f"{name}.offset", None)
        file.tensors |= {} if tensor is None else {f"{name}.offset": tensor}

    return apply


ACTIVATIONS: dict[str, tuple[str, Change, str]] = {
    "a slope that is text": ("two-sided", standing_for("Leaky", slope="1"), "Expected `float`, got `str`"),
    "a slope that is a truth value": ("two-sided", standing_for("Leaky", slope=True), "Expected `float`, got `bool`"),
    "no slope": ("two-sided", standing_for("Leaky"), "missing required field `slope`"),
    "more than a slope": ("two-sided", standing_for("Leaky", slope=0.1, code="x"), "unknown field `code`"),
    "no bound": ("two-sided", standing_for("Bounded", low=None, high=None), "cannot be computed"),
    "a lower bound above zero": ("two-sided", standing_for("Bounded", low=1, high=2), "< -0.0"),
    "an upper bound below zero": ("two-sided", standing_for("Bounded", low=-2, high=-1), ">= 0"),
    "a negative dead zone": ("two-sided", standing_for("SoftShrink", edge=-1), ">= 0"),
    "a layer in the place of an activation": (
        "two-sided",
        standing_for("Linear", in_features=1, out_features=1, bias=True),
        "it stands for an activation of kind Linear",
    ),
    "neurons in the place of an activation": (
        "products",
        standing_for("BitCoded", levels=3, activation={"kind": "ReLU", "options": {}}),
        "it stands for an activation of kind BitCoded",
    ),
    "a table from code to code that streams": (
        "streaming",
        standing_for("Bounded", low=-4.0, high=None),
        "cannot stand for an activation of kind Bounded",
    ),
    "a leaky function that streams": (
        "streaming",
        standing_for("Leaky", slope=0.1),
        "cannot stand for an activation of kind Leaky",
    ),
    "signed values of neurons without sign": (
        "streaming",
        lambda file: [
            module.update(kind="SignedMemory")
            for module in file.header["modules"].values()
            if module["kind"] == "IntegrateAndFire"
        ],
        "cannot stand for an activation of kind SignedSite",
    ),
    "slopes of another layer": ("two-sided", slope(lambda a: torch.rand(2, 1, 1).double()), "its input"),
    "slopes of every place": ("two-sided", slope(lambda a: torch.rand(3, 4, 4).double()), "cannot be computed"),
    "slopes that are no numbers": ("two-sided", slope(lambda a: a * float("nan")), "no numbers or infinite"),
    "infinite slopes": ("two-sided", slope(lambda a: a / 0), "no numbers or infinite"),
    "slopes of whole numbers": ("two-sided", slope(lambda a: a.long()), "a module has real numbers"),
    "an offset that is a number": ("digits", offset(0.5, None), "Invalid enum value|Expected"),
    "an offset that is not there": ("digits", offset(True, None), "the tensors do not match the graph"),
    "an offset that nobody told of": ("digits", offset(None, torch.zeros(()).double()), "do not match the graph"),
    "an offset of another shape": ("digits", offset(True, torch.zeros(7, 1, 3).double()), "offset has the shape"),
    "an offset of whole numbers": ("digits", offset(True, torch.zeros(()).long()), "a module has real numbers"),
    "an infinite offset": ("digits", offset(True, torch.full((), torch.inf).double()), "no numbers or infinite"),
    "options of its own": ("digits", own({"code": "x"}), r"has the options \['code'\], the class declares \[\]"),
    "options of its own that are a list": ("digits", own([1]), "Expected `object | null`, got `array`"),
    "neurons of nobody": (
        "digits",
        lambda file: next(iter(file.header["modules"].values())).update(kind="DigitsNeuron"),
        "unknown kind 'DigitsNeuron'",
    ),
    "a constant beyond all memory": (
        "texts",
        lambda file: next(iter(file.header["modules"].values())).update(
            kind="BatchConstant", options={"shape": [2**31 - 1] * 8, "rows": 1}
        ),
        "a BatchConstant has wrong options: Storage size calculation overflowed",
    ),
}


def provenance(**values: Any) -> Change:
    return lambda file: file.header["provenance"].update(values)


PROVENANCE: dict[str, tuple[Change, str]] = {
    "one share": (provenance(driven={"rectifiers": 0.1}), "what spikes drive of rectifiers alone"),
    "shares of nobody": (provenance(driven={"rectifiers": 0.1, "\x1b[31m": 0.5}), "Invalid enum value"),
    "a share above one": (provenance(driven={"rectifiers": 0.1, "products": 2.0}), "<= 1"),
    "a share that is a truth value": (provenance(driven={"rectifiers": True, "products": 1.0}), "got `bool`"),
    "sites that nobody places": (provenance(sites="auto"), "Invalid enum value 'auto'"),
    "silent sites that it lacks": (provenance(silent={"nobody": 3}), r"sites that it lacks: \['nobody'\]"),
    "no silent threshold": (provenance(silent={"nobody": 0}), ">= 1"),
    "tables at sites that it lacks": (provenance(tables={"gelu": {"nobody": 3}}), r"sites that it lacks: \['nobody'\]"),
    "tables of functions that have none": (provenance(tables={"exec": {}}), "matching regex"),
    "a table without entries": (provenance(tables={"gelu": {"gelu_table": 0}}), ">= 1"),
    "a table that is a list": (provenance(tables={"gelu": ["gelu_table"]}), "Expected `object`"),
}


def numbers(kind: str, place: int) -> Change:
    return lambda file: [*nodes(file, role="input", kind="input")][place]["info"].update(numbers=kind)


def lookup(**values: Any) -> Change:
    return lambda file: node(file, kind="embedding").update(values)


def with_options(**values: Any) -> Change:
    def change(file: File) -> None:
        found = node(file, kind="embedding")
        found["args"]["tuple"] = found["args"]["tuple"][:2]
        found["kwargs"] = {"dict": [[key, value] for key, value in values.items()]}

    return change


def table(change: Callable[[torch.Tensor], torch.Tensor]) -> Change:
    def apply(file: File) -> None:
        name = node(file, kind="embedding")["args"]["tuple"][0]["node"]
        target = next(found["target"] for found in file.header["nodes"] if found["name"] == name)
        file.tensors[target] = change(file.tensors[target])

    return apply


def another_input(**info: Any) -> Change:
    """One more input behind the first."""

    def change(file: File) -> None:
        first = copy.deepcopy(file.header["nodes"][0])
        first |= {"name": "more", "target": "more"}
        first["info"] |= {"name": "more", **info}
        file.header["nodes"].insert(1, first)

    return change


TOKENS: dict[str, tuple[Change, str]] = {
    "tokens that are real": (numbers("real", 0), "what stands there is unsupported"),
    "tokens that are truth values": (numbers("bool", 0), "cannot be computed"),
    "a mask of another format": (numbers("int32", 1), "is of type torch.int32"),
    "numbers that no input has": (numbers("int16", 0), "Invalid enum value 'int16'"),
    "a layer of whole numbers": (
        lambda file: node(file, kind="linear")["info"].update(numbers="int64"),
        "puts out int64, and is no part of the input",
    ),
    "two inputs of one name": (another_input(name="input_ids"), "its inputs have no names of their own"),
    "an input that is a constant": (another_input(role="linear"), "or another role"),
    "an input beyond all memory": (another_input(shape=[2**31 - 1] * 8), "cannot be computed"),
    "an input of rows": (another_input(rows=2), "does not keep the samples of a batch apart"),
    "an input in the middle": (
        lambda file: file.header["nodes"].insert(9, file.header["nodes"].pop(0)),
        "which does not come before|does not lead from inputs to one output",
    ),
    "a table of its tokens": (
        lambda file: node(file, kind="embedding")["args"]["tuple"].reverse(),
        "looks up what is no constant",
    ),
    "padding behind the table": (with_options(padding_idx=20), "padding lies outside the table"),
    "padding before the table": (with_options(padding_idx=-2), "padding lies outside the table"),
    "padding that is a truth value": (with_options(padding_idx=True), "padding_idx must be int"),
    "gradients that are scaled": (with_options(scale_grad_by_freq=True), "arguments of training"),
    "gradients that are sparse": (with_options(sparse=True), "arguments of training"),
    "a sum of rows": (lookup(target="aten.embedding_bag.default"), "not in the table of ops"),
    "a table that is normed in place": (lookup(target="aten.embedding_renorm.default"), "not in the table of ops"),
    "a table that is cut": (table(lambda rows: rows[:1]), "the file says"),
    "a table without an axis": (table(torch.flatten), "the file says"),
    "a table of whole numbers": (table(lambda rows: rows.long()), "is of type torch.int64"),
    "a table that holds no numbers": (table(lambda rows: rows * float("nan")), "values that are no numbers"),
}


ATTACKS = [
    *(pytest.param(*one, id=name) for name, one in {**PRODUCTS, **ACTIVATIONS}.items()),
    *(pytest.param("tables", *one, id=name) for name, one in PROVENANCE.items()),
    *(pytest.param("texts", *one, id=name) for name, one in TOKENS.items()),
]


@pytest.mark.parametrize(("network", "change", "match"), ATTACKS)
def test_what_a_conversion_does_not_write_is_refused(network, change, match, files, tmp_path):
    """Products, neurons, provenance and tokens are what they say."""
    file = files(network)
    change(file)
    refused(file, tmp_path / "net.snn", match)


@pytest.mark.parametrize("kind", ["int32", "int64", "bool"])
def test_no_layer_reads_tokens(kind, files, tmp_path):
    """torch's shape function of a linear layer lets whole numbers pass; its kernel does not."""
    file = files("products")
    file.header["nodes"][0]["info"]["numbers"] = kind
    refused(file, tmp_path / "net.snn", "reads tokens or masks, which are no real numbers")


@pytest.mark.parametrize("executor", ["collapsed", "stepped"])
@pytest.mark.parametrize(("value", "places"), [(5, "0 to 30|5 to 30"), (-5, "-30 to -5")])
def test_places_that_a_mask_leads_to_lie_in_their_table(value, places, executor, files, tmp_path):
    (tmp_path / "net.snn").write_bytes(files("texts").raw())
    mask = torch.full_like(TEXTS["attention_mask"], value)
    with pytest.raises(SimulationError, match=rf"({places}) of places, which has 7 rows; give masks of zeros and ones"):
        iso.simulate(iso.load(tmp_path / "net.snn"), {**TEXTS, "attention_mask": mask}, executor=executor)


def test_a_table_that_is_named_by_keywords_is_watched_too(files, tmp_path):
    file = files("texts")
    found = node(file, kind="embedding")
    weight, indices = found["args"]["tuple"][:2]
    found |= {"args": {"tuple": []}, "kwargs": {"dict": [["indices", indices], ["weight", weight]]}}
    (tmp_path / "net.snn").write_bytes(file.raw())
    snn = iso.load(tmp_path / "net.snn")
    assert torch.isfinite(snn(TEXTS)).all()
    with pytest.raises(SimulationError, match="the embedding has 20 rows"):
        snn({**TEXTS, "input_ids": TEXTS["input_ids"] + 20})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=9,
)
FIELDS = ("numbers", "rows", "role", "kind", "channel_axis", "shape", "name")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_field_holds_it_is_refused_in_one_line_or_runs(data, files, tmp_path):
    """Of the description of any op, or of the provenance: any JSON."""
    file = files(data.draw(st.sampled_from(["texts", "tables"])))
    if data.draw(st.booleans()):
        spot, key = file.header["provenance"], data.draw(st.sampled_from(["sites", "driven", "tables", "silent"]))
    else:
        found = [found for found in file.header["nodes"] if found["info"]]
        spot, key = data.draw(st.sampled_from(found))["info"], data.draw(st.sampled_from(FIELDS))
    spot[key] = data.draw(JSON)
    (tmp_path / "net.snn").write_bytes(file.raw())
    snn, error = loaded(tmp_path / "net.snn")
    assert "\n" not in error
    if snn is not None:
        inputs = TEXTS if len(snn.graph.input_names) > 1 else torch.rand(2, *snn.graph.input_shape).double()
        assert torch.isfinite(snn(inputs)).all()


def loaded(path: Path) -> tuple[iso.SNN | None, str]:
    """A network, or why it is none."""
    try:
        return iso.load(path), ""
    except ArtefactError as error:
        return None, str(error)
