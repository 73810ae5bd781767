"""Django's own habits through transaction mode: migrations, atomic blocks, iterator(), time zones, CONN_MAX_AGE.

Each test is a program of its own, as Django's settings are the process's: a project in one folder, made by `project`.
"""

import textwrap

import pytest

from apps import place, roomy  # noqa: F401 (fixtures)

django = pytest.importorskip("django")

MANAGE = """
import json, os, sys, threading
import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "shop"], USE_TZ=True, TIME_ZONE="Europe/Zurich",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", SECRET_KEY="none",
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    DATABASES={name: dict(ENGINE="django.db.backends.postgresql", NAME=os.environ["PGDATABASE"], HOST=os.environ["PGHOST"],
                          PORT=os.environ["PGPORT"], USER=os.environ["PGUSER"], PASSWORD=os.environ["PGPASSWORD"], **more)
               for name, more in {
                   "default": dict(CONN_MAX_AGE=None),
                   "second": dict(CONN_MAX_AGE=0, TIME_ZONE="America/New_York", OPTIONS={"options": "-c statement_timeout=9000"}),
                   "third": dict(OPTIONS={"isolation_level": 3}, DISABLE_SERVER_SIDE_CURSORS=True)}.items()})
django.setup()
from django.core.management import call_command
from django.db import connection, connections, transaction, models, IntegrityError, OperationalError, ProgrammingError
from django.db.models import F, Sum, Count, Q
from shop.models import Item, Order

def one(sql, using="default"):
    with connections[using].cursor() as c:
        c.execute(sql)
        return c.fetchone()[0]

call_command("migrate", verbosity=0)
"""

MODELS = """
from django.db import models

class Item(models.Model):
    name = models.CharField(max_length=50, unique=True)
    price = models.DecimalField(max_digits=8, decimal_places=2, default=1)
    stock = models.IntegerField(default=0)
    tags = models.JSONField(default=list)

    class Meta:
        constraints = [models.CheckConstraint(check=models.Q(stock__gte=0), name="stock_not_negative")]

class Order(models.Model):
    item = models.ForeignKey(Item, on_delete=models.CASCADE)
    count = models.IntegerField()
    at = models.DateTimeField()
"""

FIRST = """
from django.db import migrations, models

class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel("Item", fields=[("id", models.BigAutoField(primary_key=True)),
                                               ("name", models.CharField(max_length=30)),
                                               ("stock", models.IntegerField(default=0))]),
        migrations.CreateModel("Order", fields=[("id", models.BigAutoField(primary_key=True)), ("count", models.IntegerField()),
                                                ("at", models.DateTimeField()),
                                                ("item", models.ForeignKey("shop.Item", on_delete=models.CASCADE))])]
"""

# Alters what the first made, and fills it with Python.
SECOND = """
from django.db import migrations, models

def fill(apps, editor):
    Item = apps.get_model("shop", "Item")
    Item.objects.bulk_create([Item(name=f"item {i}", stock=i) for i in range(20)])

class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.AddField("Item", "price", models.DecimalField(max_digits=8, decimal_places=2, default=1)),
        migrations.AddField("Item", "tags", models.JSONField(default=list)),
        migrations.AlterField("Item", "name", models.CharField(max_length=50, unique=True)),
        migrations.AddConstraint("Item", models.CheckConstraint(check=models.Q(stock__gte=0), name="stock_not_negative")),
        migrations.RunPython(fill, migrations.RunPython.noop)]
"""

# Not atomic: the index is made outside of any transaction.
THIRD = """
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

class Migration(migrations.Migration):
    atomic = False
    dependencies = [("shop", "0002_more")]
    operations = [AddIndexConcurrently("Order", models.Index(fields=["at"], name="order_at"))]
"""


@pytest.fixture(scope="module")
def project(folder):
    """project(place, script): runs the script in the migrated project; what it printed."""
    root = folder / "django"
    files = {"shop/__init__.py": "", "shop/models.py": MODELS,
             "shop/migrations/__init__.py": "", "shop/migrations/0001_initial.py": FIRST, "shop/migrations/0002_more.py": SECOND,
             "shop/migrations/0003_index.py": THIRD}
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(place, script):
        text = "import sys\nsys.path.insert(0, '.')\n" + MANAGE + textwrap.dedent(script)
        return place.program("/usr/bin/python3", "-W", "ignore", "-", stdin=text, cwd=root, PYTHONDONTWRITEBYTECODE=1)

    return run


