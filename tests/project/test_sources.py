"""Which folders are watched for changes."""

from pathlib import Path

import pytest

from console.sources import find_sources

ROOT = Path(__file__).resolve().parents[2]


def test_the_project_is_watched_and_what_pip_installed_is_not() -> None:
    trees = find_sources([], [ROOT / "templates"]).trees
    assert {str(ROOT / "console"), str(ROOT / "orchestrator")} <= set(trees)
    assert not [tree for tree in trees if "site-packages" in tree]


def test_a_module_in_a_package_brings_its_whole_package(monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "shop_jobs" / "mail").mkdir(parents=True)
    (tmp_path / "shop_jobs" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    sources = find_sources(["shop_jobs.mail.daily"])
    assert str(tmp_path / "shop_jobs") in sources.trees
    assert sources.folders == ()


def test_a_single_file_brings_its_folder_but_nothing_below_it(monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "lonely_jobs.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    sources = find_sources(["lonely_jobs"])
    assert sources.folders == (str(tmp_path),)
    assert str(tmp_path) not in sources.trees


def test_a_module_that_is_not_there_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match="no module named 'nowhere_jobs'"):
        find_sources(["nowhere_jobs.daily"])
