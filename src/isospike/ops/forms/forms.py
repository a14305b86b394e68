"""All forms, one after the other."""

from __future__ import annotations

from isospike.ops.forms.attention import raise_attention
from isospike.ops.forms.batch_first import put_batch_first
from isospike.ops.forms.casts import drop_casts
from isospike.ops.forms.masks import raise_masks
from isospike.ops.forms.maxima import raise_maxima
from isospike.ops.forms.piecewise import raise_piecewise
from isospike.ops.forms.products import raise_products
from isospike.ops.forms.rectifiers import raise_rectifiers
from isospike.ops.forms.rewriter import Rewriter
from isospike.ops.forms.scatters import raise_scatters
from isospike.ops.forms.selections import raise_selections
from isospike.ops.forms.tokens import raise_tokens

FORMS = (
    raise_tokens,
    raise_attention,
    drop_casts,
    raise_scatters,
    put_batch_first,
    raise_rectifiers,
    raise_piecewise,
    raise_masks,
    raise_products,
    raise_selections,
    raise_maxima,
)
"""In this order: rectifiers are made of masks, casts stand between them, and what comes after takes the batch for the
first axis."""


def rewrite(rewriter: Rewriter) -> None:
    """Bring an exported graph into the forms that have records, in place."""
    for raise_forms in FORMS:
        raise_forms(rewriter)
