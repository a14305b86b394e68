"""The exported ATen graph, raised into plain modules named after the user's own."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import fx, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import OutputKind

from isospike.errors import CaptureError
from isospike.graphs.export import WHOLE, input_names
from isospike.graphs.exported import (
    call_arguments,
    exported_kind,
    first_result,
    has_batch_first,
    sample_rows,
    sample_shape,
)
from isospike.graphs.graph import Graph, attach
from isospike.graphs.op import Numbers, Op
from isospike.graphs.origin import Names, module_path, source_of
from isospike.graphs.structure import place_output
from isospike.ops import Call, Family, Role, family, table
from isospike.ops.batch_constant import BatchConstant
from isospike.ops.channels import Moved
from isospike.ops.constants import ONE
from isospike.ops.forms import Rewriter, rewrite


def raise_program(program: ExportedProgram) -> Graph:
    """One plain module (or one table op) per call site, parameters copied, constants folded."""
    return _Raiser(program).run()


class _Raiser:
    """Walks the exported graph once, in order, and builds the raised one."""

    def __init__(self, program: ExportedProgram) -> None:
        self.program = program
        self.root = nn.Module()
        self.graph = fx.Graph()
        self.names = Names()
        self.values: dict[fx.Node, fx.Node] = {}
        rewriter = Rewriter(program)
        rewrite(rewriter)
        self.rewriter, self.constants = rewriter, rewriter.constants
        self.inputs = input_names(program)

    def run(self) -> Graph:
        for node in self.program.graph.nodes:
            if node.op == "placeholder" and node not in self.constants:
                self._place_input(node)
            elif node.op == "call_function":
                self._call(node)
            elif node.op == "output":
                self._output(node)
        raised = Graph(self.root, self.graph)
        raised.graph.eliminate_dead_code()
        _check_not_empty(raised)
        raised.graph.lint()
        return raised.view().eval()

    def _place_input(self, node: fx.Node) -> None:
        name = self.inputs.get(node.name, node.name)
        placed = self.graph.placeholder(node.name)
        placed.meta["op"] = Op(name, "input", Role.INPUT, "", "", sample_shape(node), numbers=self._numbers(node))
        self.values[node] = placed
        self.input = next(iter(self.values.values()))

    def _call(self, node: fx.Node) -> None:
        if node in self.constants or self._pass_through(node):
            return
        kind = exported_kind(node)
        path, is_leaf = module_path(node)
        name = self.names.claim(path if is_leaf and path else ".".join(filter(None, (path, kind))))
        module = self._module(node, kind)
        role, reason = self._role(node, kind, module)
        self._check_states(node, kind, name)
        raised = self._emit(node, kind, name, module)
        axis = -1 if _channels_last(kind) and len(sample_shape(node)) > 1 else self._channel_axis(node, kind)
        raised.meta["op"] = Op(
            name,
            kind,
            role,
            path,
            source_of(node),
            sample_shape(node),
            axis,
            reason,
            sample_rows(node),
            self._numbers(node),
        )
        self.values[node] = raised

    def _channel_axis(self, node: fx.Node, kind: str) -> int:
        """Where the op puts the channels of the first input that has some, of the same rank if there is one."""
        sources = [self.values[source].meta["op"] for source in node.all_input_nodes if source in self.values]
        values = [source for source in sources if source.numbers == "real"] or sources
        record, after = table.get(kind), (1, *sample_shape(node))
        if not values or record is None:
            return 1
        source = next((one for one in values if len(one.shape) == len(after) - 1), values[0])
        return record.channels(Moved(node, source.channel_axis, (1, *source.shape), after))

    def _pass_through(self, node: fx.Node) -> bool:
        """Drop what computes nothing: clones, dropout in inference, slices over everything, first outputs."""
        source = node.all_input_nodes[0] if node.all_input_nodes else None
        if source is None or source not in self.values:
            return False
        kind = exported_kind(node)
        whole = kind == "slice" and sample_shape(node) == sample_shape(source) and _is_batched(node, source)
        first = node.target is operator.getitem and node.args[1] == 0 and _gives_one(source)
        if not (_is_of(node, family.IDENTITY) and _is_inference(node)) and not whole and not first:
            return False
        self.values[node] = self.values[source]
        return True

    def _module(self, node: fx.Node, kind: str) -> nn.Module | None:
        record = table.get(kind)
        if record is None or record.build is None:
            return None
        arguments = call_arguments(node, self.constants.values)
        if _is_of(node, *_CONSTANT_WEIGHTS) and any(
            isinstance(value, fx.Node) for name, value in arguments.items() if name != "input"
        ):
            return None
        return record.build(arguments)

    def _role(self, node: fx.Node, kind: str, module: nn.Module | None) -> tuple[Role, str]:
        record = table.get(kind)
        if record is None:
            return Role.UNSUPPORTED, "isospike has no rule for this op"
        if not has_batch_first(node):
            return Role.UNSUPPORTED, "the batch is not the first axis of its result"
        if record.family is not family.RESHAPE and any(map(self._is_size, node.all_input_nodes)):
            return Role.UNSUPPORTED, "it uses the size of the batch as a value"
        if self.rewriter.is_of_tokens(node):
            return Role.INPUT, ""
        if record.family is family.IDENTITY:
            return Role.UNSUPPORTED, "random in inference; the model must be deterministic"
        if module is None:
            return record.role_of(Call(node, lambda source: source not in self.constants))
        return record.role, ""

    def _check_states(self, node: fx.Node, kind: str, name: str) -> None:
        """Refuse a recurrent layer, whose first states are of the size of the batch: it is the reason, not they."""
        if kind in RECURRENT and any(map(self._is_size, node.all_input_nodes)):
            raise CaptureError(
                f"isospike has no rule for the op {kind} ('{name}', {source_of(node)}), which starts from states of "
                "the size of the batch as recurrent layers do; put another layer in its place, or convert a submodule "
                "without it"
            )

    def _numbers(self, node: fx.Node) -> Numbers:
        """What a value is made of; whole numbers that come of real ones are computed as real ones."""
        return WHOLE[first_result(node).dtype] if self.rewriter.is_token(node) else "real"

    def _is_size(self, source: fx.Node) -> bool:
        """Whether a value is the size of the batch, or depends on it so that no constant stands for it."""
        return source in self.constants and self.constants.is_of_its_own(source)

    def _emit(self, node: fx.Node, kind: str, name: str, module: nn.Module | None) -> fx.Node:
        if module is not None:
            attach(self.root, name, module)
            return self.graph.call_module(name, (self._reference(node.all_input_nodes, node),))
        if _is_of(node, family.RESHAPE) and has_batch_first(node):
            source = self.values[node.args[0]]  # type: ignore[index]
            return self.graph.call_function(torch.ops.aten.reshape.default, (source, [-1, *sample_shape(node)]))
        joined = not _is_of(node, family.ADD, family.SCALE, family.POINTWISE)
        args = fx.map_arg(node.args, lambda n: self._value(n, joined=joined))
        kwargs = fx.map_arg(node.kwargs, lambda n: self._value(n, joined=joined))
        # A view may need the copy that was dropped before it; a reshape does not.
        target = torch.ops.aten.reshape.default if kind == "view" else node.target
        return self.graph.call_function(target, args, kwargs)  # type: ignore[arg-type]

    def _reference(self, sources: list[fx.Node], node: fx.Node) -> fx.Node:
        (variable,) = [source for source in sources if source not in self.constants] or [node]
        return self._value(variable)

    def _value(self, node: fx.Node, *, joined: bool = False) -> fx.Node:
        """A node of the raised graph; ``joined``: where a constant needs the axis of the batch."""
        if isinstance(first_result(node), torch.SymInt):
            return self._size(node)
        batched = node in self.constants and self.constants.is_batched(node)
        if batched and (joined or len(self.constants[node]) > ONE) and not self.constants.is_of_its_own(node):
            return self._batched(node)
        if node not in self.values:
            constant = self.constants[node]
            if self.constants.is_of_its_own(node):
                raise CaptureError(
                    f"{source_of(node) or node.name} makes numbers of the size of the batch; isospike converts "
                    "networks that treat every sample by itself, whatever the size of the batch"
                )
            name = self.names.claim(self.constants.names.get(node, f"constant.{node.name}"))
            attach(self.root, name, constant)
            self.values[node] = self.graph.get_attr(name)
            self.values[node].meta["op"] = Op(name, "constant", Role.LINEAR, "", "", tuple(constant.shape))
        return self.values[node]

    def _batched(self, node: fx.Node) -> fx.Node:
        """One sample's constant for every sample of the input."""
        value, rows = self.constants[node], len(self.constants[node])
        name = self.names.claim(f"constant.{node.name}")
        attach(self.root, name, BatchConstant(value[0] if rows == 1 else value, rows))
        placed = self.graph.call_module(name, (self.input,))
        path, _ = module_path(node)
        shape = tuple(value.shape[1:])
        placed.meta["op"] = Op(name, "batch_constant", Role.LINEAR, path, source_of(node), shape, rows=rows)
        return placed

    def _size(self, node: fx.Node) -> fx.Node:
        """The size of the batch, which is placed where it is used."""
        if node not in self.values:
            args = fx.map_arg(node.args, self._value)
            self.values[node] = self.graph.call_function(node.target, args)  # type: ignore[arg-type]
            path, _ = module_path(node)
            op = Op(
                self.names.claim(exported_kind(node)), exported_kind(node), Role.UNSUPPORTED, path, source_of(node), ()
            )
            self.values[node].meta["op"] = op
        return self.values[node]

    def _output(self, node: fx.Node) -> None:
        specs = self.program.graph_signature.output_specs
        given = [value for value, spec in zip(node.args[0], specs, strict=True) if spec.kind is OutputKind.USER_OUTPUT]  # type: ignore[arg-type]
        flat = [self._value(value, joined=True) if isinstance(value, fx.Node) else value for value in given]
        structure = self.program.call_spec.out_spec
        assert structure is not None
        self._check_outputs(given, flat)
        place_output(self.graph, flat, structure)

    def _check_outputs(self, given: list[Any], flat: list[Any]) -> None:
        """Refuse parameters and constants among the outputs: an answer has a row for every sample."""
        pairs = zip(given, flat, strict=True)
        wrong = [node for node, placed in pairs if isinstance(placed, fx.Node) and placed.op == "get_attr"]
        if wrong:
            names = ", ".join(self.constants.names.get(node, node.name) for node in wrong)
            raise CaptureError(
                f"the model puts out parameters or constants that have no row for every sample: {names}; leave them "
                "out of its outputs"
            )


