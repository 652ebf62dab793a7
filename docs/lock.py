"""Write the hashes into requirements.txt and requirements-dev.txt: `make lock`.

A new package is one line, `name==version  # why it is needed (licence)`, above the transitive dependencies. This script
resolves the packages with uv, moves each reason above its package, and writes the transitive dependencies, with the
hash of every file that pip may install on Linux and macOS. Pinned versions are never changed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.tags import Tag
from packaging.utils import canonicalize_name, parse_wheel_filename

PROJECT_DIR = Path(__file__).resolve().parent.parent
FILES = ("requirements.txt", "requirements-dev.txt")
OLDEST_PYTHON = (3, 11)

TRANSITIVE = "# Brought by the packages above (transitive dependencies)."
"""The line above the part that this script writes."""

_PIN = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)(?P<extras>\[[\w,-]+\])?==(?P<version>[^\s\\]+)(?:\s*\\)?(?:\s+#\s*(?P<reason>.+))?$"
)
_PLATFORM = re.compile(r"any|(?:many|musl)?linux.*_(?:x86_64|aarch64)|macosx_.*")
_ENVIRONMENTS = tuple(
    {
        "sys_platform": platform,
        "platform_system": system,
        "python_version": python,
        "python_full_version": f"{python}.0",
    }
    for platform, system in (("linux", "Linux"), ("darwin", "Darwin"))
    for python in ("3.11", "3.12", "3.13", "3.14", "3.15")
)


def main() -> None:
    """Rewrite both files."""
    uv = Path(sys.executable).with_name("uv")
    locked_before: list[str] = []
    for name in FILES:
        path = PROJECT_DIR / name
        text = path.read_text(encoding="utf-8")
        head, _, tail = text.partition(TRANSITIVE)
        packages = resolve(uv, [*locked_before, *pins_of(head)], pins_of(tail))
        hashes = {str(canonicalize_name(package["name"])): package for package in packages if is_needed(package)}
        elsewhere = {str(canonicalize_name(pin.partition("==")[0].partition("[")[0])) for pin in locked_before}
        path.write_text("\n".join(lines_of(head, hashes, elsewhere)) + "\n", encoding="utf-8")
        locked_before += pins_of(path.read_text(encoding="utf-8"))
        print(f"{name}: {len(hashes.keys() - elsewhere)} packages")  # noqa: T201  # a command's output


def pins_of(text: str) -> list[str]:
    """Return the pinned requirements of a text."""
    found = map(_PIN.match, text.splitlines())
    return [f"{pin['name']}{pin['extras'] or ''}=={pin['version']}" for pin in found if pin]


def resolve(uv: Path, wanted: Sequence[str], preferred: Sequence[str]) -> list[dict[str, Any]]:
    """Return the packages that `wanted` needs, with their files; exit with uv's message if that fails.

    Args:
        uv: the program.
        wanted: pinned requirements.
        preferred: the transitive dependencies so far; one that no longer fits makes the resolution fail.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, constraints, lock = (Path(folder, name) for name in ("in.txt", "constraints.txt", "pylock.toml"))
        given.write_text("\n".join(wanted), encoding="utf-8")
        constraints.write_text("\n".join(preferred), encoding="utf-8")
        options = ["--universal", f"--python-version={'.'.join(map(str, OLDEST_PYTHON))}", "--system-certs", "--quiet"]
        files = [str(path) for path in (given, "--constraints", constraints, "--output-file", lock)]
        command = [str(uv), "pip", "compile", *files, *options]
        done = subprocess.run(command, env=os.environ | _index(), check=False)  # noqa: S603  # our own tool
        if done.returncode:
            sys.exit("❌ The packages could not be resolved: uv's message is above. No file was changed by this step.")
        packages: list[dict[str, Any]] = tomllib.loads(lock.read_text(encoding="utf-8"))["packages"]
        return packages


def _index() -> dict[str, str]:
    """Return the package index of pip's configuration, if it names one, as uv's variable."""
    command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    url = os.environ.get("PIP_INDEX_URL") or subprocess.run(  # noqa: S603  # our own interpreter
        command, capture_output=True, text=True, check=False
    ).stdout.strip().strip("'\"")
    return {"UV_DEFAULT_INDEX": url} if url else {}


def is_needed(package: dict[str, Any]) -> bool:
    """Return whether a package is installed on Linux or macOS."""
    marker = package.get("marker")
    return marker is None or any(Marker(marker).evaluate(dict(one)) for one in _ENVIRONMENTS)


def lines_of(head: str, packages: dict[str, dict[str, Any]], elsewhere: set[str]) -> Iterator[str]:
    """Yield the lines of a file.

    Args:
        head: its part above the transitive dependencies.
        packages: every resolved package, by canonical name.
        elsewhere: the names of those that another file pins.
    """
    named = set(elsewhere)
    for line in head.rstrip().splitlines():
        pin = _PIN.match(line)
        if pin is None:
            if not line.lstrip().startswith("--hash"):
                yield line
            continue
        name = str(canonicalize_name(pin["name"]))
        named.add(name)
        if pin["reason"]:
            yield f"# {pin['reason']}"
        yield from pinned(f"{pin['name']}{pin['extras'] or ''}=={pin['version']}", packages[name])
    yield ""
    yield TRANSITIVE
    for name in sorted(packages.keys() - named):
        yield from pinned(f"{name}=={packages[name]['version']}", packages[name])


def pinned(requirement: str, package: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of one requirement with its hashes."""
    files = [wheel for wheel in package.get("wheels", ()) if fits(wheel["url"].rpartition("/")[2])]
    files += [package["sdist"]] if "sdist" in package else []
    hashes = sorted({file["hashes"]["sha256"] for file in files})
    lines = [requirement, *(f"    --hash=sha256:{digest}" for digest in hashes)]
    yield " \\\n".join(lines)


def fits(wheel: str) -> bool:
    """Return whether a wheel may be installed on Linux (x86_64, aarch64) or macOS."""
    return any(map(_tag_fits, parse_wheel_filename(wheel)[3]))


def _tag_fits(tag: Tag) -> bool:
    if not _PLATFORM.fullmatch(tag.platform):
        return False
    if tag.abi == "abi3" or tag.interpreter == "py3":
        return True
    version = re.fullmatch(r"cp(\d)(\d+)", tag.interpreter)
    is_current = version is not None and (int(version[1]), int(version[2])) >= OLDEST_PYTHON
    return is_current and tag.abi in {tag.interpreter, "none"}


if __name__ == "__main__":
    main()
