"""SQLAlchemy through transaction mode, over psycopg2 and asyncpg: models, nested sessions, reflection, the pool's reset,
isolation levels, streamed results, and statements that a driver keeps."""

import asyncio
import threading

import pytest

from apps import place, roomy  # noqa: F401 (fixtures)

sa = pytest.importorskip("sqlalchemy")

from sqlalchemy import event, exc, func, orm, select, text  # noqa: E402
from sqlalchemy.dialects import postgresql  # noqa: E402
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine  # noqa: E402

Base = orm.declarative_base()


class Item(Base):
    __tablename__ = "item"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(50), unique=True, nullable=False)
    stock = sa.Column(sa.Integer, sa.CheckConstraint("stock >= 0", name="stock_not_negative"), server_default="0")
    tags = sa.Column(postgresql.ARRAY(sa.Text))
    data = sa.Column(sa.JSON)
    kind = sa.Column(sa.Enum("small", "large", name="item_kind"), default="small")
    orders = orm.relationship("Order", back_populates="item", cascade="all, delete-orphan")


class Order(Base):
    __tablename__ = "orders"
    id = sa.Column(sa.Integer, sa.Identity(), primary_key=True)
    item_id = sa.Column(sa.ForeignKey("item.id"), index=True)
    count = sa.Column(sa.Integer)
    at = sa.Column(sa.DateTime(timezone=True), server_default=func.now())
    item = orm.relationship("Item", back_populates="orders")


@pytest.fixture
def engine_at():
    """engine_at(place, ...): an engine that is disposed of at the end."""
    made = []

    def make(place, **options):
        url = place.url.replace("postgresql://", "postgresql+psycopg2://")
        made.append(sa.create_engine(url, future=True, **options))
        return made[-1]

    yield make
    for engine in made:
        engine.dispose()


def filled(engine, count=20):
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session, session.begin():
        session.add_all(Item(name=f"item {i}", stock=i, tags=["a", str(i % 3)], data={"n": i}) for i in range(count))
    return engine


def scalar(engine, sql, **values):
    with engine.connect() as c:
        return c.execute(text(sql), values).scalar()


def code(work):
    try:
        work()
        return "none"
    except exc.DBAPIError as error:
        return getattr(error.orig, "pgcode", None) or getattr(error.orig, "sqlstate", None)


def test_sqlalchemy_makes_reflects_and_queries(engine_at, place):
    engine = filled(engine_at(place))
    Base.metadata.create_all(engine)  # finds it all there
    reflected = sa.MetaData()
    reflected.reflect(engine)
    assert sorted(reflected.tables) == ["item", "orders"]
    assert [c.name for c in reflected.tables["item"].columns] == ["id", "name", "stock", "tags", "data", "kind"]
    found = sa.inspect(engine)
    assert [c["name"] for c in found.get_check_constraints("item")] == ["stock_not_negative"]
    assert found.get_foreign_keys("orders")[0]["referred_table"] == "item" and found.get_enums()[0]["labels"] == ["small", "large"]
    with orm.Session(engine) as session, session.begin():
        for item in session.execute(select(Item).where(Item.stock < 5)).scalars():
            item.orders = [Order(count=item.stock + n) for n in range(2)]
    with orm.Session(engine) as session:
        sums = session.execute(select(Item.name, func.sum(Order.count)).join(Order).group_by(Item.name).order_by(Item.name)).all()
        assert [tuple(r) for r in sums] == [(f"item {i}", 2 * i + 1) for i in range(5)]
        assert session.scalar(select(func.count()).where(Item.tags.any("1"))) == 7
        session.delete(session.execute(select(Item).filter_by(name="item 3")).scalar_one())
        session.commit()
        assert session.scalar(select(func.count(Order.id))) == 8
    Base.metadata.drop_all(engine)
    assert sa.inspect(engine).get_table_names() == []


