"""Settings of the comparison: as small as a project that only does this would have them.

`BENCH_DATABASE` is `sqlite:///FILE` or `postgres://USER@HOST:PORT/NAME`.
"""

import os
from urllib.parse import urlsplit

SECRET_KEY = "for-a-benchmark-on-this-machine-only"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "urls"
INSTALLED_APPS = ["messaging"]
# Nothing here has sessions, cookies or pages: no middleware costs it time.
MIDDLEWARE = []
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGGING_CONFIG = None

_url = urlsplit(os.environ["BENCH_DATABASE"])
if _url.scheme == "sqlite":
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": _url.path,
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                # As durable as the gateway: on disk before it is acknowledged.
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000;",
            },
        }
    }
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _url.path.lstrip("/"),
            "USER": _url.username or "",
            "PASSWORD": _url.password or "",
            "HOST": _url.hostname,
            "PORT": _url.port or 5432,
            "CONN_MAX_AGE": None,
        }
    }

# What the gateway is told in its settings, this is told here.
TWILIO_ACCOUNT_SID = os.environ.get("BENCH_ACCOUNT_SID", "")
TWILIO_AUTH_TOKEN = os.environ.get("BENCH_AUTH_TOKEN", "")
TWILIO_BASE_URL = os.environ.get("BENCH_TWILIO", "")
NUMBER = os.environ.get("BENCH_NUMBER", "")
API_KEY = os.environ.get("BENCH_API_KEY", "")
PUBLIC_URL = os.environ.get("BENCH_PUBLIC_URL", "")
