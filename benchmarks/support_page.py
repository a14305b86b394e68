"""The support matrix as a page of the docs: sums, what misses and why, and a table for each library."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Row = dict[str, Any]
BOUND = 0.06
"""Relative error at 8 bits that a network should stay below."""
LIBRARIES = ("torchvision", "timm", "transformers")
COLUMNS = (
    "model", "sites", "driven, %", "auto", "islands at products", "8 bits, %", "T=16, %", "T=64, %", "M MACs",
    "capture, s", "conversion, s", "pass, ms",
)  # fmt: skip

INTRODUCTION = """
Models of torchvision, timm and transformers with random weights, converted with a site in front of every product
(`sites="products"`, `analogue="allow"`). `python benchmarks/support.py` measures, `--page` writes this page from
`benchmarks/results/support.json`; a test repeats one small model of every family.

- **sites**: rectifiers alone / in front of every product. **driven**: the part of the multiply-accumulates behind the
  first layer that spikes drive, in the same order. **auto**: which of both `sites="auto"` takes.
- **errors**: `||snn - ann|| / ||ann||` of all outputs, in float32, on two images (or sentences) that did not calibrate:
  bit-coded with 8 bits, and, on one of them, the differential code in digits (4 bits a step) after 16 and 64 steps. Of
  the streaming methods that serve signed sites its error falls fastest, as 1/T. One unit for each site: the 8 or 16
  samples that calibrate hold too few values for one for each channel, which is the default of `bit-coded`. That was
  chosen after a trial: ResNet-10 had 1.7 % with one unit for each site and 5.0 % with the default on 8 images, 1.9 and
  2.1 % on 96. With the default on so few images errors are larger than here.
- **seconds** of one processor core: capture (export, raising, check), conversion of the captured graph, and a pass of
  the ANN on two samples.
- Batch norms have the statistics of random batches, and layer scales or gains near zero are one: in a fresh network
  they hide whole branches (`benchmarks/support_warm.py`).
- Detectors are converted as `isospike.convert(model, part="backbone")`, the tail (anchors, suppression) stays outside.
  The errors are those of what the part puts out. Heads that take a list of levels are converted by themselves.
- Weights are random, so these errors say that the conversion is right, not how a trained network fares: that is in
  [measured](measured.md).
