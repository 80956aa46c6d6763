"""Where the console's files lie: in folders at the root of the source tree, or inside the installed package."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_TREE = _PACKAGE.parent

# The wheel has templates/ and static/ inside this package, where Django's loaders for apps find them by themselves.
IN_TREE = (_TREE / "templates" / "console").is_dir()

# Folders to name in settings. The installed one holds the error pages of the Signalbox project only: as files of the
# app they would become those of every project that the console is part of.
TEMPLATE_FOLDERS = [_TREE / "templates"] if IN_TREE else [_PACKAGE / "project_templates"]
STATIC_FOLDERS = [_TREE / "static"] if IN_TREE else []