def test_django_migrates_forth_and_back(project, place):
    got = project(place, """
        from django.db.migrations.recorder import MigrationRecorder
        def columns():
            with connection.cursor() as c:
                return sorted(d.name for d in connection.introspection.get_table_description(c, "shop_item"))
        def indexes():
            with connection.cursor() as c:
                return "order_at" in connection.introspection.get_constraints(c, "shop_order")
        steps = [[columns(), indexes(), Item.objects.count()]]
        call_command("migrate", "shop", "0001", verbosity=0)
        steps.append([columns(), indexes(), one("SELECT count(*) FROM shop_item")])
        one("WITH gone AS (DELETE FROM shop_item RETURNING 1) SELECT count(*) FROM gone")
        call_command("migrate", "shop", verbosity=0)
        steps.append([columns(), indexes(), Item.objects.count()])
        names = list(MigrationRecorder.Migration.objects.filter(app="shop").order_by("name").values_list("name", flat=True))
        from django.contrib.auth.models import User
        User.objects.create_user("ann", password="secret").user_permissions.count()
        print(json.dumps([steps, names, User.objects.get(username="ann").check_password("secret")]))""")
    all_of_them = [["id", "name", "price", "stock", "tags"], True, 20]
    assert got == [[all_of_them, [["id", "name", "stock"], False, 20], all_of_them],
                   ["0001_initial", "0002_more", "0003_index"], True]
    # Django makes no such index but by CREATE INDEX CONCURRENTLY: it is there, and valid.
    assert place.look("SELECT indisvalid FROM pg_index WHERE indexrelid = 'order_at'::regclass") == [["t"]]


def test_django_creates_queries_and_updates(project, place):
    got = project(place, """
        from datetime import datetime, timezone
        item = Item.objects.get(name="item 7")
        Item.objects.filter(pk=item.pk).update(stock=F("stock") + 5, tags={"a": [1, None], "b": "\\u00e9"})
        item.refresh_from_db()
        made = [Item.objects.get_or_create(name=n, defaults={"price": "9.99"})[1] for n in ("new", "new", "item 3")]
        Order.objects.bulk_create([Order(item=item, count=n, at=datetime(2024, 6, 1, 12, n, tzinfo=timezone.utc))
                                   for n in range(1, 11)])
        sold = Item.objects.annotate(n=Count("order"), sold=Sum("order__count")).filter(n__gt=0)
        top = list(map(list, sold.values_list("name", "n", "sold")))
        hours = [str(h) for h in Order.objects.datetimes("at", "hour")]
        found = Item.objects.filter(Q(tags__a__0=1) | Q(name__iexact="ITEM 3")).order_by("name")
        found = [i.name for i in found]
        deleted = Item.objects.filter(name__in=["item 7", "new"]).delete()
        with connection.cursor() as c:
            c.execute("SELECT %s::text, '100%%', %s", ["it's", None])
            raw = c.fetchone()
        print(json.dumps([item.stock, item.tags, made, top, hours, found, deleted, raw,
                          Item.objects.count(), Order.objects.count()]))""")
    assert got == [12, {"a": [1, None], "b": "é"}, [True, False, False], [["item 7", 10, 55]],
                   ["2024-06-01 14:00:00+02:00"], ["item 3", "item 7"], [12, {"shop.Order": 10, "shop.Item": 2}],
                   ["it's", "100%", None], 19, 0]


def test_django_atomic_blocks_nest_by_savepoints(project, place):
    got = project(place, """
        log = []
        class Undo(Exception):
            pass
        def stock(i): return Item.objects.get(name=f"item {i}").stock
        with transaction.atomic():
            Item.objects.filter(name="item 1").update(stock=100)
            transaction.on_commit(lambda: log.append("committed"))
            try:
                with transaction.atomic():
                    Item.objects.filter(name="item 2").update(stock=-1)
            except IntegrityError as e:
                log.append(e.__cause__.diag.constraint_name)
            try:
                with transaction.atomic():
                    Item.objects.filter(name="item 3").update(stock=100)
                    with transaction.atomic():
                        Item.objects.filter(name="item 4").update(stock=100)
                    raise Undo
            except Undo:
                log.append([stock(3), stock(4)])
            point = transaction.savepoint()
            Item.objects.filter(name="item 5").update(stock=100)
            transaction.savepoint_rollback(point)
        try:
            with transaction.atomic():
                Item.objects.filter(name="item 6").update(stock=100)
                try:
                    Item.objects.create(name="item 1")
                except IntegrityError:
                    pass
                Item.objects.count()
        except transaction.TransactionManagementError:
            log.append("broken")
        with transaction.atomic():
            locked = Item.objects.select_for_update(nowait=True).get(name="item 8")
            locked.stock += 1
            locked.save()
        log.append([stock(i) for i in range(1, 9)])
        try:
            one("SELECT 1/0")
        except Exception as e:
            log.append([type(e).__name__, e.__cause__.pgcode])
        log.append(one("SELECT current_setting('transaction_isolation')"))
        print(json.dumps(log))""")
    assert got == ["stock_not_negative", [3, 4], "committed", "broken", [100, 2, 3, 4, 5, 6, 7, 9], ["DataError", "22012"],
                   "read committed"]


