"""Settings, grouped by concern. Every one comes from the environment: see ``.env.example``."""

import os
from typing import Any

import environ
from django.conf import global_settings
from django.urls import reverse_lazy
from temporalio.envconfig import ClientConfigProfile

from mudda.configuration import contradictions, refuse
from mudda.encryption import PayloadKey, payload_keys
from mudda.environment import (
    BASE_DIR,
    database_of,
    mudda_home,
    read_environment,
    secret_file,
    temporal_profile,
    without_driver,
)

env = read_environment()
MUDDA_HOME = mudda_home()

# --- The basics -------------------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env("SECRET_KEY", default="")
# Keys that signed or sealed something which has to be read for a while longer: the last SECRET_KEYs.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
PUBLIC_URL = env("PUBLIC_URL", default="http://localhost:8000").rstrip("/")
CITY_NAME = env("CITY_NAME", default="Our City")
API_HOST = env("API_HOST", default="127.0.0.1")
API_PORT = env.int("API_PORT", default=8000)

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "oauth2_provider",
    "mudda.apps.MuddaConfig",
    "issues.apps.IssuesConfig",
    "workflows.apps.WorkflowsConfig",
    "executions.apps.ExecutionsConfig",
    *env.list("CITY_APPS", default=[]),  # a city's own activities: docs/activities.md
]