def test_sqlalchemy_nested_sessions_are_savepoints(engine_at, place):
    engine = filled(engine_at(place))
    with orm.Session(engine) as session:
        items = session.execute(select(Item).order_by(Item.stock)).scalars().all()
        items[1].stock = 100
        with pytest.raises(exc.IntegrityError), session.begin_nested():
            session.add(Item(name="item 2"))
        nested = session.begin_nested()
        items[2].stock = 100
        session.flush()
        nested.rollback()
        with session.begin_nested():
            items[3].stock = 100
        session.commit()
        items[4].stock = -1
        assert code(session.commit) == "23514"
        with pytest.raises(exc.PendingRollbackError):
            session.execute(select(Item))
        session.rollback()
        assert [i.stock for i in items[:6]] == [0, 100, 2, 100, 4, 5]
    with engine.connect() as c:
        two_phase = [code(lambda: c.execute(text("SELECT 1/0"))), code(lambda: c.execute(text("SELECT 1")))]
        c.rollback()
        assert two_phase == ["22012", "25P02"] and c.execute(text("SELECT 1")).scalar() == 1


def test_sqlalchemy_isolation_levels_are_the_connections(engine_at, roomy):
    engine, strict = engine_at(roomy, pool_size=2), engine_at(roomy, isolation_level="SERIALIZABLE")
    with engine.connect() as plain, engine.connect().execution_options(isolation_level="REPEATABLE READ") as other:
        for _ in range(5):
            assert plain.execute(text("SHOW transaction_isolation")).scalar() == "read committed"
            assert other.execute(text("SHOW transaction_isolation")).scalar() == "repeatable read"
            plain.commit()
            other.commit()
    assert engine.dialect.default_isolation_level == "READ COMMITTED"
    auto = engine.execution_options(isolation_level="AUTOCOMMIT")
    for _ in range(5):  # what is given back to the pool is as it was
        assert scalar(strict, "SHOW transaction_isolation") == "serializable"
        assert scalar(engine, "SHOW transaction_isolation") == "read committed"
        assert scalar(auto, "SHOW transaction_isolation") == "read committed"
    with auto.connect() as c:
        c.execute(text("CREATE TABLE alone (n int)"))
        c.execute(text("INSERT INTO alone VALUES (1)"))
        c.execute(text("VACUUM alone"))
        c.rollback()
    assert scalar(engine, "SELECT count(*) FROM alone") == 1
    filled(strict)
    with strict.connect() as a, strict.connect() as b:  # write skew is noticed, across two servers
        for one in (a, b):
            one.execute(text("SELECT sum(stock) FROM item")).scalar()
        a.execute(text("INSERT INTO item (name, stock) VALUES ('a', 1)"))
        b.execute(text("INSERT INTO item (name, stock) VALUES ('b', 1)"))
        a.commit()
        assert code(b.commit) == "40001"


def test_sqlalchemy_pool_resets_and_listeners_set_what_they_need(engine_at, place):
    engine = engine_at(place, pool_size=3, pool_pre_ping=True, connect_args={"options": "-c work_mem=5MB", "application_name": "shop"})

    @event.listens_for(engine, "connect")
    def prepare(connection, _):
        connection.autocommit = True
        with connection.cursor() as c:
            c.execute("SET SESSION timezone = 'America/New_York'")
        connection.autocommit = False

    @event.listens_for(engine, "reset")
    def reset(connection, _):
        connection.rollback()
        with connection.cursor() as c:
            c.execute("RESET statement_timeout")
        connection.commit()

    seen = set()

    def work():
        for n in range(10):
            with engine.connect() as c:
                seen.add(tuple(c.execute(text(f"SELECT current_setting('{k}')")).scalar()
                               for k in ("timezone", "work_mem", "statement_timeout", "application_name", "search_path")))
                c.execute(text("SET statement_timeout = '12s'"))
                if n % 2:
                    c.commit()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert seen == {("America/New_York", "5MB", "0", "shop", '"$user", public')}


