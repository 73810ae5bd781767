"""What a workload is that index advice is measured with: tables, statements with their values, and the indexes that a DBA made.

The workload_*.py are these as data; workload_measure.py runs them.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Query:
    name: str
    sql: str
    calls: list  # the values of each call


@dataclasses.dataclass(frozen=True)
class Answer:
    """An answer that is known: true of the indexes found, each as 'table (keys)'."""
    text: str
    holds: object  # of a set of such


@dataclasses.dataclass(frozen=True)
class Workload:
    name: str
    title: str
    about: str
    tables: object  # of a scale, the statements that make them
    queries: list
    reference: list  # tables with the keys of an index
    answers: list
    scale: float = 1  # that is measured at
    reference_is_a_bar: bool = True


def pick(row, salt, count):
    """SQL: one of the numbers from 0, all as likely as another, and the same one in each run."""
    return f"abs(hashint8extended({row}, {salt}) % ({count}))::int"


def skewed(row, salt, count, power=3):
    """The same, but the first ones are taken much more often than the last."""
    return f"floor(({count}) * power(abs(hashint8extended({row}, {salt}) % 1000003) / 1000003.0, {power}))::int"


def one_of(row, salt, words, power=1):
    """SQL: one of these words; with a power, rather one of the first."""
    listed = ", ".join("'" + word.replace("'", "''") + "'" for word in words)
    return f"(ARRAY[{listed}])[1 + {skewed(row, salt, len(words), power)}]"


def fill(table, columns, count):
    """SQL: rows numbered i from 1; `columns` says what is in them."""
    return f"INSERT INTO {table} SELECT {', '.join(columns)} FROM generate_series(1, {int(count)}) i"


def on(found, table):
    """Which of the indexes found are of this table."""
    return {one for one in found if one.startswith((table + " (", table + " USING"))}


def led_by(found, table, *columns):
    """Whether one of them is of this table and begins with these columns, in some order."""
    wanted = set(columns)
    keys = [one.split("(", 1)[1].split(")")[0].split(", ")[:len(wanted)] for one in on(found, table)]
    return any({key.split(" ")[0] for key in those} == wanted for those in keys)
