"""Settings of the Signalbox project; every choice of a deployment comes from the environment: see docs/running.md."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured

from console import environment, places

SIGNALBOX_ENV = os.environ.get("SIGNALBOX_ENV", "development")
if SIGNALBOX_ENV not in {"development", "production"}:
    raise ImproperlyConfigured(f"SIGNALBOX_ENV must be development or production, not {SIGNALBOX_ENV!r}")
DEVELOPMENT = SIGNALBOX_ENV == "development"
SIGNALBOX_HOME = environment.data_home()

# Not tied to the environment: Django's debug mode records every query and shows settings on errors,
# which helps who works on Signalbox itself and costs who only writes functions.
DEBUG = environment.flag("SIGNALBOX_DEBUG", default=False)
SECRET_KEY = environment.secret_key(SIGNALBOX_HOME, development=DEVELOPMENT)
ALLOWED_HOSTS = environment.listed("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]" if DEVELOPMENT else "")
if not ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS is required when SIGNALBOX_ENV is not development")
CSRF_TRUSTED_ORIGINS = environment.listed("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    # Before staticfiles, whose runserver it replaces. No other command needs it, and it takes its time to load.
    *(["daphne"] if sys.argv[1:2] == ["runserver"] else []),
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "django_htmx",
    "template_partials",
    "ninja",  # serves the API's documentation page from its wheel instead of a CDN
    "orchestrator",
    "console",
]
if environment.flag("SIGNALBOX_EXAMPLES", default=DEVELOPMENT and places.IN_TREE):
    INSTALLED_APPS.append("examples")

MIDDLEWARE = [
    "console.health.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "console.middleware.ContentSecurityPolicyMiddleware",
    "console.middleware.DatabaseAwayMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    # Last, and written as sync only: under ASGI the whole chain above it then runs in one thread without switches.
    "console.auth.DevAutoLoginMiddleware",
]

ROOT_URLCONF = "console.urls"
ASGI_APPLICATION = "console.asgi.application"
WSGI_APPLICATION = "console.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": places.TEMPLATE_FOLDERS,
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "console.middleware.csp_nonce",
                "console.auth.dev_auto_login",
            ],
        },
    },
]

DATABASES = {"default": environment.database(SIGNALBOX_HOME)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CHANNEL_LAYERS = environment.channel_layers()

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATICFILES_DIRS = places.STATIC_FOLDERS
STATIC_ROOT = os.environ.get("STATIC_ROOT") or SIGNALBOX_HOME / "static"
# In development WhiteNoise finds files where they lie; elsewhere collectstatic gives them hashed, compressed names.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEVELOPMENT
# What is compressed already, and source maps: they are half of the time it takes, and only a debugger asks for one.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ("br", "gif", "gz", "jpg", "map", "png", "webp", "woff", "woff2")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEVELOPMENT
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"
# In development a visitor from this machine acts as a superuser named dev; console.auth says when.
SIGNALBOX_DEV_AUTO_LOGIN = DEVELOPMENT
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

if not DEVELOPMENT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = environment.flag("SIGNALBOX_SECURE_COOKIES", default=True)
    SECURE_HSTS_SECONDS = environment.number("SECURE_HSTS_SECONDS", 0)
    # The proxy with TLS leads http to https; subdomains and browsers' preload lists are for their owner to decide.
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]

ORCHESTRATOR = {
    "HOME": SIGNALBOX_HOME,
    "OPEN_ACCESS": DEVELOPMENT,
    "VERSION": os.environ.get("SIGNALBOX_VERSION", ""),
    "BROKER_URL": os.environ.get("BROKER_URL", ""),
    "RETENTION": os.environ.get("SIGNALBOX_RETENTION") or None,
    "CHANNEL_LAYER": "default" if CHANNEL_LAYERS else "",
    "LISTEN": environment.flag("DATABASE_LISTEN", default=not CHANNEL_LAYERS),
    "TRANSACTION_POOL": environment.flag("DATABASE_TRANSACTION_POOL", default=False),
    # Modules with functions beside every installed app's functions.py.
    "FUNCTIONS": environment.listed("SIGNALBOX_FUNCTIONS"),
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"lines": {"()": "console.logs.LineFormatter" if DEVELOPMENT else "console.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("LOG_LEVEL", "INFO").upper()},
    "loggers": {
        # While Redis is away it has a traceback each second; our doorbell says it once.
        "channels_redis": {"level": "CRITICAL"},
        "django": {"level": "INFO"},
        "daphne": {"level": "WARNING"},
        "twisted": {"level": "WARNING"},
        "watchfiles": {"level": "WARNING"},
    },
}
