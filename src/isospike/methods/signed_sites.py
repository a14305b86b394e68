"""Which methods serve signed sites, as their parts say."""

from __future__ import annotations

from isospike.errors import ConversionError
from isospike.graphs.graph import Graph, op_of
from isospike.messages import counted
from isospike.methods.method import Method, methods
from isospike.neurons import is_signed
from isospike.ops import Role
from isospike.sites import Sites


def check_signed_sites(graph: Graph, method: Method) -> None:
    """Refuse a method whose parts hold for values of one sign alone, where a site sends values of both.

    Raises:
        ConversionError: it cannot serve such sites; the parts and the methods that can are named.
    """
    signed = [op_of(node).name for node in graph.nodes_with(Role.ACTIVATION) if is_signed(graph.module_of(node))]
    refused = parts_without_sign(method) if signed else []
    if refused:
        able = ", ".join(name for name, kind in methods.items() if not parts_without_sign(kind()))
        raise ConversionError(
            f"{method.name()} cannot serve {counted(len(signed), 'signed site')} ('{signed[0]}' is the first), for "
            f"{' and '.join(refused)} take values of one sign; choose one of {able}, or sites='rectifiers'"
        )


def sites_for(method: Method, sites: Sites) -> Sites:
    """Where neurons of a method stand: left to itself, one that cannot serve signed sites takes rectifiers alone."""
    return "rectifiers" if sites == "auto" and parts_without_sign(method) else sites


def parts_without_sign(method: Method) -> list[str]:
    """Parts of a method that do not serve activations whose values have both signs, each once."""
    return list(dict.fromkeys(part for steps in method.horizons for part in method.parts_for(steps).without_sign()))
