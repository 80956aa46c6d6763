import hashlib
import tomllib
from pathlib import Path

VENDOR = Path(__file__).resolve().parents[2] / "static/console/vendor"


def test_vendored_files_are_those_the_manifest_names():
    manifest = tomllib.loads((VENDOR / "vendor.toml").read_text())
    entries = [*manifest["file"], manifest["sprite"]]
    found = {entry["target"]: hashlib.sha256((VENDOR / entry["target"]).read_bytes()).hexdigest() for entry in entries}
    assert found == {entry["target"]: entry["sha256"] for entry in entries}
    assert {path.name for path in VENDOR.iterdir()} == {*found, "vendor.toml", "THIRD_PARTY.md", "licences"}
    for entry in entries:
        assert (VENDOR / "licences" / f"{entry['package'].split('/')[-1]}.txt").read_text()
