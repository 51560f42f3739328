"""Django's changelist of accounts at scale, to hold Frontdesk's user list against.

`changelist.py DATABASE COUNT` fills a new database, given as the path of an SQLite
file or as postgres://USER@HOST:PORT/NAME, with COUNT accounts and prints a table of
what pages of `/admin/auth/user/` take: the whole request, in this process.
"""

import random
import re
import secrets
import statistics
import sys
import time
from datetime import timedelta
from itertools import islice
from urllib.parse import unquote, urlsplit

import django
from django.conf import settings

WARM_UPS = 3
ROUNDS = 30
BATCH = 5000
PER_PAGE = 50

# A third of all people have one of the first five.
SURNAMES = """
王wang 李li 张zhang 刘liu 陈chen 杨yang 黄huang 赵zhao 吴wu 周zhou 徐xu 孙sun 马ma 朱zhu
胡hu 郭guo 何he 高gao 林lin 罗luo 郑zheng 梁liang 谢xie 宋song 唐tang 许xu 韩han 冯feng
邓deng 曹cao 彭peng 曾zeng 肖xiao 田tian 董dong 袁yuan 潘pan 于yu 蒋jiang 蔡cai
""".split()
GIVEN = """
伟wei 芳fang 娜na 敏min 静jing 丽li 强qiang 磊lei 军jun 洋yang 勇yong 艳yan 杰jie
娟juan 涛tao 明ming 超chao 秀xiu 霞xia 平ping 刚gang 桂gui 英ying 华hua 玉yu 兰lan
红hong 梅mei 鹏peng 飞fei 鑫xin 波bo 斌bin 宇yu 浩hao 凯kai 健jian 俊jun 帆fan 旭xu
宁ning 龙long 欢huan 佳jia 雪xue 婷ting 玲ling 倩qian 琳lin 颖ying 慧hui 莹ying 洁jie
丹dan 燕yan 琴qin 云yun 莉li 晶jing 瑞rui 晨chen 阳yang 雨yu 欣xin 怡yi 梓zi 涵han
""".split()
LATIN_GIVEN = """
Amelia Benjamin Charlotte Daniel Elena Felix Grace Hannah Isabel James Liam Maria Noah
""".split()
LATIN_SURNAMES = """
Anderson Brown Costa Dubois Evans Fischer Garcia Hansen Ivanov Johnson Lopez Martin
""".split()


def database(address):
    if "://" not in address:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": address,
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
            },
        }
    parts = urlsplit(address)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname,
        "PORT": parts.port or "",
        "CONN_MAX_AGE": None,
    }


settings.configure(
    SECRET_KEY=secrets.token_urlsafe(50),
    ALLOWED_HOSTS=["testserver"],
    ROOT_URLCONF=__name__,
    STATIC_URL="/static/",
    USE_TZ=True,
    TIME_ZONE="UTC",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    DATABASES={"default": database(sys.argv[1])},
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ],
            },
        }
    ],
)
django.setup()

from django.contrib import admin  # noqa: E402
from django.contrib.auth.admin import UserAdmin  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402

admin.site.unregister(User)


@admin.register(User)
class Accounts(UserAdmin):
    search_fields = ("username", "first_name", "email")
    list_per_page = PER_PAGE


urlpatterns = [path("admin/", admin.site.urls)]


def name(dice):
    """A name, and what a username is made from."""
    if dice.random() < 0.15:
        first, last = dice.choice(LATIN_GIVEN), dice.choice(LATIN_SURNAMES)
        middle = f"{dice.choice(LATIN_GIVEN)} " if dice.random() < 0.3 else ""
        return f"{first} {middle}{last}", f"{first}{last}".lower()
    surnames = SURNAMES[:5] if dice.random() < 0.35 else SURNAMES[5:]
    words = [dice.choice(surnames), dice.choice(GIVEN)]
    if dice.random() < 0.7:
        words.append(dice.choice(GIVEN))
    return "".join(word[0] for word in words), "".join(word[1:] for word in words)


def accounts(count):
    dice = random.Random(1)
    now = timezone.now()
    for number in range(count):
        first_name, spelt = name(dice)
        username = f"{spelt}{number + 1}"
        is_superuser = number % 10_000 == 7
        joined = now - timedelta(days=1825) * (1 - number / count)
        seen = max(joined, now - timedelta(days=400) * dice.random())
        yield User(
            username=username,
            first_name=first_name,
            email=f"{username}@qinghe.example",
            password="!",
            is_active=is_superuser or dice.random() >= 0.03,
            is_staff=is_superuser or number % 500 == 3,
            is_superuser=is_superuser,
            date_joined=joined,
            last_login=seen if dice.random() >= 0.01 else None,
        )


def fill(count):
    call_command("migrate", verbosity=0)
    users = accounts(count)
    while batch := list(islice(users, BATCH)):
        with transaction.atomic():
            User.objects.bulk_create(batch, batch_size=BATCH)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE")
        else:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def measure(client, queries):
    """The median of the whole request, in seconds."""
    times = []
    for number in range(WARM_UPS + ROUNDS):
        query = queries[number % len(queries)]
        started = time.perf_counter()
        response = client.get("/admin/auth/user/", query)
        took = time.perf_counter() - started
        assert response.status_code == 200, (query, response.status_code)
        assert b'id="result_list"' in response.content, query
        if number >= WARM_UPS:
            times.append(took)
    return statistics.median(times)


def main(count):
    fill(count)
    client = Client()
    client.force_login(User.objects.filter(is_superuser=True, is_active=True).first())
    some = User.objects.filter(pk__in=random.Random(2).sample(range(1, count + 1), 100))
    names = [user.first_name[:2] for user in some if not user.first_name.isascii()]
    emails = [re.match("[a-z]+", user.email)[0] for user in some]
    cases = {
        "first page": [{}],
        "last page": [{"p": -(-count // PER_PAGE)}],
        "by e-mail: first": [{"o": "2"}],
        "search: two Chinese characters": [{"q": text} for text in names],
        "search: the beginning of an e-mail address": [{"q": text} for text in emails],
    }
    print("| | median |")
    print("| --- | ---: |")
    for title, queries in cases.items():
        print(f"| {title} | {measure(client, queries) * 1000:.1f} ms |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[2]))