MIDDLEWARE = [
    "mudda.middleware.RequestId",
    "mudda.monitoring.middleware.Observed",
    "mudda.languages.PageLanguage",
    "django.middleware.security.SecurityMiddleware",
    "mudda.content_security.ContentSecurity",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "mudda.ratelimits.RateLimits",
    "mudda.middleware.BodyLimit",
    "mudda.middleware.ProblemResponses",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "mudda.middleware.ConsoleReach",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "mudda.urls"
ASGI_APPLICATION = "mudda.asgi.application"
WSGI_APPLICATION = "mudda.wsgi.application"
APPEND_SLASH = True  # for the admin; the API's own paths have none

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- Database ---------------------------------------------------------------------------------------

DATABASE_URL = without_driver(
    env("DATABASE_URL", default=f"postgresql://postgres@/mudda?host={MUDDA_HOME}/postgres")
)
# Behind a pooler in transaction mode: straight to the server, for the one connection a process that hears NOTIFY.
DATABASE_LISTEN_URL = without_driver(env("DATABASE_LISTEN_URL", default=""))
# Of RDS with IAM authentication: a token for each new connection instead of a password.
DATABASE_IAM_REGION = env("DATABASE_IAM_REGION", default="")
# Whether the statements of every call are prepared: a pooler in transaction mode may not know prepared statements.
DATABASE_PREPARED = env.bool("DATABASE_PREPARED", default=not DATABASE_LISTEN_URL)
_nowhere: dict[str, Any] = {}
_database = env.parsed("DATABASE_URL", database_of, DATABASE_URL, otherwise=_nowhere)
STATEMENT_TIMEOUT = env.int("DATABASE_STATEMENT_TIMEOUT", default=0)  # seconds
_database["OPTIONS"] = {
    **_database.get("OPTIONS", {}),
    # Tables of both schemas are found by their plain names: see docs/design.md, "Two schemas".
    # A statement that takes too long is given up: in milliseconds, 0 for none. The web server has 30 s (mudda/asgi.py).
    "options": f"-c search_path=public,workflow -c statement_timeout={STATEMENT_TIMEOUT * 1000}",
    "connect_timeout": 5,
    "prepare_threshold": 5 if DATABASE_PREPARED else None,
    # Of a server that is gone without a word: what is sent has to be acknowledged, and silence is asked about.
    "tcp_user_timeout": 20_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    # psycopg's pool: threads come and go under ASGI and in the worker, connections stay (CONN_MAX_AGE=0).
    "pool": {
        "min_size": env.int("DATABASE_POOL_MIN", default=1),
        "max_size": env.int("DATABASE_POOL_MAX", default=20),
        "timeout": 5,
        # By default the pool's attempts to connect are ever further apart, so that after an outage of 40 s
        # requests went on failing for 21 s more; given up after 5 s, the next request makes a new attempt.
        "reconnect_timeout": 5,
    },
}
_database["ENGINE"] = (
    "mudda.database"  # Django's for PostgreSQL; looks after the health of connections itself
)
DATABASES: dict[str, dict[str, Any]] = {
    "default": {**_database, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False}
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Temporal ---------------------------------------------------------------------------------------

# Temporal's own variables (TEMPORAL_ADDRESS, ...) and profile file are understood as well: see .env.example.
TEMPORAL_CLIENT = env.parsed(
    "TEMPORAL_*", temporal_profile, dict(os.environ), otherwise=ClientConfigProfile(tls=None)
)
TEMPORAL_HOST = TEMPORAL_CLIENT.address or "localhost:7233"
TEMPORAL_NAMESPACE = TEMPORAL_CLIENT.namespace or "default"
# Where the key is in a file it is read again whenever that changes: mudda/connecting.py.
TEMPORAL_API_KEY_FILE = secret_file("TEMPORAL_API_KEY")
_no_keys: tuple[PayloadKey, ...] = ()
# Payloads are encrypted with the first of these and read with any; none: not encrypted. See docs/temporal.md.
TEMPORAL_PAYLOAD_KEYS = env.parsed(
    "TEMPORAL_PAYLOAD_KEYS", payload_keys, env("TEMPORAL_PAYLOAD_KEYS", default=""), otherwise=_no_keys
)
# Whether runs can be found in Temporal by plan, category and department; the namespace has to know these.
TEMPORAL_SEARCH_ATTRIBUTES = env.bool("TEMPORAL_SEARCH_ATTRIBUTES", default=False)
TEMPORAL_TASK_QUEUE = env("TEMPORAL_TASK_QUEUE", default="mudda-ai-workflows")
# Worker Versioning, off where both are empty: docs/durability.md.
TEMPORAL_DEPLOYMENT_NAME = env("TEMPORAL_DEPLOYMENT_NAME", default="")
TEMPORAL_BUILD_ID = env("TEMPORAL_BUILD_ID", default="")
# Where the worker says whether it lives and polls, for probes (on API_HOST); 0: nowhere.
WORKER_HEALTH_PORT = env.int("WORKER_HEALTH_PORT", default=0)
TEMPORAL_UI_URL = env("TEMPORAL_UI_URL", default="")

# --- The planner ------------------------------------------------------------------------------------

OPENAI_API_KEY = env("OPENAI_API_KEY", default="")
OPENAI_BASE_URL = env("OPENAI_BASE_URL", default="")
OPENAI_API = env("OPENAI_API", default="auto")  # auto, responses or chat: which API is asked
OPENAI_MODEL = env("OPENAI_MODEL", default="")  # the planner's own default where it is empty
OPENAI_TIMEOUT = env.float("OPENAI_TIMEOUT", default=20.0)
# What one draft may use; when it is spent, the playbooks draft.
OPENAI_MAX_CALLS = env.int("OPENAI_MAX_CALLS", default=10)
OPENAI_MAX_TOKENS = env.int("OPENAI_MAX_TOKENS", default=100_000)
OPENAI_MAX_SECONDS = env.float("OPENAI_MAX_SECONDS", default=50.0)
OPENAI_MAX_COST = env.float("OPENAI_MAX_COST", default=0.50)
OPENAI_PRICES = env.json("OPENAI_PRICES", default={})
# Kinds of personal data that are masked before a text leaves for the model.
OPENAI_MASKED = env.list("OPENAI_MASKED", default=["names", "phones", "emails", "plates", "accounts"])
# Seconds that a request waits for a draft that a model writes, before it answers 202 and says where it goes on.
GENERATE_WAIT = env.float("GENERATE_WAIT", default=60.0)

# --- E-mail and files -------------------------------------------------------------------------------

_EMAIL_FILES = "executions.adapters.email.backends.FilePerMail"
EMAIL_URL = env("EMAIL_URL", default="")
EMAIL_FILE_PATH = str(MUDDA_HOME / "mail")
EMAIL_BACKEND = _EMAIL_FILES
if EMAIL_URL:
    vars().update(env.parsed("EMAIL_URL", environ.Env.email_url_config, EMAIL_URL, otherwise={}))
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", default=10)
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default=f"{CITY_NAME} <no-reply@city.example.org>")

# Text messages: sns://<region> (with boto3's own AWS_... variables), file: for a folder; empty: none are sent.
SMS_URL = env("SMS_URL", default="")
SMS_TIMEOUT = env.int("SMS_TIMEOUT", default=10)
SMS_FILE_PATH = str(MUDDA_HOME / "sms")

MEDIA_ROOT = env("MEDIA_ROOT", default=str(MUDDA_HOME / "media"))
MEDIA_URL = ""  # files are served by views that check who asks, never by their path
STATIC_URL = "/static/"
# Production collects the static files; without a place to collect them to they are served from the packages.
STATIC_ROOT = env("STATIC_ROOT", default=None)
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = not STATIC_ROOT

# --- Security ---------------------------------------------------------------------------------------

HTTPS_ONLY = env.bool("HTTPS_ONLY", default=not DEBUG)
SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # probes come from inside, without TLS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS_ONLY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS_ONLY
SECURE_HSTS_PRELOAD = HTTPS_ONLY
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_TLS_PROXY", default=False) else None
)
SESSION_COOKIE_SECURE = HTTPS_ONLY
CSRF_COOKIE_SECURE = HTTPS_ONLY
SESSION_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Proxies in front, as networks (CIDR): their X-Forwarded-For is believed, nobody else's.
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
MAX_BODY_BYTES = 1_000_000
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
# Where files come in as multipart/form-data, and the most bytes of a whole request: one file of 10 MB through the
# API, two at a time from the page of a signed link, which is read before anybody is known. Files over 2.5 MB wait on
# disk.
UPLOAD_PATHS = {
    r"/workflows/tasks/[^/]+/uploads": 10_100_000,
    r"/issues/[^/]+/attachments": 10_100_000,
    r"/policies(/[^/]+)?/import": 5_100_000,
    r"/t/[^/]+/": 21_000_000,
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = reverse_lazy("admin:login")
# Failed attempts to sign in within 15 minutes; 0: no limit.
LOGIN_FAILURES_NAME = env.int("LOGIN_FAILURES_NAME", default=10)  # with one user name, from anywhere
LOGIN_FAILURES_ADDRESS = env.int("LOGIN_FAILURES_ADDRESS", default=50)  # from one address, with any name

# --- Language and time ------------------------------------------------------------------------------

LANGUAGE_CODE = env("LANGUAGE_CODE", default="en")  # until somebody chooses another, or their browser does
NAMES_OF_LANGUAGES = dict(global_settings.LANGUAGES)
LANGUAGES = [
    (code, NAMES_OF_LANGUAGES.get(code, code)) for code in env.list("LANGUAGES", default=["en", "hi", "nl"])
]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["mudda.formats"]  # lists say times as pages do: 28 Nov 2026, 14:05
LANGUAGE_COOKIE_AGE = 31_536_000
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = HTTPS_ONLY
TIME_ZONE = env("TIME_ZONE", default="UTC")  # the city's: working hours are on its clocks
WORKING_HOURS = env("WORKING_HOURS", default="Mon-Fri 08:00-16:00")  # a department may have its own
CITY_HOLIDAYS = env("CITY_HOLIDAYS", default="")  # a country, or a part of it: DE, US-GA
CITY_REGION = env("CITY_REGION", default=CITY_HOLIDAYS[:2])  # whose telephone numbers need no country code
USE_I18N = True
USE_TZ = True

# --- Plans ------------------------------------------------------------------------------------------

PLAN_FOUR_EYES = env.bool("PLAN_FOUR_EYES", default=False)  # nobody approves a plan that they wrote a part of

# --- HTTP API ---------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "mudda.apikeys.ApiKeyAuthentication",
        "mudda.oauth.TokenAuthentication",
        "mudda.drf.StaffSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["mudda.scopes.HasScopes"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["mudda.drf.StrictJsonParser"],
    "DEFAULT_PAGINATION_CLASS": "mudda.paging.Pages",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "mudda.openapi.Schema",
    "EXCEPTION_HANDLER": "mudda.drf.as_problem",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}

