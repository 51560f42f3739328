"""A company's sign-in platform, for the test suite.

The portal under test signs people in at an OAuth2 provider that other teams run.
This is that provider in small: the real django-oauth-toolkit, with its own
authorize and token views and its own consent page, so that the tests meet the
statuses, redirects and error bodies of the true thing and not those of a mock.

Run it with nothing but an open stdin. It prints one line of JSON on stdout once it
serves, {"url": "http://127.0.0.1:PORT"}, and ends when stdin ends, so that it can
not outlive the test process that holds the other end of the pipe.

The tests fill it through two addresses that no real platform has:

POST /test/people        creates or changes a person; keys left out keep their value
POST /test/applications  registers an application, or replaces its registration
"""

import argparse
import json
import logging
import secrets
import signal
import sys
import tempfile
import threading
from dataclasses import dataclass, field, replace
from functools import wraps
from pathlib import Path

import django
from django.conf import settings

LOGIN_PAGE = """<!DOCTYPE html>
<title>Company sign-in</title>
<form method="post">
{% csrf_token %}
{{ form.as_p }}
<input type="hidden" name="next" value="{{ next }}">
<button type="submit">Sign in</button>
</form>
"""

IN_MEMORY = "django.template.loaders.locmem.Loader"

# The flag per application, by client id. It has no place in the toolkit's model.
PKCE_REQUIRED: dict[str, bool] = {}

APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "oauth2_provider",
]

# Removed by main(), or by Python itself should main() never get that far.
DATA_FOLDER = tempfile.TemporaryDirectory(
    prefix="company-platform-", ignore_cleanup_errors=True
)

settings.configure(
    SECRET_KEY=secrets.token_urlsafe(),
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=APPS,
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    (IN_MEMORY, {"registration/login.html": LOGIN_PAGE}),
                    # The consent page comes from the toolkit's own folder.
                    "django.template.loaders.app_directories.Loader",
                ]
            },
        }
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": Path(DATA_FOLDER.name) / "platform.sqlite3",
            "OPTIONS": {
                # Every request has a thread and a connection of its own. Writers
                # queue up to 20 s, and take their lock at the start: a transaction
                # that reads first and writes later would fail instead of waiting.
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                # No file of this database is ever read again, so skip the syncs.
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;",
            },
        }
    },
    # MD5 guards nothing here, and a slow hash would only slow every sign-in of the
    # tests. The toolkit hashes the client secrets with it as well.
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    # A fresh database needs no history: the tables are made from the models at once,
    # in a third of the time that replaying every migration would take.
    MIGRATION_MODULES={app.rpartition(".")[2]: None for app in APPS},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    STATIC_URL="/static/",
    LOGIN_REDIRECT_URL="/",
    USE_I18N=False,
    USE_TZ=True,
    LOGGING_CONFIG=None,
    OAUTH2_PROVIDER={
        "ACCESS_TOKEN_EXPIRE_SECONDS": 36000,
        "PKCE_REQUIRED": lambda client_id: PKCE_REQUIRED.get(client_id, True),
    },
)
django.setup()

# Models can be imported only once the settings stand.
# ruff: noqa: E402
from django import forms
from django.contrib.auth import logout
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.http import (
    HttpResponse,
    HttpResponseForbidden,
    HttpResponseServerError,
    JsonResponse,
)
from django.urls import include, path
from django.utils.html import format_html
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST
from oauth2_provider.decorators import protected_resource
from oauth2_provider.models import Application


@dataclass(frozen=True)
class Person:
    """What the platform knows of a person beyond Django's table of users."""

    name_cn: str = ""
    email: str | None = None
    permissions: list = field(default_factory=list)
    permissions_shape: str = "strings"


PEOPLE: dict[int, Person] = {}  # by the id of the Django user
CONTROL_LOCK = threading.Lock()

# How a person's permissions are answered: the portal has to read all of these, and
# to live with "broken", which is status 500.
PERMISSION_SHAPES = ("strings", "objects", "wrapped", "broken")


# The pages people see


class AsTypedAuthenticationForm(AuthenticationForm):
    """Takes the username as typed.

    Django's form normalises and strips it. The usernames of the tests are stored as
    they were given, so some of them could never sign in through that form.
    """

    username = forms.CharField(strip=False)


def tiny_page(text):
    return HttpResponse(format_html("<!DOCTYPE html><title>Company</title>{}", text))


def home(request):
    """Where a sign-in ends that no application asked for."""
    return tiny_page(f"Signed in as {request.user.get_username() or 'nobody'}.")


