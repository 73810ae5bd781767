"""The language of parity cases: a session as lines of text, and the same statements in many forms.

    Q sql                  a simple query (several statements if you like), up to ReadyForQuery
    X sql | v | v          Parse, Bind, Describe, Execute and Sync of the unnamed statement, in one write
    XN name: sql | v       the same with a statement of that name
    P name(oid,oid): sql   Parse; messages of this and the next five lines leave with the next S or H
    B portal/name: v | v   Bind (values as text; \\N is NULL, <empty> is '')
    DS name  DP portal     Describe
    E portal limit         Execute
    CS name  CP portal     Close
    S                      Sync, and read up to ReadyForQuery
    H                      Flush, and read the answers
    ( ... )                everything between leaves in one write, then the answers are read
    d text   c   f why     CopyData (a line), CopyDone, CopyFail; within ( )
    + more                 continues the line before it, after a line break
    A n                    wait for n notifications
    reconnect k=v ...      Terminate, and log in again (with other startup parameters, if some are written)
    abort                  the same, but with a TCP reset
    admin sql              another session of a superuser, around any pooler, does this
    pin                    from here on the client must have its server for itself, although it is idle
    free                   ... and no longer: strangers must get the server
    maybe                  from here on it may be pinned or not
    strangers off|on       no other client does anything from here on
"""

import re
import struct
from typing import NamedTuple

import rawpg


class Step(NamedTuple):
    """Something that is sent, and how the end of its answer is known."""
    text: str                # as written, for the story
    kind: str                # "send", or a directive's name
    data: bytes = b""
    ready: int = 0           # so many ReadyForQuery end the answer
    answers: tuple = ()      # without any (Flush): one set of last message types for each message
    argument: str = ""


def value(text):
    return None if text == r"\N" else "" if text == "<empty>" else text


def values(text):
    return [value(v.strip()) for v in text.split(" | ")] if text.strip() else []


def split_values(text):
    sql, *rest = re.split(r" \| ", text)
    return sql.strip(), [value(v.strip()) for v in rest]


def name_and_rest(text):
    """'name(23,25): sql' or ': sql' as name, oids, sql; a quoted name may have anything in it."""
    found = re.match(r'\s*(?:"((?:[^"]|"")*)"|([^\s:(]*))\s*(?:\(([\d,\s]*)\))?\s*:?\s?(.*)\Z', text, re.S)
    quoted, plain, oids, rest = found.groups()
    name = quoted.replace('""', '"') if quoted is not None else plain
    return name, [int(o) for o in oids.split(",")] if oids else [], rest


def extended(text, named=False):
    name, _, text = name_and_rest(text) if named else ("", [], text)
    sql, given = split_values(text)
    return rawpg.parse(name, sql) + rawpg.bind("", name, given) + rawpg.describe("P") + rawpg.execute() + rawpg.sync()


def message(word, rest):
    """The bytes of one message line, and the last messages of its answer."""
    if word == "P":
        name, oids, sql = name_and_rest(rest)
        return rawpg.parse(name, sql, oids), "1"
    if word == "B":
        head, _, given = rest.partition(":")
        portal, _, name = head.strip().partition("/")
        return rawpg.bind(portal, name, values(given)), "2"
    if word in ("DS", "DP"):
        return rawpg.describe(word[1], rest.strip()), "Tn"
    if word == "E":
        portal, _, limit = rest.strip().rpartition(" ") if re.search(r"\b\d+$", rest) else (rest.strip(), "", "0")
        return rawpg.execute(portal.strip(), int(limit or 0)), "CsI"
    if word in ("CS", "CP"):
        return rawpg.close(word[1], rest.strip()), "3"
    if word == "d":
        return rawpg.copy_data(rest.encode() + b"\n"), ""
    if word == "c":
        return rawpg.copy_done(), ""
    if word == "f":
        return rawpg.copy_fail(rest), ""
    raise ValueError(f"no such line: {word} {rest}")


DIRECTIVES = ("A", "reconnect", "abort", "admin", "pin", "free", "maybe", "strangers")


def lines_of(script):
    out = []
    for line in script.splitlines():
        bare = line.strip()
        if bare.startswith("+ ") or bare == "+":
            out[-1] += "\n" + bare[2:]
        elif bare and not bare.startswith("#"):
            out.append(bare)
    return out


def compile_script(script):
    """The steps of a script."""
    steps, data, answers, text, ready, together = [], b"", [], [], 0, False

    def leave(kind_of_end):
        nonlocal data, answers, text, ready
        steps.append(Step("\n".join(text), "send", data, ready, tuple(answers) if kind_of_end == "H" else ()))
        data, answers, text, ready = b"", [], [], 0

    for line in lines_of(script):
        word, _, rest = line.partition(" ")
        if word in DIRECTIVES:
            assert not data and not together, f"{word} in the middle of a batch"
            steps.append(Step(line, word, argument=rest))
            continue
        if word == "(":
            assert not data and not together
            together = True
            continue
        if word == ")":
            together = False
            leave(")")
            continue
        text.append(line)
        if word in ("Q", "X", "XN", "S"):
            data += (rawpg.query(rest) if word == "Q" else rawpg.sync() if word == "S" else extended(rest, word == "XN"))
            ready += 1
        elif word == "H":
            data += rawpg.flush()
        else:
            piece, last = message(word, rest)
            data += piece
            answers.append(last)
            continue
        if not together:
            leave(word)
    assert not data and not together, "the last messages lack S, H or )"
    return steps


