"""The Django app that a company has before the portal, for the test suite.

Its accounts are imported by `frontdesk import-django`. So that the tests meet the
tables, hashes and dates of the true thing, this makes them with Django itself: its
own migrations, its own models, its own hashers.

    old_portal.py DATABASE_URL [--people N]

DATABASE_URL is an empty database: the path of an SQLite file, or postgres://…
Prints one line of JSON on stdout that says what is in it, as Django sees it.
"""

import argparse
import json
import secrets
from datetime import datetime, timedelta, timezone
from urllib.parse import unquote, urlsplit

import django
from django.conf import settings

PASSWORD = "a horse of the old portal"
PASSWORD_ZH = "旧门户的密码 2019"

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
OLDEST = datetime(2015, 2, 3, 4, 5, 6, 789_012, tzinfo=timezone.utc)
# The last of a thousand joined in the summer of 2025.
STEP = timedelta(days=3, hours=19, minutes=7, microseconds=321)

SURNAMES = "王李张刘陈杨黄赵吴周"
GIVEN_NAMES = ["伟", "芳", "娜", "秀英", "敏", "静", "丽", "强", "磊", "洋"]


def database(url):
    if not url.startswith(("postgres://", "postgresql://")):
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": url}
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.removeprefix("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": parts.port or "",
    }


parser = argparse.ArgumentParser(description="The app before the portal.")
parser.add_argument("database_url")
parser.add_argument("--people", type=int, default=1000)
options = parser.parse_args()