# Calls a minute; 0: no limit. A key may have a rate of its own.
RATE_LIMIT_KEY = env.int("RATE_LIMIT_KEY", default=600)  # of each key, and of each member of staff
RATE_LIMIT_ANONYMOUS = env.int("RATE_LIMIT_ANONYMOUS", default=60)  # of each address, when nobody is known

# Tokens for programs, by their own name only (client credentials): no page asks anybody to consent.
OAUTH2_PROVIDER_APPLICATION_MODEL = "oauth2_provider.Application"
OAUTH2_PROVIDER = {
    "ACCESS_TOKEN_EXPIRE_SECONDS": env.int("OAUTH_TOKEN_SECONDS", default=3600),
    "OAUTH2_SERVER_CLASS": "oauthlib.oauth2.BackendApplicationServer",
    "OAUTH2_VALIDATOR_CLASS": "mudda.oauth.Validator",
    "SCOPES_BACKEND_CLASS": "mudda.oauth.Scopes",
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
    # What RFC 9700 advises; most of it is about grants that the server above doesn't have.
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,  # only hashes of tokens are stored
}

SPECTACULAR_SETTINGS = {
    "TITLE": "mudda",
    "DESCRIPTION": "From a citizen's words to work that is done.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "IssueStatus": "issues.models.IssueStatus.choices",
        "PlanStatus": "workflows.models.PlanStatus.choices",
        "PlannerRunStatus": "workflows.models.RunStatus.choices",
        "PolicyStatus": "workflows.policies.models.PolicyStatus.choices",
        "ExecutionStatus": "executions.models.ExecutionStatus.choices",
        "StepStatus": "executions.models.StepStatus.choices",
        "TaskStatus": "executions.models.TaskStatus.choices",
    },
}