"""


AMPLIFIED = """
The quantised ANN gives the same outputs as the spiking network, so these errors are those of rounding and clipping.
Batch norms of random weights amplify both from layer to layer: the last number is how far the ANN itself moves when
its input alone is rounded to 8 bits and a sign. A network of n sites rounds n times; where sqrt(n + 1) times that
number reaches the error, the model is marked `amplifies`. Where it does not, but 4 bits more leave less than an
eighth of the error, the mark is `rounding`; this second criterion was added after models had missed the first. Both
are estimates: roundings are neither independent nor of one size. An error that hardly falls at 12 bits is one of
clipping, of values larger than any that calibrated: in resnetv2_50 the first site clips a few, 0.6 % there and 10 %
at the output, with bounds at the maximum of 16 or 64 images, with and without corrected biases.
""".strip()


def page(rows: Sequence[Row]) -> str:
    """The whole page."""
    rows = sorted(rows, key=lambda row: row["name"])
    return "\n".join(
        [
            "# What converts",
            INTRODUCTION,
            *sums(rows),
            "",
            *_misses(rows),
            *(line for library in LIBRARIES for line in _table(library, rows)),
        ]
    )


def sums(rows: Sequence[Row]) -> list[str]:
    """How many convert, how many are driven whole, how many are near."""
    measured = [row for row in rows if "exports" in row]
    near = [row for row in measured if row.get("error8", 1) < BOUND]
    wrong = [row for row in measured if row.get("error8", 0) >= BOUND]
    tried = [row for row in measured if "error8" in row]
    timed = [row for row in tried if "export" in row["seconds"] and "part" not in row]
    within = [row for row in timed if _within_time(row)]
    explained = [row for row in wrong if _cause(row)]
    exports = max((row["exports"] for row in tried), default=0)
    times = "once" if exports <= 1 else f"{exports} times"
    return [
        "## Sums",
        "",
        f"- {sum(row['captured'] for row in rows)} of {len(rows)} models are captured.",
        f"- {len(measured)} are measured; {len(tried)} of these convert at every product, the others are listed below.",
        f"- Spikes drive every product in {sum(_is_driven(row) for row in tried)} of {len(tried)}.",
        f"- The error at 8 bits is below {100 * BOUND:g} % in {len(near)} of {len(tried)}; {len(explained)} of the "
        f"{len(wrong)} others meet one of the two criteria below, which are estimates and no proof.",
        f"- A conversion exports {times}. With its capture it takes no more than three exports and two calibration "
        f"passes in {len(within)} of {len(timed)} whose export was timed.",
    ]


def _is_driven(row: Row) -> bool:
    return bool(row["driven"]["products"] > 1 - 1e-9)


def _within_time(row: Row) -> bool:
    spent = row["seconds"]
    return bool(spent["capture"] + spent["conversion"] <= 3 * spent["export"] + 2 * spent["calibration_pass"])


def _cause(row: Row) -> str:
    """What explains an error at 8 bits; empty where neither does.

    Either as many independent roundings as there are sites, each like that of the input, make such an error, or it goes
    with the bits.
    """
    if row["rounded_input"] * (1 + row["sites"]["products"]) ** 0.5 >= row["error8"]:
        return "amplifies"
    return "rounding" if row["error12"] < row["error8"] / 8 else ""


def _misses(rows: Sequence[Row]) -> list[str]:
    tried = [row for row in rows if "error8" in row]
    above = [row for row in tried if row["error8"] >= BOUND]
    return [
        *_section(
            f"Above {100 * BOUND:g} % at 8 bits",
            AMPLIFIED,
            ("model", "8 bits, %", "12 bits, %", "sites", "ANN, input rounded, %", ""),
            (
                (row["name"], _percent(row["error8"]), _percent(row.get("error12")), row["sites"]["products"],
                 _percent(row.get("rounded_input")), _cause(row) or "**open**")
                for row in above
            ),
        ),
        *_section(
            "Not driven whole",
            "",
            ("model", "driven, %"),
            ((row["name"], _percent(row["driven"]["products"])) for row in tried if not _is_driven(row)),
        ),
        *_section(
            "Refused, or left out",
            "",
            ("model", "what", "why"),
            (entry for row in rows if "exports" in row or not row["captured"] for entry in _reasons(row)),
        ),
        *_section(
            "Captured, not yet measured",
            "Rows of an earlier run, which captured alone; the same command goes on with them.",
            ("models",),
            [[", ".join(row["name"] for row in rows if row["captured"] and "exports" not in row) or "none"]],
        ),
    ]  # fmt: skip


def _reasons(row: Row) -> Iterable[tuple[str, str, str]]:
    for what in ("error", "fault"):
        if what in row:
            yield row["name"], "all", row[what]
    for what, why in row.get("left_out", {}).items():
        yield row["name"], what, why


def _section(title: str, text: str, columns: Sequence[str], cells: Iterable[Sequence[object]]) -> list[str]:
    lines = list(cells)
    if not lines:
        return [f"## {title}", "", "None.", ""]
    return [f"## {title}", "", *([text, ""] if text else []), *_lines(columns, lines), ""]


def _table(library: str, rows: Sequence[Row]) -> list[str]:
    own = [row for row in rows if row["name"].startswith(library + ":") and "sites" in row]
    return _section(library, "", COLUMNS, map(_cells, own))


def _cells(row: Row) -> list[object]:
    seconds, streaming = row.get("seconds", {}), row.get("streaming", {})
    sites, driven = row["sites"], row.get("driven", {})
    islands = row["islands"].get("products", row["islands"]["rectifiers"])
    name = row["name"].partition(":")[2] + (f" ({row['part']})" if "part" in row else "")
    return [
        name,
        " / ".join(map(str, sites.values())),
        " / ".join(_percent(share) for share in driven.values()) or "-",
        row.get("auto", "-"),
        ", ".join(f"{count} {kind}" for kind, count in islands.items()) or "none",
        _percent(row.get("error8")),
        _percent(streaming.get("16")),
        _percent(streaming.get("64")),
        f"{row['macs'] / 1e6:.0f}" if "macs" in row else "-",
        _number(seconds.get("capture"), 1),
        _number(seconds.get("conversion"), 1),
        _number(seconds.get("ann"), 0, 1000),
    ]


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.3g}"


def _number(value: float | None, digits: int, times: float = 1.0) -> str:
    return "-" if value is None else f"{times * value:.{digits}f}"


def _lines(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    cells = [[str(cell).replace("|", "/").replace("_", "\\_").replace("<", "&lt;") for cell in row] for row in rows]
    return ["| " + " | ".join(line) + " |" for line in (columns, ["---"] * len(columns), *cells)]