settings.configure(
    SECRET_KEY=secrets.token_urlsafe(),
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
    DATABASES={"default": database(options.database_url)},
    PASSWORD_HASHERS=[
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        "django.contrib.auth.hashers.Argon2PasswordHasher",
        "django.contrib.auth.hashers.ScryptPasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ],
    USE_I18N=False,
    USE_TZ=True,
)
django.setup()

# Models can be imported only once the settings stand.
# ruff: noqa: E402
from django.contrib.auth.hashers import (
    Argon2PasswordHasher,
    MD5PasswordHasher,
    PBKDF2PasswordHasher,
    ScryptPasswordHasher,
    make_password,
)
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command

PBKDF2 = PBKDF2PasswordHasher()


def quick(password):
    """The default kind with few iterations: made and verified in no time."""
    return PBKDF2.encode(password, PBKDF2.salt(), iterations=1000)


def default(password):
    return make_password(password)


def argon2(password):
    hasher = Argon2PasswordHasher()
    return hasher.encode(password, hasher.salt())


def scrypt(password):
    hasher = ScryptPasswordHasher()
    hasher.work_factor = 2**4  # nothing here will ever verify it
    return hasher.encode(password, hasher.salt())


def md5(password):
    hasher = MD5PasswordHasher()
    return hasher.encode(password, hasher.salt())


def unusable(_):
    return make_password(None)


def empty(_):
    return ""


# Who the tests know by name: first name, last name, hash, password, and what else is
# true of them. `name` is what the portal is to show.
KNOWN = {
    "anna": dict(first="Anna", last="Hart", name="Anna Hart", kind=default),
    "wangwei": dict(
        first="伟", last="王", name="王伟", kind=default, password=PASSWORD_ZH
    ),
    "argon": dict(first="Argon", last="", name="Argon", kind=argon2),
    "argonzh": dict(
        first="小明", last="欧阳", name="欧阳小明", kind=argon2, password=PASSWORD_ZH
    ),
    "quick": dict(first="", last="Quick", name="Quick", kind=quick),
    "gone": dict(first="Gone", last="", name="Gone", kind=quick, is_active=False),
    "look": dict(first="Look", last="", name="Look", kind=quick, is_staff=True),
    "boss": dict(
        first="", last="", name="", kind=quick, is_staff=True, is_superuser=True
    ),
    # A superuser by a script that forgot the other flag.
    "root": dict(first="", last="", name="", kind=quick, is_superuser=True),
    "locked": dict(first="Locked", last="", name="Locked", kind=unusable),
    "blank": dict(first="Blank", last="", name="Blank", kind=empty),
    "scrypt": dict(first="Scrypt", last="", name="Scrypt", kind=scrypt),
    "md5": dict(first="MD5", last="", name="MD5", kind=md5),
    "editor": dict(
        first="Edith",
        last="Or",
        name="Edith Or",
        kind=quick,
        groups=["Editors", "财务部"],
        permissions=["view_group"],
    ),
    "newcomer": dict(first="New", last="", name="New", kind=quick, never=True),
    "bidi": dict(first="a\u202eb", last="", name="", kind=quick),
    "o'brien <b>": dict(first="", last="", name="", kind=quick),
    "王芳": dict(first="芳", last="王", name="王芳", kind=quick, password=PASSWORD_ZH),
}

# Names that no account of the portal can have.
IMPOSSIBLE = ["a\u202eb", "bell\u0007"]

GROUPS = {
    "Editors": ["add_user", "change_user"],
    "财务部": ["view_group", "view_permission"],
    "empty": [],
}

MASS_KINDS = [quick] * 7 + [unusable, md5, quick]


def mass(count):
    for number in range(count):
        surname, given = SURNAMES[number % 10], GIVEN_NAMES[number // 10 % 10]
        yield (
            f"person{number:04}",
            dict(
                first=given,
                last=surname,
                name=surname + given,
                kind=MASS_KINDS[number % 10],
                is_active=number % 11 != 0,
                is_staff=number % 101 == 0,
                groups=["Editors"] if number % 5 == 0 else [],
                permissions=["view_user"] if number % 7 == 0 else [],
                never=number % 13 == 0,
            ),
        )


def micros(moment):
    return moment and (moment - EPOCH) // timedelta(microseconds=1)


def make_groups():
    permissions = {one.codename: one for one in Permission.objects.all()}
    groups = {}
    for name, codenames in GROUPS.items():
        groups[name] = Group.objects.create(name=name)
        groups[name].permissions.set(permissions[code] for code in codenames)
    return permissions, groups


def make_user(number, username, about):
    joined = OLDEST + number * STEP
    if number % 9 == 0:
        joined = joined.replace(microsecond=0)  # stored without a fraction in SQLite
    return User(
        username=username,
        first_name=about.get("first", ""),
        last_name=about.get("last", ""),
        email=f"{number}@example.com",
        password=about["kind"](about.get("password", PASSWORD)),
        is_active=about.get("is_active", True),
        is_staff=about.get("is_staff", False),
        is_superuser=about.get("is_superuser", False),
        date_joined=joined,
        last_login=None if about.get("never") else joined + timedelta(days=1),
    )


def names_of_permissions(about):
    """As the portal is to have them: the groups' own names among them."""
    codenames = set(about.get("permissions", []))
    groups = set(about.get("groups", []))
    for group in groups:
        codenames.update(GROUPS[group])
    return sorted({f"auth.{codename}" for codename in codenames} | groups)


def main():
    call_command("migrate", verbosity=0)
    permissions, groups = make_groups()
    people = dict(KNOWN)
    people.update(mass(options.people - len(people)))
    everybody = people | {name: dict(kind=quick) for name in IMPOSSIBLE}
    users = User.objects.bulk_create(
        make_user(number, username, about)
        for number, (username, about) in enumerate(everybody.items())
    )
    Held, Member = User.user_permissions.through, User.groups.through
    held, members = [], []
    for user in users:
        about = everybody[user.username]
        held += (
            Held(user=user, permission=permissions[code])
            for code in about.get("permissions", [])
        )
        members += (
            Member(user=user, group=groups[name]) for name in about.get("groups", [])
        )
    Held.objects.bulk_create(held)
    Member.objects.bulk_create(members)

    told = {}
    for user in User.objects.all().iterator():
        about = everybody[user.username]
        if user.username in IMPOSSIBLE:
            continue
        told[user.username] = {
            "first_name": about["name"],
            "email": user.email,
            "is_active": user.is_active,
            "is_staff": user.is_staff or user.is_superuser,
            "is_superuser": user.is_superuser,
            "date_joined": micros(user.date_joined),
            "last_login": micros(user.last_login),
            "permissions": names_of_permissions(about),
            "kind": about["kind"].__name__,
            "password": about.get("password", PASSWORD),
            "hash": user.password,
        }
    print(json.dumps({"people": told, "impossible": IMPOSSIBLE}), flush=True)


if __name__ == "__main__":
    main()
