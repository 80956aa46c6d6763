"""Which folders hold code whose change must restart the development server."""

import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from django.apps import apps
from django.template.utils import get_app_template_dirs


@dataclass(frozen=True, slots=True)
class Sources:
    """Folders to watch with everything below them, and folders of which only the files themselves count."""

    trees: tuple[str, ...]
    folders: tuple[str, ...]


def find_sources(modules: Iterable[str], template_folders: Iterable[Path] = ()) -> Sources:
    """The code of the installed apps and of ``modules``, without what pip installed."""
    trees = {Path(config.path) for config in apps.get_app_configs()}
    trees |= {Path(folder) for folder in (*template_folders, *get_app_template_dirs("templates"))}
    folders = set()
    for module in modules:
        place, is_package = _place_of(module)
        (trees if is_package else folders).add(place)
    own_trees = {tree for tree in trees if tree.is_dir() and not _is_installed(tree)}
    outer = {tree for tree in own_trees if own_trees.isdisjoint(tree.parents)}
    own_folders = {folder for folder in folders - outer if outer.isdisjoint(folder.parents)}
    return Sources(tuple(sorted(map(str, outer))), tuple(sorted(map(str, own_folders))))


def _place_of(module: str) -> tuple[Path, bool]:
    """The folder of the outermost package of ``module``, or of the file when it is in no package."""
    name = module.partition(".")[0]
    spec = find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"no module named {name!r} on the Python path", name=name)
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).absolute(), True
    return Path(spec.origin or ".").absolute().parent, False


def _is_installed(folder: Path) -> bool:
    return any(folder.is_relative_to(sysconfig.get_path(kind)) for kind in ("purelib", "platlib", "stdlib"))
