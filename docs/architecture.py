"""Draw docs/images/architecture.svg from the imports: `make architecture`.

The rows are the layers of the contracts in pyproject.toml, top to bottom; an arrow is an import between two folders,
left out where longer arrows say the same (transitive reduction). Every arrow points down, or the gate fails.
"""

from __future__ import annotations

import sys
import tomllib
from html import escape
from pathlib import Path

import grimp

PROJECT_DIR = Path(__file__).resolve().parent.parent
PICTURE = PROJECT_DIR / "docs" / "images" / "architecture.svg"
ROW_PX, BOX_PX, GAP_PX, TOP_PX = 58, 30, 16, 44
CHARACTER_PX = 7.6
PANEL_PX = {"peterental": 560, "peterental.database.migrations": 620}
TITLES = {"peterental": "peterental/", "peterental.database.migrations": "peterental/database/migrations/ (the engine)"}


def layers_of(container: str) -> list[list[str]]:
    """Return the layers of a package, top first, as pyproject.toml's contract writes them."""
    settings = tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if one.get("containers") == [container])
    return [[name.strip(" ()") for name in layer.split("|")] for layer in layers]


def arrows_of(graph: grimp.ImportGraph, container: str, names: list[str]) -> set[tuple[str, str]]:
    """Return which of `names` import which, without the arrows that a longer path implies."""
    modules = {name: {m for m in graph.modules if f"{m}.".startswith(f"{container}.{name}.")} for name in names}
    owner = {module: name for name, owned in modules.items() for module in owned}
    direct = {
        (name, owner[imported])
        for name, owned in modules.items()
        for module in owned
        for imported in graph.find_modules_directly_imported_by(module)
        if imported in owner and owner[imported] != name
    }
    below = {name: {b for a, b in direct if a == name} for name in names}

    def reaches(start: str, end: str) -> bool:
        return any(step == end or reaches(step, end) for step in below[start])

    return {(a, b) for a, b in direct if not any(reaches(step, b) for step in below[a] - {b})}


def panel(graph: grimp.ImportGraph, container: str, left_px: float) -> list[str]:
    """Return one package as SVG elements: a row of boxes for each layer, and its arrows."""
    width_px = PANEL_PX[container]
    layers = layers_of(container)
    place: dict[str, tuple[float, float, float]] = {}
    for row, names in enumerate(layers):
        widths = [len(name) * CHARACTER_PX + 26 for name in names]
        x_px = left_px + (width_px - sum(widths) - GAP_PX * (len(names) - 1)) / 2
        for name, box_px in zip(names, widths, strict=True):
            place[name] = (x_px, TOP_PX + row * ROW_PX, box_px)
            x_px += box_px + GAP_PX
    drawn = [f'<text class="title" x="{left_px + width_px / 2:.0f}" y="22">{escape(TITLES[container])}</text>']
    for start, end in sorted(arrows_of(graph, container, list(place))):
        (ax, ay, aw), (bx, by, bw) = place[start], place[end]
        x1, y1, x2, y2 = ax + aw / 2, ay + BOX_PX, bx + bw / 2, by - 3
        bend = (y2 - y1) / 2
        drawn.append(
            f'<path d="M{x1:.0f} {y1:.0f}C{x1:.0f} {y1 + bend:.0f} {x2:.0f} {y2 - bend:.0f} {x2:.0f} {y2:.0f}"/>'
        )
    for name, (x_px, y_px, box_px) in place.items():
        drawn.append(f'<rect x="{x_px:.0f}" y="{y_px:.0f}" width="{box_px:.0f}" height="{BOX_PX}" rx="6"/>')
        drawn.append(f'<text x="{x_px + box_px / 2:.0f}" y="{y_px + 20:.0f}">{escape(name)}</text>')
    return drawn


def picture() -> str:
    """Return the SVG of both packages, side by side."""
    graph = grimp.build_graph("peterental")
    drawn, left_px, rows = [], 0, 0
    for container, width_px in PANEL_PX.items():
        drawn += panel(graph, container, left_px)
        left_px += width_px
        rows = max(rows, len(layers_of(container)))
    height_px = TOP_PX + rows * ROW_PX
    return "\n".join(
        (
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{left_px}" height="{height_px}"'
                f' viewBox="0 0 {left_px} {height_px}" role="img" aria-label="Which folder imports which">'
            ),
            (
                "<style>text{font:13px ui-monospace,monospace;text-anchor:middle;fill:#1b2430}"
                ".title{font-weight:700}rect{fill:#fff;stroke:#2f6f5e;stroke-width:1.5}"
                "path{fill:none;stroke:#8aa39b;marker-end:url(#a)}</style>"
            ),
            (
                '<defs><marker id="a" markerWidth="7" markerHeight="7" refX="5" refY="3" orient="auto">'
                '<polygon points="0 0 6 3 0 6" fill="#8aa39b"/></marker></defs>'
            ),
            f'<rect width="{left_px}" height="{height_px}" style="fill:#f6f8f7;stroke:none"/>',
            *drawn,
            "</svg>\n",
        )
    )


if __name__ == "__main__":
    sys.path.insert(0, str(PROJECT_DIR))
    PICTURE.write_text(picture(), encoding="utf-8")