# --- Admin ------------------------------------------------------------------------------------------

UNFOLD = {
    "SITE_TITLE": "mudda",
    "SITE_HEADER": "mudda",
    "SITE_SUBHEADER": CITY_NAME,
    "SITE_URL": None,  # there is no other site to go back to
    "SITE_SYMBOL": "location_city",
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "mudda.navigation.icon"}],
    "DASHBOARD_CALLBACK": "mudda.console.home",
    "STYLES": ["mudda.navigation.stylesheet", "mudda.navigation.home_stylesheet"],
    "SCRIPTS": ["mudda.navigation.naming"],
    "SIDEBAR": {"navigation": "mudda.navigation.sidebar", "show_search": False},
}

# --- Back-ups and retention -------------------------------------------------------------------------

# At least 50 random characters, kept where the back-ups are not; the fallbacks open what older keys have sealed.
BACKUP_KEY = env("BACKUP_KEY", default="")
BACKUP_KEY_FALLBACKS = env.list("BACKUP_KEY_FALLBACKS", default=[])
BACKUP_TO = env("BACKUP_TO", default=str(MUDDA_HOME / "backups"))  # a folder, or s3://bucket/prefix
PG_BIN = env("PG_BIN", default="")  # the folder of pg_dump; empty: the embedded server's, or on the PATH

# Days after which personal data is removed by `manage.py apply_retention`; 0: it is kept. See docs/backup.md.
RETENTION_DAYS = {
    "reporters": env.int("RETENTION_REPORTERS", default=0),
    "attachments": env.int("RETENTION_ATTACHMENTS", default=0),
    "statements": env.int("RETENTION_STATEMENTS", default=0),
    "runs": env.int("RETENTION_RUNS", default=0),
}

# --- Monitoring -------------------------------------------------------------------------------------

# Where each process tells its metrics (on API_HOST); 0: nowhere. Traces: OpenTelemetry's own variables.
METRICS_PORT = env.int("METRICS_PORT", default=0)
LOG_FORMAT = env("LOG_FORMAT", default="json" if HTTPS_ONLY else "line")
JSON_LOGS = LOG_FORMAT == "json"
# What `manage.py doctor` wants to be free on each disk that this process writes to.
DOCTOR_FREE_MB = env.int("DOCTOR_FREE_MB", default=1024)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "ids": {"()": "mudda.monitoring.logs.Ids"},
        "without_tokens": {"()": "mudda.middleware.WithoutTokens"},
    },
    "formatters": {
        "json": {"()": "mudda.monitoring.logs.Json"},
        "line": {
            "()": "mudda.monitoring.logs.Line",
            "fmt": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s",
            "texts": DEBUG,
        },
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "json" if JSON_LOGS else "line",
            "filters": ["ids", "without_tokens"],
        }
    },
    "root": {"handlers": ["stderr"], "level": env("LOG_LEVEL", default="INFO")},
    "loggers": {
        "httpx": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},  # a 4xx is the caller's news, not the operator's
        "django.db.backends": {"level": "WARNING"},  # below that it repeats statements with their values
        **{name: {"handlers": [], "propagate": True} for name in ("uvicorn", "uvicorn.access")},
    },
}

# --- Whether all of this can work -------------------------------------------------------------------

refuse(env.problems + contradictions(globals(), os.environ))
