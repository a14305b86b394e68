"""All forms, one after the other."""

from __future__ import annotations

from isospike.ops.forms.attention import raise_attention
from isospike.ops.forms.casts import drop_casts
from isospike.ops.forms.masks import raise_masks
from isospike.ops.forms.maxima import raise_maxima
from isospike.ops.forms.products import raise_products
from isospike.ops.forms.rectifiers import raise_rectifiers
from isospike.ops.forms.rewriter import Rewriter
from isospike.ops.forms.selections import raise_selections

FORMS = (raise_attention, drop_casts, raise_rectifiers, raise_masks, raise_products, raise_selections, raise_maxima)
"""In this order: rectifiers are made of masks, and casts stand between them."""


def rewrite(rewriter: Rewriter) -> None:
    """Bring an exported graph into the forms that have records, in place."""
    for raise_forms in FORMS:
        raise_forms(rewriter)