# ---- The same statements in every form

def joined(prefix, statements):
    return "\n".join(f"{prefix} {s}" for s in statements)


def one_batch(statements):
    return "(\n" + "\n".join(f"P : {s}\nB\nDP\nE" for s in statements) + "\nS\n)"


def form_simple(do, probe):
    return joined("Q", do + probe)


def form_extended(do, probe):
    return joined("X", do + probe)


def form_named(do, probe):
    """Prepared once, run twice, with a transaction of strangers between all of it."""
    named = list(enumerate(do + probe))
    text = "\n".join(f"P s{n}: {s}\nDS s{n}\nS" for n, s in named)
    return text + "\n" + "\n".join(f"B /s{n}\nE\nS" for n, _ in named * 2)


def form_flushed(do, probe):
    return "\n".join(f"P : {s}\nB\nE\nH\nS" for s in do + probe)


def form_multi(do, probe):
    return f"Q {'; '.join(do + probe)}\n" + joined("Q", probe)


def form_pipeline(do, probe):
    return "(\n" + joined("X", do + probe) + "\n)\n" + joined("Q", probe)


def form_simple_pipeline(do, probe):
    return "(\n" + joined("Q", do + probe) + "\n)\n" + joined("X", probe)


def form_batch(do, probe):
    return one_batch(do + probe) + "\n" + joined("Q", probe)


def form_batch_error(do, probe):
    return one_batch(do + ["SELECT 1/0"] + probe) + "\n" + joined("Q", probe)


def form_multi_error(do, probe):
    return f"Q {'; '.join(do + ['SELECT 1/0'] + probe)}\n" + joined("Q", probe)


def form_commit(do, probe):
    return "\n".join([joined("Q", ["BEGIN"] + do + probe + ["COMMIT"] + probe)])


def form_rollback(do, probe):
    return joined("Q", probe + ["BEGIN"] + do + probe + ["ROLLBACK"] + probe)


def form_extended_rollback(do, probe):
    return joined("X", ["BEGIN"] + do + probe + ["ROLLBACK"] + probe)


def form_failed(do, probe):
    return joined("Q", ["BEGIN"] + do + ["SELECT 1/0"] + do + probe + ["COMMIT"] + probe)


def form_after_failure(do, probe):
    return joined("Q", ["BEGIN", "SELECT 1/0"] + do + ["ROLLBACK"] + probe)


def form_savepoint_rollback(do, probe):
    return joined("Q", ["BEGIN", "SAVEPOINT a"] + do + probe + ["ROLLBACK TO a"] + probe + ["COMMIT"] + probe)


def form_savepoint_release(do, probe):
    return joined("X", ["BEGIN", "SAVEPOINT a"] + do + ["RELEASE a"] + probe + ["COMMIT"] + probe)


def form_savepoint_twice(do, probe):
    """The same name twice: ROLLBACK TO means the inner one until it is released."""
    return joined("Q", ["BEGIN", "SAVEPOINT a", "SELECT 1", "SAVEPOINT a"] + do +
                  ["ROLLBACK TO a"] + probe + do + ["RELEASE a"] + probe + ["ROLLBACK TO a"] + probe + ["COMMIT"] + probe)


def form_savepoint_saves(do, probe):
    """An error after a savepoint: what came before the savepoint stays."""
    return joined("Q", ["BEGIN"] + do + ["SAVEPOINT b", "SELECT 1/0", "ROLLBACK TO SAVEPOINT b"] + probe + ["COMMIT"] + probe)


def form_chain(do, probe):
    return joined("Q", ["BEGIN"] + do + ["COMMIT AND CHAIN"] + probe + ["ROLLBACK AND CHAIN"] + probe + ["ROLLBACK"] + probe)


def form_chain_rollback(do, probe):
    return joined("Q", ["BEGIN"] + do + ["ROLLBACK AND CHAIN"] + probe + do + ["COMMIT"] + probe)


def form_multi_transaction(do, probe):
    return f"Q {'; '.join(['BEGIN'] + do + ['COMMIT'] + probe)}\nQ {'; '.join(['BEGIN'] + do + ['ROLLBACK'] + probe)}\n" + joined("Q", probe)


def form_pipeline_transaction(do, probe):
    return "(\n" + joined("X", ["BEGIN"] + do + ["ROLLBACK"] + probe + ["BEGIN"] + do + ["COMMIT"] + probe) + "\n)\n" + joined("X", probe)


def form_reconnect(do, probe):
    return joined("Q", do + probe) + "\nreconnect\n" + joined("Q", probe)


def form_abort(do, probe):
    return joined("Q", ["BEGIN"] + do) + "\nabort\n" + joined("X", probe)


FORMS = {name[5:]: function for name, function in list(globals().items()) if name.startswith("form_")}


def transaction_status(messages):
    last = [m for m in messages if m.type == "Z"]
    return last[-1].status if last else None


def oids_of(body):
    """Where the table and type oids of a RowDescription stand in its body."""
    at, places = 2, []
    for _ in range(struct.unpack_from("!H", body)[0]):
        at = body.index(b"\0", at) + 1
        places += [at, at + 6]
        at += 18
    return places
