"""The report as one HTML file that needs nothing else: no server, no network, no other file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from isospike.data.library import optional_library
from isospike.errors import OutputError
from isospike.files import check_writable, replacing
from isospike.report.content import Content, Given, gather
from isospike.report.palette import COLOURS
from isospike.report.plotly_charts import figure, legend
from isospike.report.raster import Raster
from isospike.sites import tables_line
from isospike.verbs import verbs

SCRIPTS = ("charts.js", "table_sort.js", "copy.js")
PACKAGE = "'isospike[report]'"


def write_report(
    path: str | Path,
    comparison: Given,
    *,
    diagnosis: Given | None = None,
    raster: Raster | None = None,
    costs: Given | None = None,
    about: Mapping[str, Any] | None = None,
) -> Path:
    """Write a comparison as a self-contained HTML page; sections without data are left out, and the page says so.

    Args:
        path: the file to write.
        comparison: a `Comparison`, or the object of ``isospike compare --json``.
        diagnosis: a `Diagnosis`, or the object of ``isospike diagnose --json``.
        raster: what `record_raster` gave.
        costs: `Costs`, or the object of ``Costs.to_dict``, with ``energy_pj`` and ``energy_models`` where
            they are known; see ``docs/report.md``.
        about: what else to say of how it was made, by name; ``title`` is the title of the page.

    Raises:
        DataError: an object lacks something or holds something else; the message names it.
        OutputError: see `check_page`.
    """
    check_page(path)
    content = gather(comparison, diagnosis=diagnosis, raster=raster, costs=costs)
    page = render(content, about or {})
    with replacing(path) as part:
        part.write_text(page, encoding="utf-8")
    return Path(path)


verbs.register("report", write_report)


def check_page(path: str | Path) -> None:
    """Refuse a page that cannot be written, before the work that fills it.

    Raises:
        OutputError: the path cannot be written or does not end in .html, or plotly or jinja2 is missing.
    """
    check_writable(path)
    if Path(path).suffix != ".html":
        raise OutputError(f"cannot write {path}: a report is one HTML page; give a file that ends in .html")
    for library in ("jinja2", "plotly.offline"):
        optional_library(library, PACKAGE, OutputError)


def render(content: Content, about: Mapping[str, Any]) -> str:
    """The text of the page.

    Raises:
        OutputError: plotly or jinja2 is missing.
    """
    jinja2 = optional_library("jinja2", PACKAGE, OutputError)
    offline = optional_library("plotly.offline", PACKAGE, OutputError)
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_resource),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    facts = {name: value for name, value in about.items() if name != "title"}
    text: str = environment.get_template("template.html").render(
        title=about.get("title", "Spiking networks compared"),
        content=content,
        facts={**facts, **_facts(content)},
        legend=legend,
        figures=_safe_json({chart.name: figure(chart) for chart in content.charts}),
        style=f"{_colours()}\n{_resource('style.css')}",
        scripts=[_resource(name) for name in SCRIPTS],
        plotly=offline.get_plotlyjs(),
    )
    return text


def _facts(content: Content) -> dict[str, Any]:
    """How the comparison was made, by name."""
    compared, model = content.comparison, content.comparison["model"]
    versions = ", ".join(f"{name} {version}" for name, version in compared["versions"].items())
    return {
        "Command": compared["command"],
        "Test images": compared["images"],
        "Test images of the costs": compared["account_images"],
        "Calibration images": compared["calibration_images"],
        "Of these among the test images": sum(compared["shared"].values()),
        "Seed": compared["seed"],
        "Model": f"sha256 {model['digest']}",
        "Neuron layers": model["sites"],
        **({"Functions": tables_line(model["tables"])} if "tables" in model else {}),
        "MACs of the ANN": f"{model['macs']}, with the zeros of paddings {model['macs_with_padding']}",
        "Versions": versions,
    }


def _safe_json(value: Any) -> str:
    """JSON that no string in it can end: inside a script element only ``<`` could start the end tag."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _colours() -> str:
    """The palette as properties of the page: light, dark where it is preferred or chosen, and light on paper."""
    light = "".join(f"--{name}:{colour.light};" for name, colour in COLOURS.items())
    dark = "".join(f"--{name}:{colour.dark};" for name, colour in COLOURS.items())
    return (
        f":root{{color-scheme:light;{light}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}\n"
        f"@media screen{{:root[data-theme=dark]{{color-scheme:dark;{dark}}}}}"
    )


def _resource(name: str) -> str:
    return resources.files("isospike.report").joinpath(name).read_text(encoding="utf-8")
