"""A portal's page by Django, to hold Frontdesk's against.

`/` shows somebody signed in their name and permissions, from the database;
`/login-as/NAME` is the local part of a sign-in. Set up as Django's documentation
advises: write-ahead log, connections kept, templates cached.

Run as a script, it prepares the database that PORTAL_DATABASE names. Then
`gunicorn portal:application` serves it.
"""

import os
import secrets

import django
from django.conf import settings

BASE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>{% block title %}{% endblock %} – Portal</title>
  <link rel="stylesheet" href="/static/style.css">
</head>
<body data-user="{{ user.username }}">
<header>
  <nav><a href="/">Home</a><a href="/account">Account</a></nav>
  <form method="post" action="/logout">{% csrf_token %}<button>Sign out</button></form>
</header>
{% block main %}{% endblock %}
<footer>FILLER</footer>
</body>
</html>
"""

HOME = """{% extends "base.html" %}
{% block title %}Home{% endblock %}
{% block main %}
<main>
  <h1>Hello, {{ user.first_name }}</h1>
  <p>Last sign-in: <time>{{ user.last_login|date:"c" }}</time></p>
  <ul>
    {% for permission in permissions %}
    <li><code>{{ permission.codename }}</code> {{ permission.name }}</li>
    {% empty %}
    <li>No permissions</li>
    {% endfor %}
  </ul>
</main>
{% endblock %}
"""

# The page is to be about as long as the one that it is compared with.
FILLER = "x" * (int(os.environ.get("PORTAL_PAGE_BYTES", 0)) - len(BASE) - len(HOME))

settings.configure(
    # Of this run only; both workers must have the same one.
    SECRET_KEY=os.environ.get("PORTAL_SECRET_KEY") or secrets.token_urlsafe(50),
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    TIME_ZONE="UTC",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["PORTAL_DATABASE"],
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
            },
        }
    },
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    (
                        "django.template.loaders.cached.Loader",
                        [
                            (
                                "django.template.loaders.locmem.Loader",
                                {
                                    "base.html": BASE.replace("FILLER", FILLER),
                                    "home.html": HOME,
                                },
                            )
                        ],
                    )
                ],
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                ],
            },
        }
    ],
)
django.setup()

from django.contrib.auth import login  # noqa: E402
from django.contrib.auth.decorators import login_required  # noqa: E402
from django.contrib.auth.models import Permission, User  # noqa: E402
from django.contrib.contenttypes.models import ContentType  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.shortcuts import get_object_or_404, redirect, render  # noqa: E402
from django.urls import path  # noqa: E402

PERMISSIONS = {
    "expenses.submit": "Submit expenses",
    "hr.leave": "Ask for leave",
    "travel.book": "Book travel",
}


@login_required
def home(request):
    permissions = request.user.user_permissions.order_by("codename")
    return render(request, "home.html", {"permissions": permissions})


def login_as(request, name):
    user = get_object_or_404(User, username=name)
    user.first_name = name
    user.email = f"{name}@example.com"
    user.save(update_fields=["first_name", "email"])
    login(request, user)
    return redirect("/")


urlpatterns = [
    path("", home),
    path("login-as/<name>", login_as),
]

application = get_wsgi_application()


def prepare():
    call_command("migrate", verbosity=0)
    content_type = ContentType.objects.get_for_model(User)
    permissions = [
        Permission.objects.create(
            content_type=content_type, codename=codename, name=name
        )
        for codename, name in PERMISSIONS.items()
    ]
    user = User.objects.create_user("person0", first_name="person0")
    user.user_permissions.set(permissions)


if __name__ == "__main__":
    prepare()
