"""Fetches the files of static/console/vendor from the npm registry, as vendor.toml names them.

    python scripts/vendor.py           fetch, and refuse what does not have the hash in vendor.toml
    python scripts/vendor.py --accept  fetch, and write the new hashes into vendor.toml

Needs npm, only for this: what it fetches is kept in the repository.
"""

import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

VENDOR = Path(__file__).resolve().parent.parent / "static/console/vendor"
MANIFEST = VENDOR / "vendor.toml"


def main(accept: bool) -> None:
    manifest = tomllib.loads(MANIFEST.read_text())
    entries = [*manifest["file"], manifest["sprite"]]
    with tempfile.TemporaryDirectory() as directory:
        packages = {name: pack(name, Path(directory)) for name in {spec(entry) for entry in entries}}
        for entry in entries:
            package = packages[spec(entry)]
            store(entry, body_of(entry, package), accept)
            keep_licence(entry, package)
    (VENDOR / "THIRD_PARTY.md").write_text(third_party(entries))


def spec(entry: dict[str, Any]) -> str:
    return f"{entry['package']}@{entry['version']}"


def pack(name: str, directory: Path) -> Path:
    command = ["npm", "pack", "--silent", name]
    printed = subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True)
    return directory / printed.stdout.strip().splitlines()[-1]


def body_of(entry: dict[str, Any], package: Path) -> bytes:
    if "icons" in entry:
        return sprite(package, entry["icons"])
    body = read(package, entry["source"])
    return plotly_styles(body) if entry.get("styles_only") else body


def read(package: Path, path: str) -> bytes:
    with tarfile.open(package) as archive:
        member = archive.extractfile(f"package/{path}")
        if member is None:
            raise SystemExit(f"{package.name} has no file {path}")
        return member.read()


def sprite(package: Path, icons: Iterable[str]) -> bytes:
    symbols = []
    for icon in sorted(icons):
        drawing = read(package, f"icons/{icon}.svg").decode()
        children = re.sub(r"<!--.*?-->|</?svg[^>]*>", "", drawing, flags=re.DOTALL)
        symbols.append(f'<symbol id="{icon}" viewBox="0 0 24 24">{" ".join(children.split())}</symbol>')
    return "\n".join(['<svg xmlns="http://www.w3.org/2000/svg">', *symbols, "</svg>\n"]).encode()


def plotly_styles(script: bytes) -> bytes:
    """The style sheet that plotly.js would write into the page by itself, which our Content-Security-Policy forbids."""
    text = script.decode()
    start = text.index('{"X,X div":')
    rules = re.findall(r'"([^"]+)":(?:"([^"]*)"|\'([^\']*)\')', text[start : text.index("}", start)])
    # It inserts each rule before the others.
    lines = [f"{selector(short)} {{ {double or single} }}" for short, double, single in reversed(rules)]
    return ("\n".join(lines) + "\n").encode()


def selector(short: str) -> str:
    """As plotly.js spells it out."""
    return short.replace("X", ".js-plotly-plot .plotly").replace("Y", ".plotly-notifier")


def store(entry: dict[str, Any], body: bytes, accept: bool) -> None:
    found, wanted = hashlib.sha256(body).hexdigest(), entry["sha256"]
    if found != wanted:
        if not accept:
            raise SystemExit(f"{entry['target']}: sha256 is {found}, vendor.toml says {wanted}; --accept takes it")
        text = MANIFEST.read_text()
        start = text.index(f'target = "{entry["target"]}"')
        MANIFEST.write_text(text[:start] + text[start:].replace(f'"{wanted}"', f'"{found}"', 1))
    (VENDOR / entry["target"]).write_bytes(body)


def keep_licence(entry: dict[str, Any], package: Path) -> None:
    folder = VENDOR / "licences"
    folder.mkdir(exist_ok=True)
    (folder / f"{entry['package'].split('/')[-1]}.txt").write_bytes(read(package, "LICENSE"))


def third_party(entries: Iterable[dict[str, Any]]) -> str:
    lines = [
        "# Third-party files",
        "",
        "Written by scripts/vendor.py from vendor.toml. The licences' texts are in licences/.",
        "",
        "| file | npm package | version | licence |",
        "|---|---|---|---|",
        *("| {target} | {package} | {version} | {licence} |".format(**entry) for entry in entries),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main(accept="--accept" in sys.argv[1:])