def test_sqlalchemy_streams_results_and_batches_inserts(engine_at, place):
    engine = engine_at(place, executemany_mode="values_plus_batch")
    filled(engine, 3000)
    with orm.Session(engine) as session:
        total, between = 0, 0
        for n, item in enumerate(session.execute(select(Item).order_by(Item.id).execution_options(yield_per=100)).scalars()):
            total += item.stock
            between += session.scalar(select(func.count()).where(Item.id == item.id)) if n % 500 == 0 else 0
        assert (total, between) == (sum(range(3000)), 6)
    with engine.connect() as c:
        rows = c.execution_options(stream_results=True, max_row_buffer=50).execute(text("SELECT generate_series(1, 1000)"))
        assert sum(r[0] for r in rows) == 500_500
    with engine.begin() as c:
        c.execute(Order.__table__.insert(), [{"item_id": 1, "count": n} for n in range(500)])
        changed = c.execute(Order.__table__.update().where(Order.count < 100).values(count=Order.count + 1))
        assert changed.rowcount == 100
    assert scalar(engine, "SELECT sum(count) FROM orders") == sum(range(500)) + 100


def test_sqlalchemy_prepares_a_transaction_in_two_phases_as_far_as_the_server_allows(engine_at, place):
    engine = filled(engine_at(place))
    with engine.connect() as c:
        two_phase = c.begin_twophase()
        c.execute(text("UPDATE item SET stock = 1000 WHERE id = 1"))
        assert code(two_phase.prepare) == "55000"  # max_prepared_transactions is 0
        c.invalidate()
    assert scalar(engine, "SELECT stock FROM item WHERE id = 1") == 0


@pytest.mark.parametrize("options", [{}, {"prepared_statement_cache_size": 0}])
def test_sqlalchemy_over_asyncpg_keeps_its_statements(roomy, options):
    url = roomy.url.replace("postgresql://", "postgresql+asyncpg://") + "".join(f"?{k}={v}" for k, v in options.items())

    async def work():
        engine = create_async_engine(url, pool_size=4)
        async with engine.begin() as c:
            await c.run_sync(Base.metadata.create_all)

        async def one(i):
            async with AsyncSession(engine) as session, session.begin():
                session.add(Item(name=f"item {i}", stock=i))
                await session.flush()
                try:
                    async with session.begin_nested():
                        session.add(Item(name=f"nested {i}", stock=-1))
                except exc.IntegrityError as error:
                    assert error.orig.sqlstate == "23514"
                return (await session.execute(select(Item.stock).where(Item.name == f"item {i}"))).scalar_one()

        stocks = [v for n in range(0, 20, 4) for v in await asyncio.gather(*(one(n + k) for k in range(4)))]
        total = 0
        async with engine.connect() as c:
            async for row in await c.stream(select(Item.stock).order_by(Item.id)):
                total += row[0]
        async with engine.connect() as c:
            serial = await c.execution_options(isolation_level="SERIALIZABLE")
            level = (await serial.execute(text("SHOW transaction_isolation"))).scalar()
        async with engine.connect() as c:
            after = (await c.execute(text("SHOW transaction_isolation"))).scalar()
        # The table changes under the statements that the driver keeps.
        async with engine.begin() as c:
            await c.execute(text("ALTER TABLE item ADD COLUMN extra int DEFAULT 9"))
        codes = []
        for _ in range(6):
            try:
                async with engine.connect() as c:
                    codes.append(len((await c.execute(text("SELECT * FROM item WHERE name = 'item 3'"))).one()))
            except exc.DBAPIError as error:
                codes.append(error.orig.sqlstate)
        await engine.dispose()
        return stocks, total, level, after, codes

    stocks, total, level, after, codes = asyncio.run(work())
    assert stocks == list(range(20)) and total == sum(range(20))
    assert (level, after) == ("serializable", "read committed") and codes == [7] * 6
