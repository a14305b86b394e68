"""Figures of merit that papers print, from costs and scores."""

from __future__ import annotations

from collections.abc import Mapping

from isospike.costs.costs import Costs
from isospike.errors import OptionError
from isospike.options import Part, check_arguments

PICOJOULE = 1e-12


def frames_per_second_per_watt(energy_pj: float) -> float:
    """``1 / energy`` per image in J: images per second for every watt; infinite for no energy.

    Args:
        energy_pj: energy of one image in pJ.
    """
    return 1 / (energy_pj * PICOJOULE) if energy_pj else float("inf")


def synops_to_reach(
    share: float, costs: Mapping[int, Costs], scores: Mapping[int, float], *, ann: float
) -> float | None:
    """Synaptic operations per image at the first T whose score is ``share`` of the ANN's; ``None`` if none is.

    SOP90 and SOP95 are those of shares 0.9 and 0.95. Only numbers of steps with costs and a score are looked at;
    nothing is interpolated between them.

    Args:
        share: which part of the ANN's score must be reached, above 0 and at most 1.
        costs: from `isospike.account`.
        scores: shares after each number of steps, e.g. ``Evaluation.metric``.
        ann: the score of the ANN on the same images.

    Raises:
        OptionError: the share is no share, or no number of steps has both.

    References:
        Bu et al. 2025, *Inference-Scale Complexity in ANN-SNN Conversion*, table S1.
    """
    check_arguments(Part, share=share)
    both = sorted(costs.keys() & scores.keys())
    if not both:
        raise OptionError(f"costs after steps {sorted(costs)} and scores after {sorted(scores)} have none in common")
    return next((costs[t].total().synops for t in both if scores[t] >= share * ann), None)
