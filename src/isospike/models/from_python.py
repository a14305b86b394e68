"""``file.py:factory``: a model that the user's own code builds."""

from __future__ import annotations

from torch import nn

from isospike.data.python_object import guarded, imported
from isospike.errors import ModelError
from isospike.messages import with_article
from isospike.models.loaded import OF_FACTORY, LoadedModel


def from_python(spec: str) -> LoadedModel:
    """Call the factory that ``spec`` names, without arguments.

    Raises:
        ModelError: the factory is missing, fails, or returns no ``torch.nn.Module``.
    """
    with imported(spec, ModelError) as factory:
        if not callable(factory) or isinstance(factory, nn.Module):
            raise ModelError(f"'{spec}' is {with_article(factory)}; it must be a function or a class")
        model = guarded(factory, f"'{spec}' failed", ModelError)
    if not isinstance(model, nn.Module):
        raise ModelError(f"'{spec}' returned {with_article(model)}; it must return a torch.nn.Module")
    return LoadedModel(spec.rpartition(":")[2], model, preprocess=None, example_shape=None, weights=OF_FACTORY)
