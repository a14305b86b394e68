"""How the outputs of the steps become one answer."""

from __future__ import annotations

from dataclasses import dataclass

from isospike.options import Configuration, Count, CountOrZero
from isospike.results import Stored


@dataclass(frozen=True)
class ReadOut(Configuration, Stored):
    """The mean of the outputs after a delay: ``o(T) = (1 / (T - t0)) sum_(t > t0) y_t``.

    ``t0 = probe + max(0, min(delay, T - probe - window))``: at least ``window`` steps are averaged once there are as
    many (delayed evaluation, Bu et al. 2025). With ``delay = 0`` it is the plain mean. Steps of a probe are left out
    too: the network starts anew behind it, and the delay counts from there.
    """

    delay: CountOrZero = 0
    """Steps left out at the start."""
    window: Count = 4
    """Steps averaged at least, however long the delay."""
    probe: CountOrZero = 0
    """Steps in which neurons probe: always left out, so that no answer exists before the step after them."""

    def start(self, steps: int) -> int:
        """Number of steps left out when ``steps`` were run."""
        return self.probe + max(0, min(self.delay, steps - self.probe - self.window))
