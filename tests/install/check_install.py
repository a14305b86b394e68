"""Builds isospike, installs it into empty environments, and uses it there: ``make install-test``.

* The wheel, built from the source distribution: ``isospike doctor``, with the kernels compiled, and ``isospike demo``.
* The checkout (``pip install .``), without a compiler: torch computes, ``doctor`` says so, a network is converted.
* The wheel without extras in every other Python that is declared and found: a network is converted.

Exact versions are those of ``constraints.txt``. Any command that fails ends the check.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UV = str(Path(sys.executable).with_name("uv"))
CONVERSION = Path(__file__).with_name("conversion.py").read_text()
OTHERS = ("README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "Makefile", "constraints.txt")
"""What a source distribution has beside the package, its tests and its documentation."""


def run(*command: str | Path, **options: object) -> str:
    """What a command prints; its errors go to the terminal."""
    print("+", *(str(part) if len(str(part)) < 200 else "..." for part in command), flush=True)
    return subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def tracked(*folders: str) -> set[str]:
    return set(run("git", "-C", ROOT, "ls-files", "-z", "--", *folders).split("\0")) - {""}


def build(folder: Path) -> Path:
    """The wheel, made from the source distribution; both hold every file that they must."""
    run(UV, "build", "--quiet", "--build-constraints", ROOT / "constraints.txt", "--out-dir", folder, ROOT)
    (sources,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    packed = {f"src/{name}" for name in zipfile.ZipFile(wheel).namelist()}
    check(tracked("src/isospike") <= packed, f"the wheel lacks {tracked('src/isospike') - packed}")
    with tarfile.open(sources) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {*tracked("src", "tests", "examples"), *OTHERS}
    check(wanted <= packed, f"the source distribution lacks {wanted - packed}")
    return wheel


class Environment:
    """An empty virtual environment, and a folder for its caches: nothing of the checkout is seen from it."""

    def __init__(self, folder: Path, python: str) -> None:
        self.folder, self.bin = folder, folder / "venv" / "bin"
        run(UV, "venv", "--quiet", "--python", python, folder / "venv")
        hidden = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "CC", "VIRTUAL_ENV")
        kept = {name: value for name, value in os.environ.items() if name not in hidden}
        self.variables = {**kept, "XDG_CACHE_HOME": str(folder / "cache")}

    def install(self, what: str) -> None:
        python, constraints = self.bin / "python", ROOT / "constraints.txt"
        run(UV, "pip", "install", "--quiet", "--python", python, "-c", constraints, what)

    def run(self, name: str, *arguments: str | Path, **variables: str) -> str:
        return run(self.bin / name, *arguments, cwd=self.folder, env={**self.variables, **variables})

    def convert(self, **variables: str) -> None:
        """Convert, save and load a network with the package that was installed."""
        answer = self.run("python", "-c", CONVERSION, **variables).split()
        check(Path(answer[0]).is_relative_to(self.folder), f"isospike was imported from {answer[0]}")
        check(answer[1:] == ["equal"], f"the conversion says {answer[1:]}")


def check(holds: bool, otherwise: str) -> None:
    if not holds:
        sys.exit(f"install check: {otherwise}")


def engine(environment: Environment, **variables: str) -> str:
    return json.loads(environment.run("isospike", "doctor", "--json", **variables))["native_engine"]


def with_compiler(environment: Environment, wheel: Path) -> None:
    environment.install(f"{wheel}[demo]")
    check(engine(environment) == "compiled and loaded", f"the kernels do not run: {engine(environment)}")
    environment.convert()
    environment.run("isospike", "demo", "--out", "demo.html")
    check((environment.folder / "demo.html").stat().st_size > 100_000, "the report of the demo is not whole")


def without_compiler(environment: Environment) -> None:
    """The checkout through pip itself, in the environment that has what it needs already."""
    environment.run("isospike", "--version")
    pip = ("-m", "pip", "--python", environment.bin / "python", "install", "--quiet", "--force-reinstall", "--no-deps")
    run(sys.executable, *pip, ROOT)
    bare = {"PATH": str(environment.bin)}
    found = engine(environment, **bare)
    check(found.startswith("none, torch computes instead: no C compiler was found"), f"doctor says: {found}")
    environment.convert(**bare)


def pythons() -> dict[str, str | None]:
    """Every declared minor version, and an interpreter of it where there is one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [line.rpartition(" ")[2] for line in project["classifiers"] if "Python :: 3." in line]
    return {version: interpreter(version) for version in declared}


def interpreter(version: str) -> str | None:
    found = subprocess.run([UV, "python", "find", "--no-python-downloads", version], capture_output=True, text=True)
    if found.returncode == 0:
        return found.stdout.strip()
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    return next((str(path) for path in sorted(pyenv.glob(f"{version}.*/bin/python"))), None)


def main() -> None:
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        wheel = build(folder / "dist")
        first = Environment(folder / own, sys.executable)
        with_compiler(first, wheel)
        without_compiler(first)
        for version, python in pythons().items():
            if python is None:
                print(f"Python {version}: skipped, it is not on this machine")
            elif version != own:
                other = Environment(folder / version, python)
                other.install(str(wheel))
                other.convert()
                print(f"Python {version}: installed, a network converted")


if __name__ == "__main__":
    main()
