"""The captured network: plain modules in the order of a graph whose nodes know where they come from."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from torch import Tensor, fx, nn
from torch.utils import _pytree as pytree

from isospike.errors import ArtefactError
from isospike.graphs.normalised import forget
from isospike.graphs.op import Op
from isospike.graphs.structure import as_plain, output_structure
from isospike.inputs import Inputs, ordered
from isospike.ops import Role
from isospike.tasks import leaves_by_name


class Spiking(nn.Module):
    """Base of what is a spiking network already: it is converted from a model and is none itself."""


class Graph(nn.Module):
    """A network as plain modules, one per call site, with a role for every op.

    It is an ordinary module: call it, print it, train it, move it, hook it, export it.
    ``graph(x)`` equals the model it was captured from. A call goes through the nodes one by one; no source code is
    generated from them, so names are never more than names.

    Args:
        root: holds the modules and constants that the nodes name; they are shared, not copied.
        graph: the nodes.
    """

    def __init__(self, root: nn.Module, graph: fx.Graph) -> None:
        super().__init__()
        self.graph = graph
        graph.owning_module = self  # type: ignore[assignment] # fx asks it which modules exist
        for target in dict.fromkeys(str(node.target) for node in graph.nodes if node.op in ("call_module", "get_attr")):
            path, _, leaf = target.rpartition(".")
            attach(self, target, getattr(root.get_submodule(path), leaf))
        self.train(root.training)

    def forward(self, x: Inputs, *others: Tensor) -> Any:
        """The output for one tensor per input node, each ``[B, ...]``, or all by name, structured like the model's."""
        inputs = (x, *others) if isinstance(x, Tensor) else self.ordered(x)
        given, values, free = iter(inputs), dict[fx.Node, Any](), last_readers(self.graph)
        for node in self.graph.nodes:
            if node.op == "output":
                return output_structure(node)([values[leaf] for leaf in output_leaves(node)])
            values[node] = next(given) if node.op == "placeholder" else call(self, node, values.__getitem__)
            for dead in free[node]:
                values.pop(dead, None)
        raise AssertionError("a graph ends with an output")

    @property
    def ops(self) -> tuple[Op, ...]:
        """Every op in order of execution."""
        return tuple(op_of(node) for node in self.op_nodes())

    def op_nodes(self) -> Iterator[fx.Node]:
        """The nodes that compute something, in order of execution."""
        return (n for n in self.graph.nodes if n.op in ("call_module", "call_function"))

    def nodes_with(self, role: Role) -> list[fx.Node]:
        """The nodes of one role, in order of execution."""
        return [n for n in self.op_nodes() if op_of(n).role is role]

    @property
    def sites(self) -> tuple[str, ...]:
        """Names of the activation call sites, in order of execution."""
        return tuple(op_of(n).name for n in self.nodes_with(Role.ACTIVATION))

    @property
    def unsupported(self) -> tuple[Op, ...]:
        """The ops that nothing can stand for, in order of execution."""
        return tuple(op for op in self.ops if op.role is Role.UNSUPPORTED)

    def ordered(self, inputs: Inputs) -> tuple[Tensor, ...]:
        """The tensors of named inputs in the order of the input nodes; see `isospike.inputs.ordered`."""
        return ordered(inputs, self.input_names)

    @property
    def input_nodes(self) -> list[fx.Node]:
        """The placeholders of the network's inputs."""
        return [node for node in self.graph.nodes if node.op == "placeholder"]

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the inputs, in order."""
        return tuple(op_of(node).name for node in self.input_nodes)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one sample of the (first) input, without the batch axis."""
        return op_of(self.input_node).shape

    @property
    def output_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the outputs of one sample, in order: no batch axis, but the rows where it has several."""
        ops = [op_of(leaf) for leaf in output_leaves(self.output_node)]
        return tuple(op.shape if op.rows == 1 else (op.rows, *op.shape) for op in ops)

    @property
    def output_names(self) -> tuple[str, ...]:
        """What leads to the outputs in the model's output, in order; empty for a model that puts out one tensor."""
        return tuple(leaves_by_name(as_plain(self.output_node.args[0]), fx.Node))

    @property
    def input_node(self) -> fx.Node:
        """The placeholder of the network's input."""
        nodes: Iterator[fx.Node] = iter(self.graph.nodes)
        return next(node for node in nodes if node.op == "placeholder")

    @property
    def output_node(self) -> fx.Node:
        """The node of the network's output."""
        nodes: Iterator[fx.Node] = iter(reversed(self.graph.nodes))
        return next(nodes)

    def view(self) -> Graph:
        """A second graph over the same leaf modules: replacing a module in one leaves the other alone."""
        graph = fx.Graph()
        output = graph.graph_copy(self.graph, {})
        graph.output(output).meta.update(self.output_node.meta)
        return Graph(self, graph)

    def replace(self, node: fx.Node, module: nn.Module, op: Op | None = None) -> None:
        """Put ``module`` at the call site of ``node``."""
        self.set_submodule(str(node.target), module)
        forget(node)
        if op is not None:
            node.meta["op"] = op

    def with_tensors(self, tensors: Mapping[str, Tensor]) -> Graph:
        """A view in which tensors of modules, by their dotted names, are replaced; the others are shared."""
        view = self.view()
        own: dict[str, nn.Module] = {}
        for name, tensor in tensors.items():
            path, _, leaf = name.rpartition(".")
            if path not in own:
                own[path] = twin(view.get_submodule(path))
                view.set_submodule(path, own[path])
            is_parameter = leaf in own[path]._parameters
            setattr(own[path], leaf, nn.Parameter(tensor, requires_grad=False) if is_parameter else tensor)
        return view

    def get_submodule(self, target: str) -> nn.Module:
        """As of any module, without its search for other attributes: to compile a network takes hundreds of them."""
        module: nn.Module = self
        for name in target.split("."):
            found = module._modules.get(name)
            if found is None:
                return super().get_submodule(target)  # which says what is missing
            module = found
        return module

    def module_of(self, node: fx.Node) -> nn.Module:
        """The module called by a ``call_module`` node."""
        return self.get_submodule(str(node.target))

    def __repr__(self) -> str:
        """One line per op: name, ATen name, role, and the shape of its result without the batch."""
        return "\n".join(f"{op.name}: {op.kind} {list(op.shape)}, {op.role.value}" for op in self.ops)

    def __deepcopy__(self, memo: dict[int, Any]) -> Graph:
        """A graph of its own."""
        twin = self.__new__(type(self))
        memo[id(self)] = twin
        twin.__dict__.update(copy.deepcopy(self.__dict__, memo))
        twin.graph.owning_module = twin  # type: ignore[assignment]
        return twin

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: loading a pickle runs code.

        Raises:
            ArtefactError: always.
        """
        raise ArtefactError(
            "a captured or converted network cannot be pickled; write a converted one with snn.save('net.snn') and "
            "read it with isospike.load('net.snn')"
        )


def twin(module: nn.Module) -> nn.Module:
    """A module with the same tensors, in which one can be replaced."""
    return with_own_tables(copy.copy(module))


def with_own_tables(module: nn.Module) -> nn.Module:
    """The module, whose tables of tensors and of modules are now its own."""
    for name in ("_parameters", "_buffers", "_modules"):
        module.__dict__[name] = dict(module.__dict__[name])
    return module


def output_leaves(output: fx.Node) -> list[fx.Node]:
    """The nodes that an output node puts out, in order."""
    return [leaf for leaf in pytree.tree_leaves(output.args[0]) if isinstance(leaf, fx.Node)]


def op_of(node: fx.Node) -> Op:
    """What is known of a node."""
    op: Op = node.meta["op"]
    return op


def argument(node: fx.Node) -> fx.Node:
    """The first argument of a node, which is a node."""
    first: Any = node.args[0]
    assert isinstance(first, fx.Node)
    return first


def pools_positions(pool: fx.Node) -> bool:
    """Whether a pool keeps the channels apart: one for images takes a sequence ``[B, C, L]`` for a single image."""
    return op_of(pool).kind.endswith(f"{len(op_of(argument(pool)).shape) - 1}d")


def is_island(node: fx.Node) -> bool:
    """Whether the node is computed on decoded values."""
    return node.op in ("call_module", "call_function") and op_of(node).role is Role.ANALOGUE


def attribute(graph: nn.Module, name: str) -> Tensor:
    """The constant of a dotted name."""
    path, _, leaf = name.rpartition(".")
    value = getattr(graph.get_submodule(path), leaf)
    assert isinstance(value, Tensor)
    return value


def call(graph: nn.Module, node: fx.Node, value: Callable[[fx.Node], Any]) -> Any:
    """What a node computes from the values of its sources."""
    if node.op == "get_attr":
        return attribute(graph, str(node.target))
    args, kwargs = fx.map_arg((node.args, node.kwargs), value)
    if node.op == "call_module":
        return graph.get_submodule(str(node.target))(*args, **kwargs)
    assert callable(node.target)
    return node.target(*args, **kwargs)


def last_readers(graph: fx.Graph) -> dict[fx.Node, tuple[fx.Node, ...]]:
    """For every node, the nodes whose values nobody needs after it; itself, where nobody reads it."""
    last: dict[fx.Node, fx.Node] = {}
    for node in graph.nodes:
        for source in (*node.all_input_nodes, node):
            last[source] = node
    free: dict[fx.Node, list[fx.Node]] = {node: [] for node in graph.nodes}
    for source, node in last.items():
        free[node].append(source)
    return {node: tuple(dead) for node, dead in free.items()}


def attach(root: nn.Module, name: str, value: nn.Module | Tensor) -> None:
    """Set a dotted attribute of ``root``, making plain containers on the way."""
    *path, last = name.split(".")
    for part in path:
        if part not in root._modules:
            root.add_module(part, nn.Module())
        root = root.get_submodule(part)
    if isinstance(value, nn.Module):
        root.add_module(last, value)
    elif isinstance(value, nn.Parameter):
        root.register_parameter(last, value)
    else:
        root.register_buffer(last, value)