def _check_not_empty(graph: Graph) -> None:
    """Refuse tensors without a number: nothing computes with them, and no file holds them."""
    ops = [node.meta["op"] for node in graph.graph.nodes if node.op != "output"]
    wrong = [f"{op.name} ({op.source})" if op.source else op.name for op in ops if 0 in op.shape]
    if wrong:
        raise CaptureError(f"the model makes or takes empty tensors: {', '.join(wrong)}; leave them out")


RECURRENT = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu"})
"""Ops that run along a sequence from states of their own."""
_CONSTANT_WEIGHTS = (family.CONVOLUTION, family.DENSE, family.AFFINE, family.TRAINABLE)
"""Families of layers, which are modules where all but their input is constant."""


def _is_of(node: fx.Node, *families: Family) -> bool:
    record = table.get(exported_kind(node))
    return record is not None and record.family in families


def _gives_one(node: fx.Node) -> bool:
    record = table.get(exported_kind(node))
    return record is not None and record.first_only


def _channels_last(kind: str) -> bool:
    record = table.get(kind)
    return record is not None and record.channels_last


def _is_batched(node: fx.Node, source: fx.Node) -> bool:
    return bool(first_result(node).shape[:1] == first_result(source).shape[:1])


def _is_inference(node: fx.Node) -> bool:
    """Dropout called with ``training=False``; other no-ops have no such argument."""
    return "dropout" not in exported_kind(node) or node.args[-1] is False