@csrf_exempt
def log_out(request):
    """By GET too, which Django's own view no longer does."""
    logout(request)
    return tiny_page("Signed out.")


# The public API: a refused token is answered with 403 and no body at all, which is
# what the toolkit's decorator does by itself.


@require_GET
@protected_resource()
def base_info(request):
    user = request.resource_owner
    # The toolkit itself looks at the token alone, and refreshes it for anybody.
    if not user.is_active:
        return HttpResponseForbidden()
    person = PEOPLE[user.pk]
    # What the portal has no use for is here on purpose: it must not stumble on it.
    info = {
        "id": user.pk,
        "name": user.get_username(),
        "name_cn": person.name_cn,
        "department": "R&D",
        "is_superuser": False,
        "is_active": True,
    }
    if person.email is not None:
        info["email"] = person.email
    return JsonResponse(info)


@require_GET
@protected_resource()
def all_permissions(request):
    person = PEOPLE[request.resource_owner.pk]
    shape, names = person.permissions_shape, person.permissions
    if shape == "broken":
        return HttpResponseServerError("<h1>Server Error (500)</h1>")
    if shape == "strings":
        return JsonResponse(names, safe=False)
    objects = [{"codename": name, "name": f"Label of {name}"} for name in names]
    return JsonResponse(
        {"permissions": objects} if shape == "wrapped" else objects, safe=False
    )


# The tests' own controls


def control(action):
    """A view out of an action on a JSON body.

    A misspelt body is answered with 400, so that a test fails where its mistake is.
    """

    @csrf_exempt
    @require_POST
    @wraps(action)
    def view(request):
        try:
            with CONTROL_LOCK:
                return JsonResponse(action(**json.loads(request.body)))
        except (KeyError, TypeError, ValueError, ValidationError) as error:
            return JsonResponse({"error": repr(error)}, status=400)

    return view


@control
def save_person(*, username, password=None, is_active=None, **details):
    shape = details.get("permissions_shape", "strings")
    if shape not in PERMISSION_SHAPES:
        raise ValueError(f"unknown permissions_shape: {shape}")
    # Not create_user(): it would normalise the username.
    user = User.objects.filter(username=username).first() or User(username=username)
    person = replace(PEOPLE.get(user.pk, Person()), **details)
    # A new hash of the same password would end the person's sessions.
    if password is not None and not user.check_password(password):
        user.set_password(password)
    if is_active is not None:
        user.is_active = is_active
    user.save()
    PEOPLE[user.pk] = person
    return {"id": user.pk, "username": user.username}


@control
def save_application(
    *,
    client_id,
    redirect_uris,
    client_secret="",
    client_type="confidential",
    skip_authorization=False,
    pkce_required=True,
):
    if client_type == "confidential" and not client_secret:
        raise ValueError("a confidential application needs a client_secret")
    known = Application.objects.filter(client_id=client_id).first()
    application = known or Application(client_id=client_id)
    application.name = client_id
    application.client_secret = client_secret  # the model hashes it when saved
    application.redirect_uris = redirect_uris
    application.client_type = client_type
    application.authorization_grant_type = Application.GRANT_AUTHORIZATION_CODE
    application.skip_authorization = skip_authorization
    application.full_clean()
    application.save()
    PKCE_REQUIRED[client_id] = bool(pkce_required)
    return {"client_id": client_id}


urlpatterns = [
    path("", home),
    path("o/", include("oauth2_provider.urls")),
    path(
        "accounts/login/",
        LoginView.as_view(authentication_form=AsTypedAuthenticationForm),
    ),
    path("accounts/logout/", log_out),
    path("public-api/current_user/base_info", base_info),
    path("public-api/current_user/all_permissions", all_permissions),
    path("test/people", save_person),
    path("test/applications", save_application),
]


class QuietRequestHandler(WSGIRequestHandler):
    """Says nothing about each request; errors still reach stderr."""

    def log_message(self, format, *args):
        pass


class Server(ThreadedWSGIServer):
    request_queue_size = 128  # tests arrive all at once


def main():
    parser = argparse.ArgumentParser(description="A sign-in platform for the tests.")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    options = parser.parse_args()

    # On stderr: stdout carries the one line that says where the platform serves.
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # cleans up on the way
    try:
        call_command("migrate", run_syncdb=True, verbosity=0)
        server = Server(("127.0.0.1", options.port), QuietRequestHandler)
        server.set_app(get_wsgi_application())
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}), flush=True)
        while sys.stdin.buffer.read(4096):
            pass
    finally:
        DATA_FOLDER.cleanup()


if __name__ == "__main__":
    main()
