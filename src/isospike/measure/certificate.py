"""What a verification found, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from isospike.messages import counted
from isospike.results import Inner, Result, Shown, Stored, columns_of, derived, row_of
from isospike.tables import Table, Tabular
from isospike.tasks import Interval, Measure, Measured


@dataclass(frozen=True)
class SiteEquality(Stored):
    """One layer of an accumulate-then-emit network beside the quantised ANN's."""

    site: Annotated[str, Shown("site")]
    codes: Annotated[int, Shown("codes", "", 0)]
    """Number of codes compared: neurons times images."""
    wrong_codes: Annotated[int, Shown("wrong codes", "", 0)]
    """Codes that differ from the quantised ANN's by more than rounding explains, in the stepped or collapsed run."""
    wrong_spikes: Annotated[int, Shown("wrong spikes", "", 0)]
    """Spikes of a step and image that the codes do not call for, or that are missing."""
    trained: bool
    """Whether the quantised ANN has the model's own trained quantiser here; else it has the network's."""
    flipped_codes: Annotated[int | None, Shown("flipped codes", "", 0)] = None
    """Codes behind an island that differ by one level because a rounding decides; null in front, where none may."""
    first: str = ""
    """The first neuron whose code is wrong: image, index, both codes."""


@dataclass(frozen=True)
class SiteError(Stored):
    """One layer of a streaming network beside the ANN's."""

    site: Annotated[str, Shown("site")]
    values: Annotated[int, Shown("values", "", 0)]
    """Number of activations compared: neurons times images."""
    error: Annotated[float, Shown("relative error", "", 4)]
    """Root mean square of ``mean output - activation``, over the root mean square of the activations."""


@dataclass(frozen=True)
class Certificate(Tabular, Result):
    """How equal a spiking network is to the network it was converted from.

    For an accumulate-then-emit network: codes, spikes and outputs against the quantised ANN's, which is the model with
    its own trained quantisers, and with the network's where it has none or they have other levels. For a streaming
    network, which equals its ANN only in the limit: measured errors.

    Behind an analogue island no common grid holds the currents, and the network and the ANN round them differently. A
    code there may differ by one level where its current lies next to a threshold, within `flip_tolerance` of the
    largest current of the site and sample. Such codes are counted, and the ANN goes on with them, so that every
    other code is judged by the codes in front of it. In front of islands the first difference is an error.
    """

    method: str
    kind: str
    dtype: str
    """Number format of both networks."""
    images: int
    steps: int
    equal: bool
    """Whether no code, spike or output differs by more than rounding explains; never for a streaming network."""
    sites: tuple[SiteEquality, ...] | tuple[SiteError, ...]
    output_error: float
    """Largest difference of an output from the quantised ANN's (streaming: the ANN's)."""
    tolerance: float
    """What the output may differ by: 0 on the binary grid, else the rounding of ``dtype``, in units of the outputs."""
    flip_tolerance: float | None
    """How near to a threshold a flipped code's current is, over the largest of its site; null without islands."""
    model_error: float
    """Largest difference of an output from the model's own, over the largest output; quantisation included."""
    task: str
    """What the answers are for."""
    agreed: Inner[Measured]
    """The agreement of the network's answers with the model's own, as the task has it."""

    @property
    @derived(before="equal")
    def exact(self) -> bool:
        """Whether it is equal and no code is flipped."""
        return self.equal and not self.flipped_codes

    @property
    @derived(before="output_error")
    def codes_behind_islands(self) -> int:
        """Codes that were compared behind islands."""
        return sum(site.codes for site in self._behind)

    @property
    @derived(before="output_error")
    def flipped_codes(self) -> int:
        """How many of them differ by one level because a rounding decides."""
        return sum(site.flipped_codes or 0 for site in self._behind)

    @property
    def _behind(self) -> list[SiteEquality]:
        return [site for site in self.sites if isinstance(site, SiteEquality) and site.flipped_codes is not None]

    @property
    @derived()
    def agreement(self) -> float:
        """The value of the agreement."""
        return self.agreed.value

    @property
    @derived()
    def interval(self) -> Interval | None:
        """The interval of the agreement."""
        return self.agreed.interval

    @property
    @derived("measures.agreement")
    def measure(self) -> Measure:
        """What the agreement means."""
        return self.agreed.measure

    def table(self) -> Table:
        """What was compared at every site; below it what was found of the whole."""
        columns = columns_of(SiteError if self.kind == "streaming" else SiteEquality)
        if not self._behind:
            columns = tuple(column for column in columns if column.key != "flipped_codes")
        rows = tuple(row_of(columns, site) for site in self.sites)
        title = f"{self.method}, T={self.steps}, {counted(self.images, 'image')}, {self.dtype}"
        return Table("certificate", title, columns, rows, "\n".join(self.remarks()))

    def remarks(self) -> tuple[str, ...]:
        """What was compared, how far the outputs are, and whether the networks are equal, a line for each."""
        interval = self.agreed.measure.shown_interval(self.agreed.interval)
        ends = f" (95 % interval {interval})" if interval else ""
        same = f", {self.agreed.measure.short} {self.agreed.measure.shown(self.agreed.value)}{ends}"
        lines = (
            f"compared: {self.compared}",
            f"outputs differ by at most {self.output_error:.3g}",
            f"from the model itself: {self.model_error:.3g} of the largest output{same}",
        )
        if self.kind == "streaming":
            return lines
        return (*lines, self._verdict)

    @property
    def _verdict(self) -> str:
        if not self.equal:
            return f"equal: no; first difference: {self.first_difference}"
        if not self.flipped_codes:
            return "equal: yes"
        flipped = f"{self.flipped_codes} of {self.codes_behind_islands} codes behind islands"
        return f"equal: yes, but for {flipped}, which a rounding moves by one level"

    @property
    @derived()
    def first_difference(self) -> str:
        """The first site and neuron that differ by more than rounding explains; empty if none does."""
        for site in self.sites:
            if isinstance(site, SiteEquality) and (site.wrong_codes or site.wrong_spikes):
                return f"site '{site.site}': {site.first or f'{site.wrong_spikes} spikes'}"
        return "" if self.equal else f"outputs by {self.output_error:.3g}"

    @property
    @derived(before="first_difference")
    def compared(self) -> str:
        """What was compared, on how much, with which tolerance, in one sentence."""
        if self.kind == "streaming":
            values = sum(site.values for site in self.sites if isinstance(site, SiteError))
            return (
                f"mean outputs after {self.steps} steps beside the ANN's activations: {values} values at "
                f"{len(self.sites)} sites, {self.images} images, {self.dtype}; measured, not claimed to be equal"
            )
        sites = [site for site in self.sites if isinstance(site, SiteEquality)]
        codes, trained = sum(site.codes for site in sites), sum(site.trained for site in sites)
        return (
            f"codes (stepped and collapsed) and spikes per step with the quantised ANN's: {codes} codes at "
            f"{len(self.sites)} sites, {self.images} images, {self.dtype}, tolerance 0{self._allowed}; outputs, "
            f"tolerance {self.tolerance:.3g}; the quantised ANN has the model's own quantisers at {trained} sites, the "
            f"network's at {len(sites) - trained}"
        )

    @property
    def _allowed(self) -> str:
        """What the tolerance of codes is behind islands."""
        if not self._behind:
            return ""
        where = f"the {self.codes_behind_islands} codes at {counted(len(self._behind), 'site')} behind islands"
        return (
            f" ({where} may differ by one level where the current is within {self.flip_tolerance:.3g} of the site's "
            "largest from a threshold)"
        )
