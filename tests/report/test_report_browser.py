"""The page in a browser: charts drawn, tables sorted by their own headings, no error, no network.

Scripts put into a copy of the page press what a user presses, and write what they see into the page; the browser prints
the page as it is then.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any

import pytest

from isospike.report import write_report

BROWSER = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium and no google-chrome on the path")
CHARTS = ("score", "pareto", "errors", "shares", "rates", "raster")


@dataclass(frozen=True)
class Seen:
    """What a browser shows."""

    page: str
    console: list[str]
    found: Any
    """What the script found."""


def opened(path, script="return null;", *options) -> Seen:
    """Open a copy of a page with a script at its end, without any network."""
    note = f"""<script>addEventListener("load", () => setTimeout(async () => {{
      const found = await (async () => {{ {script} }})();
      const note = document.createElement("pre");
      note.id = "found";
      note.textContent = JSON.stringify(found);
      document.body.append(note);
    }}, 300));</script></body>"""
    copy = path.with_name("copy.html")
    copy.write_text(path.read_text(encoding="utf-8").replace("</body>", note), encoding="utf-8")
    command = [
        *(BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"),
        *("--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=6000", "--window-size=1200,900"),
        *(f"--user-data-dir={path.parent / 'profile'}", *options, copy.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    (found,) = re.findall(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return Seen(done.stdout, console, json.loads(html.unescape(found)))


@pytest.fixture(scope="module")
def page(given, tmp_path_factory):
    path = tmp_path_factory.mktemp("browser") / "report.html"
    return write_report(path, given.comparison, **given.more)


SCRIPTS = {
    "drawn": """
        const count = (name, what) => document.querySelectorAll(`#chart-${name} ${what}`).length;
        return Object.fromEntries(Object.keys(JSON.parse(document.getElementById("figures").textContent)).map(
            (name) => [name, [count(name, ".main-svg"), count(name, ".point")]]));
        """,
    "sorted": """
        const buttons = document.querySelectorAll("#table-cells th button");
        const heading = (n) => buttons[n].closest("th").getAttribute("aria-sort");
        const column = (n) => [...document.querySelectorAll("#table-cells tbody tr")].map(
            (row) => row.cells[n].dataset.order);
        const steps = [];
        for (const n of [2, 2, 0, 6]) { buttons[n].click(); steps.push([heading(n), column(n)]); }
        buttons[1].focus();
        return [...steps, heading(0), document.activeElement === buttons[1]];
        """,
    "filtered": """
        const input = document.querySelector("[data-filter=table-cells]");
        input.value = "SNM 16";
        input.dispatchEvent(new Event("input"));
        const rows = [...document.querySelectorAll("#table-cells tbody tr")].filter((row) => !row.hidden);
        return [rows.map((row) => row.cells[0].textContent), document.querySelector("output").textContent];
        """,
    "toggled": """
        const buttons = document.querySelectorAll('.legend[data-chart="score"] button');
        const lines = () => document.querySelectorAll("#chart-score .scatter").length;
        const counts = [lines()];
        for (const kind of ["click", "click", "dblclick", "dblclick"]) {
          buttons[1].dispatchEvent(new MouseEvent(kind, { bubbles: true }));
          await wait();
          counts.push(lines());
        }
        return [counts, buttons[1].getAttribute("aria-pressed"), buttons.length];
        """,
    "grounds": """
        const ink = () => getComputedStyle(document.body).color;
        const text = () => document.querySelector("#chart-score .xtitle").style.fill;
        const inks = [getComputedStyle(document.body).backgroundColor, [ink(), text()]];
        document.getElementById("theme").click(); await wait();
        return [...inks, [ink(), text()]];
        """,
    "closer": """
        const range = () => document.getElementById("chart-score").layout.yaxis.range;
        const press = async () => { document.querySelector("[data-focus=score]").click(); await wait(); };
        await press();
        const near = range();
        await press();
        return [near, range()];
        """,
}
"""What is done one after the other in one page; ``wait`` lets the page draw."""


@pytest.fixture(scope="module")
def seen(page) -> Seen:
    """All scripts in one page."""
    parts = ",".join(f"{name}: await (async () => {{ {script} }})()" for name, script in SCRIPTS.items())
    return opened(page, f"const wait = () => new Promise((resolve) => setTimeout(resolve, 50)); return {{ {parts} }};")


def test_no_error_and_no_request(seen):
    assert seen.console == []


def test_every_chart_is_drawn(seen):
    drawn = seen.found["drawn"]
    assert list(drawn) == list(CHARTS)
    assert all(layers >= 1 and points >= 1 for layers, points in drawn.values()), drawn


def test_headings_sort_their_column(seen, given):
    (down, falling), (up, rising), (text, labels), (cost, energies), other, focused = seen.found["sorted"]
    scores = sorted(cell["score"] for cell in given.comparison["cells"])
    assert (down, [float(value) for value in falling]) == ("descending", scores[::-1])
    assert (up, [float(value) for value in rising]) == ("ascending", scores)
    assert (text, labels) == ("ascending", sorted(cell["label"] for cell in given.comparison["cells"]))
    expected = sorted((cell["energy_pj"]["stand-in"] for cell in given.comparison["cells"]), reverse=True)
    assert (cost, [float(value) for value in energies]) == ("descending", expected)
    assert (other, focused) == ("none", True)


def test_the_filter_leaves_the_rows_with_all_words(seen, given):
    labels, shown = seen.found["filtered"]
    assert set(labels) == {"snm"}
    assert shown == f"{len(labels)} of {len(given.comparison['cells'])} rows"


def test_a_legend_hides_and_shows_series(seen):
    (whole, without, again, alone, at_last), pressed, entries = seen.found["toggled"]
    assert whole == again == at_last == entries
    assert (without, alone) == (whole - 1, 1)
    assert pressed == "true"


def test_light_and_dark_ground(seen):
    ground, light, dark = seen.found["grounds"]
    assert ground == "rgb(255, 255, 255)"
    assert light[0] == light[1]
    assert dark[0] == dark[1]
    assert light != dark


def test_the_closer_look(seen):
    near, whole = seen.found["closer"]
    assert near[1] - near[0] < 10 < whole[1] - whole[0]


def test_an_error_would_be_seen(page):
    script = "console.error('planted'); new Image().src = 'https://example.com/a.png'; return null;"
    console = opened(page, script).console
    assert any("planted" in line for line in console)
    assert any("Content Security Policy" in line for line in console)


def test_a_page_is_dark_where_dark_is_preferred(page):
    script = "return getComputedStyle(document.body).backgroundColor;"
    ground = opened(page, script, "--blink-settings=preferredColorScheme=0").found
    assert sum(map(int, re.findall(r"\d+", ground))) < 150


def test_nothing_is_wider_than_a_telephone(page):
    wrapper = page.with_name("wrapper.html")
    wrapper.write_text(
        '<body><iframe src="report.html" width="400" height="900" id="f"></iframe></body>', encoding="utf-8"
    )
    seen = opened(
        wrapper,
        """
        const inside = document.getElementById("f").contentDocument;
        const wide = [...inside.querySelectorAll(".main-svg")].map((svg) => svg.getBoundingClientRect().right);
        return [inside.documentElement.scrollWidth, Math.max(...wide)];
        """,
        "--allow-file-access-from-files",
    )
    assert max(seen.found) <= 400


def test_names_do_no_harm_in_a_browser(given, tmp_path):
    nasty = "</script><img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
    compared = json.loads(json.dumps(given.comparison))
    for cell in compared["cells"]:
        cell["label"] = cell["label"].replace("snm", nasty)
    compared |= {"front": [[nasty, 16]], "command": nasty}
    path = write_report(tmp_path / "r.html", compared, about={"title": nasty, nasty: nasty})
    seen = opened(path, "return [document.title, document.images.length];")
    assert seen.found == [nasty, 0]
    assert seen.console == []
