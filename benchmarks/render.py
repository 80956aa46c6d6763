"""``python -m benchmarks.render``: the latest results as the table of docs/benchmarks.md."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.report import FIGURES

ROOT = Path(__file__).resolve().parent.parent
LATEST = ROOT / "benchmarks" / "results" / "latest.json"
PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- results: written by python -m benchmarks.render -->", "<!-- end of results -->"
NONE = "–"


def comparison(document: Mapping[str, Any]) -> str:
    """Markdown: where and when, figures by system, then what each system is and how it is configured."""
    systems = [system for system in document["systems"] if "medians" in system]
    return "\n\n".join(filter(None, (_sitting(document), _table(systems), _systems(document["systems"]))))


def update_page() -> None:
    """Puts the latest results between the page's marks."""
    PAGE.write_text(with_results(PAGE.read_text(), json.loads(LATEST.read_text())))


def with_results(page: str, document: Mapping[str, Any]) -> str:
    before, found, rest = page.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not found or not end:
        raise ValueError(f"the page lacks {BEGIN!r} or {END!r}")
    return f"{before}{BEGIN}\n\n{comparison(document)}\n\n{END}{after}"


def _sitting(document: Mapping[str, Any]) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in document["machine"].items())
    minutes = document["took_seconds"] / 60
    lines = [
        f"Measured at {document['at']} in one sitting of {minutes:.0f} minutes; "
        f"sizes: {document['size']}; repetitions: {document['repetitions']}.",
        f"Machine: {machine}.",
    ]
    if document["size"] != "full":
        lines.append("Fewer runs than in a full sitting: these figures only show that everything works.")
    return "  \n".join(lines)


def _table(systems: list[Any]) -> str:
    rows = [["", *(system["title"].replace(", ", "<br>") for system in systems)], ["---", *["---:"] * len(systems)]]
    for figure in FIGURES:
        values = [system["medians"].get(figure.name) for system in systems]
        if any(value is not None for value in values):
            rows.append([f"{figure.title} ({figure.unit})", *map(_number, values)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _systems(systems: list[Any]) -> str:
    lines = []
    for system in systems:
        if "medians" not in system:
            lines.append(f"- **{system['title']}**: not measured: {system['missing']}")
            continue
        versions = ", ".join(f"{name} {version}" for name, version in system["versions"].items())
        facts = ", ".join(
            value if name == "database" else f"{name} {value}" for name, value in system["durability"].items()
        )
        lines.append(f"- **{system['title']}**: {system['configuration']}. {facts}. {versions}.")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    if value is None:
        return NONE
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


if __name__ == "__main__":
    sys.exit(update_page())
