"""What ``manage.py check`` tells a project that the console is part of."""

from console.apps import check_needed_apps


def test_our_own_project_is_in_order() -> None:
    assert check_needed_apps() == []


def test_a_missing_app_is_named(settings) -> None:
    settings.INSTALLED_APPS = [name for name in settings.INSTALLED_APPS if name != "django_htmx"]
    [error] = check_needed_apps()
    assert error.msg == "The console needs 'django_htmx' in INSTALLED_APPS."
