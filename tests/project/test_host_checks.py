"""What ``manage.py check`` tells a project that Signalbox is part of."""

from types import SimpleNamespace

import pytest
from django.db import connections
from django.db.backends.sqlite3.base import DatabaseWrapper as DjangoSqlite

from console.apps import check_needed_apps
from orchestrator.database_checks import check_sqlite_backend


def test_our_own_project_is_in_order() -> None:
    assert check_sqlite_backend() == []
    assert check_needed_apps() == []


def test_djangos_own_sqlite_backend_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    wrapper = DjangoSqlite({**connections["default"].settings_dict, "NAME": "shop.db"}, "default")
    monkeypatch.setitem(vars(connections._connections), "default", wrapper)
    [error] = check_sqlite_backend()
    assert error.id == "orchestrator.E001"
    assert 'DATABASES["default"]["ENGINE"] = "orchestrator.db.sqlite3"' in str(error.hint)


def test_another_database_is_none_of_the_checks_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vars(connections._connections), "default", SimpleNamespace(vendor="postgresql"))
    assert check_sqlite_backend() == []


def test_a_missing_app_is_named(settings) -> None:
    settings.INSTALLED_APPS = [name for name in settings.INSTALLED_APPS if name != "django_htmx"]
    [error] = check_needed_apps()
    assert error.msg == "The console needs 'django_htmx' in INSTALLED_APPS."