def test_django_iterators_read_by_server_side_cursors(project, place):
    # Outside of a transaction the cursor is WITH HOLD: it lives on after the statement's own transaction.
    got = project(place, """
        Item.objects.bulk_create([Item(name=f"many {i}", stock=i) for i in range(1000)], batch_size=300)
        def walk(use):
            total, between = 0, 0
            for i, item in enumerate(Item.objects.using(use).order_by("id").iterator(chunk_size=50)):
                total += item.stock
                if i % 100 == 0:
                    between += Item.objects.using(use).filter(pk=item.pk).count()
            return [total, between]
        outside = walk("default")
        with transaction.atomic():
            inside = walk("default")
        client_side = walk("third")
        two = list(zip(Item.objects.order_by("id").iterator(10), Item.objects.order_by("-id").iterator(10)))
        left = Item.objects.order_by("id").iterator(10)
        first = next(left).name
        del left
        print(json.dumps([outside, inside, client_side, len(two), sorted({a.stock + b.stock for a, b in two[20:-20]})[:3], first,
                          one("SELECT count(*) FROM pg_cursors WHERE is_holdable")]))""")
    total = sum(range(1000)) + sum(range(20))
    assert got == [[total, 11], [total, 11], [total, 11], 1020, [979], "item 0", 0]


def test_django_connections_keep_their_own_time_zones_and_settings(project, roomy):
    got = project(roomy, """
        def isolation(use):
            with transaction.atomic(using=use):
                return one("SHOW transaction_isolation", use)
        seen = []
        for n in range(30):
            for use in ("default", "second", "third"):
                seen.append([use, one("SHOW TimeZone", use), one("SHOW statement_timeout", use),
                             one("SELECT to_char(timestamptz '2024-06-01 12:00+00', 'HH24:MI')", use),
                             isolation(use)])
                if n % 10 == 9:
                    connections[use].close_if_unusable_or_obsolete()
        with connection.cursor() as c:
            c.execute("SET statement_timeout = 50")
            try:
                c.execute("SELECT pg_sleep(5)")
            except OperationalError as e:
                seen.append(["late", e.__cause__.pgcode])
            c.execute("RESET statement_timeout")
            c.execute("SHOW statement_timeout")
            seen.append(["after", c.fetchone()[0]])
        with transaction.atomic(using="second"):
            with connections["second"].cursor() as c:
                c.execute("SET LOCAL TIME ZONE 'Asia/Kolkata'")
                seen.append(["local", one("SHOW TimeZone", "second"), one("SHOW TimeZone")])
        seen.append(["back", one("SHOW TimeZone", "second")])
        unique = []
        [unique.append(s) for s in seen if s not in unique]
        print(json.dumps(unique))""")
    # With USE_TZ, Django speaks UTC to the database unless its TIME_ZONE says otherwise.
    assert got == [["default", "UTC", "0", "12:00", "read committed"],
                   ["second", "America/New_York", "9s", "08:00", "read committed"],
                   ["third", "UTC", "0", "12:00", "serializable"],
                   ["late", "57014"], ["after", "0"], ["local", "Asia/Kolkata", "UTC"], ["back", "America/New_York"]]


def test_django_threads_transfer_without_loss(project, place):
    got = project(place, """
        failures = []
        def work(i):
            try:
                for n in range(5):
                    with transaction.atomic():
                        a, b = Item.objects.select_for_update().filter(name__in=[f"item {10 + i % 5}", f"item {15 + n}"]).order_by("id")
                        a.stock, b.stock = a.stock - 1, b.stock + 1
                        a.save(update_fields=["stock"])
                        b.save(update_fields=["stock"])
            except BaseException as e:
                failures.append(repr(e))
            finally:
                connections.close_all()
        threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        print(json.dumps([failures, Item.objects.aggregate(s=Sum("stock"))["s"],
                          list(Item.objects.order_by("id").values_list("stock", flat=True))[10:]]))""")
    assert got == [[], sum(range(20)), [0, 6, 7, 8, 9, 21, 22, 23, 24, 25]]
