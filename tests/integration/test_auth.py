"""Who gets in, with which secret kept in which form, and what those who do not get in learn."""

import base64
import hashlib
import hmac
import os
import pwd
import re
import struct
import subprocess
import time

import pytest

from rawpg import V3_2, Raw, ScramClient, cancel, password, query, sasl_initial, sasl_response, startup
from servers import PG_BIN, free_port, give_away, listens, run, unprivileged, wait_for

QUICK = {"auth_fail_delay": 0}


def verifier(secret, salt=b"0123456789abcdef", iterations=4096):
    """As pg_authid keeps it for SCRAM-SHA-256."""
    salted = hashlib.pbkdf2_hmac("sha256", secret.encode(), salt, iterations)
    stored = hashlib.sha256(hmac.new(salted, b"Client Key", hashlib.sha256).digest()).digest()
    server = hmac.new(salted, b"Server Key", hashlib.sha256).digest()
    text = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${iterations}:{text[0]}${text[1]}:{text[2]}"


def md5_of(user, secret):
    return "md5" + hashlib.md5((secret + user).encode()).hexdigest()


def write_file(folder, name, text):
    path = folder / name
    path.write_text(text)
    path.chmod(0o600)
    give_away(path)
    return path


def userlist(folder, users):
    def quoted(text):
        return '"' + text.replace('"', '""') + '"'
    return write_file(folder, f"userlist-{time.monotonic_ns()}.txt",
                      "".join(f"{quoted(u)} {quoted(s)}\n" for u, s in users.items()))


def hba(folder, *lines):
    return write_file(folder, f"hba-{time.monotonic_ns()}.conf", "".join(line + "\n" for line in lines))


def forced(postgres, user="trusty", **more):
    """A database whose servers log in as one user, whoever the client is."""
    return {"app": {"host": "127.0.0.1", "port": postgres.port, "user": user} | more}


def attempt(pooler, user, secret="", database="app", host="127.0.0.1", **params):
    """The refusal's fields, or None where the log-in went through and a query was answered."""
    with Raw.connect(pooler.port, host) as c:
        refusal = c.try_login(user, secret, database, **params)
        if refusal is not None:
            return refusal.fields
        if database == "app":
            assert c.value("SELECT 'in'") == "in"
        return None


# ---- methods and stored forms

FORMS = {"plain": lambda user, secret: secret, "md5": md5_of, "scram": lambda user, secret: verifier(secret)}


@pytest.mark.parametrize("kept_in", ["userlist", "users"])
def test_each_method_takes_each_form_of_a_secret_that_can_serve_it(weir, postgres, folder, kept_in):
    secrets = {f"{method}_{form}": f"secret of {method} {form}"
               for method in ("password", "md5", "scram-sha-256") for form in FORMS}
    stored = {user: FORMS[user.split("_")[1]](user, secret) for user, secret in secrets.items()}
    rules = hba(folder, *(f'host all "{user}" 127.0.0.1/32 {user.split("_")[0]}' for user in secrets))
    settings = QUICK | {"auth_type": "hba", "auth_hba_file": rules}
    users = {user: {"password": text} for user, text in stored.items()}
    if kept_in == "userlist":
        settings["auth_file"], users = userlist(folder, stored), {}
    pooler = weir(weir=settings, users=users, databases=forced(postgres))
    for user, secret in secrets.items():
        outcome = attempt(pooler, user, secret)
        if user == "scram-sha-256_md5":  # an md5 hash cannot check a SCRAM proof
            assert outcome["C"] == "28P01", user
        else:
            assert outcome is None, (user, outcome)
        for wrong in ("wrong", stored[user] if stored[user] != secret else secret[:-1], secret + "x"):
            assert attempt(pooler, user, wrong)["C"] == "28P01", (user, wrong)


def test_trust_asks_nothing_and_lets_in_only_whom_it_knows(weir, postgres):
    pooler = weir(weir=QUICK | {"auth_type": "trust"}, databases=forced(postgres), users={"known": {}})
    assert attempt(pooler, "known") is None
    refused = attempt(pooler, "stranger")
    assert refused["C"] == "28000" and refused["S"] == "FATAL"


def test_any_takes_any_name_and_the_server_sees_the_forced_one(weir, postgres):
    pooler = weir(weir=QUICK | {"auth_type": "any"}, databases=forced(postgres), users={})
    with pooler.connect("whoever", "") as c:
        assert c.value("SELECT current_user") == "trusty"


def test_an_empty_password_is_never_right(weir, postgres, folder):
    rules = hba(folder, "host all clear 127.0.0.1/32 password", "host all hashed 127.0.0.1/32 md5",
                "host all all 127.0.0.1/32 scram-sha-256")
    users = {"clear": {"password": ""}, "hashed": {"password": ""}, "proof": {"password": ""}}
    pooler = weir(weir=QUICK | {"auth_type": "hba", "auth_hba_file": rules}, users=users, databases=forced(postgres))
    for user in users:
        assert attempt(pooler, user, "")["C"] == "28P01", user


# ---- logging in to the server

def test_a_verifier_that_is_the_servers_own_logs_in_there_without_a_password(weir, postgres, folder):
    kept = postgres.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'alice'")[0][0]
    pooler = weir(weir=QUICK | {"auth_file": userlist(folder, {"alice": kept})}, users={})
    for _ in range(2):
        with pooler.connect("alice", "alice-pw") as c:
            assert c.value("SELECT current_user") == "alice"
    assert attempt(pooler, "alice", "wrong")["C"] == "28P01"


def test_another_verifier_of_the_same_password_is_named_as_the_reason(weir, postgres, folder):
    pooler = weir(weir=QUICK | {"auth_file": userlist(folder, {"alice": verifier("alice-pw")})}, users={})
    refused = refusal_of_a_query(pooler, "alice", "alice-pw")
    assert "verifier is not the one in auth_file or [users]" in refused["M"] and "pg_authid" in refused["H"]


def refusal_of_a_query(pooler, user, secret, database="app"):
    """What a client hears whose log-in is right and whose server cannot be logged in to."""
    with Raw.connect(pooler.port) as c:
        refusal = c.try_login(user, secret, database)
        if refusal is None:
            c.send(query("SELECT 1"))
            refusal = next(m for m in c.until("E") if m.type == "E")
        return refusal.fields


def test_a_missing_secret_is_named_with_its_place(weir, postgres, folder):
    hashed = md5_of("alice", "alice-pw")
    pooler = weir(weir=QUICK | {"auth_type": "md5", "auth_file": userlist(folder, {"alice": hashed})}, users={},
                  databases={"app": {"host": "127.0.0.1", "port": postgres.port},
                             "forced": {"host": "127.0.0.1", "port": postgres.port, "dbname": "app", "user": "bob",
                                        "password": md5_of("bob", "bob-pw")}})
    refused = refusal_of_a_query(pooler, "alice", "alice-pw")
    assert refused["C"] == "28000"
    assert 'as user "alice": it asks for SCRAM-SHA-256, but auth_file or [users] has an md5 hash' in refused["M"]
    assert hashed not in str(refused) and "alice-pw" not in str(refused)
    refused = refusal_of_a_query(pooler, "alice", "alice-pw", "forced")
    assert '"bob": it asks for SCRAM-SHA-256, but [databases.forced] has an md5 hash' in refused["M"]


@pytest.mark.parametrize("user, secret", [("md5er", "md5er-pw"), ("plain", "plain-pw"), ("alice", "alice-pw")])
def test_servers_that_ask_for_md5_clear_text_and_scram(weir, postgres, user, secret):
    pooler = weir(weir=QUICK | {"auth_type": "scram-sha-256"}, users={"c": {"password": "c-pw"}},
                  databases=forced(postgres, user, password=secret))
    with pooler.connect("c", "c-pw") as c:
        assert c.value("SELECT current_user") == user


def test_clients_never_change_the_secret_of_a_forced_user(weir, postgres):
    users = {f"u{i}": {"password": f"secret {i}"} for i in range(6)}
    pooler = weir(weir=QUICK | {"default_pool_size": 2, "server_lifetime": 1},
                  users=users, databases=forced(postgres, "alice", password="alice-pw"))
    before = len(postgres.log())  # other tests fail to log in on purpose
    for turn in range(30):
        name = f"u{turn % 6}"
        assert attempt(pooler, name, users[name]["password"]) is None
    with postgres.connect() as c:
        failures = [line for line in postgres.log()[before:].splitlines() if 'failed for user "alice"' in line]
        assert c.value("SELECT 1") == "1"
    assert not failures


@pytest.mark.short
def test_a_wrong_password_is_refused_on_a_pool_that_is_open(weir):
    pooler = weir(weir=QUICK)
    with pooler.connect("alice") as c:
        c.value("SELECT 1")
        assert attempt(pooler, "alice", "wrong")["C"] == "28P01"
        assert attempt(pooler, "alice", "wrong", "weir")["C"] == "28P01"


# ---- auth_query

LOOKUP = """CREATE OR REPLACE FUNCTION public.lookup(who text) RETURNS TABLE (n text, s text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN RETURN QUERY SELECT rolname::text, rolpassword FROM pg_catalog.pg_authid WHERE rolname = who; END $$;
CREATE OR REPLACE FUNCTION public.seen(who text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN RAISE LOG 'auth_query path=<%> app=<%>', current_setting('search_path'), current_setting('application_name');
RETURN who; END $$"""


@pytest.fixture
def asking(weir, postgres):
    """A Weir that knows bob only, and asks as bob."""
    postgres.sql("ALTER ROLE bob SET log_statement = 'all'")
    yield lambda **more: weir(weir=QUICK | {"auth_user": "bob"} | more, users={"bob": {"password": "bob-pw"}})
    postgres.sql("ALTER ROLE bob RESET log_statement")


def test_auth_query_finds_users_and_a_changed_password_works_at_once(asking, postgres):
    postgres.sql("CREATE ROLE changing LOGIN PASSWORD 'first'")
    pooler = asking()
    try:
        assert attempt(pooler, "alice", "alice-pw") is None
        assert attempt(pooler, "changing", "first") is None
        postgres.sql("ALTER ROLE changing PASSWORD 'second'")
        assert attempt(pooler, "changing", "first")["C"] == "28P01"
        assert attempt(pooler, "changing", "second") is None
    finally:
        pooler.stop()
        postgres.sql("DROP ROLE changing")


def test_auth_query_keeps_out_the_expired_the_barred_and_those_without_a_password(asking, postgres):
    postgres.sql("CREATE ROLE expired LOGIN PASSWORD 'pw' VALID UNTIL '2020-01-01'; CREATE ROLE barred NOLOGIN PASSWORD 'pw';"
                 "CREATE ROLE bare LOGIN; CREATE ROLE later LOGIN PASSWORD 'pw' VALID UNTIL '2999-01-01'")
    pooler = asking()
    try:
        for user in ("expired", "barred", "bare", "nobody_at_all"):
            for secret in ("pw", ""):
                assert attempt(pooler, user, secret)["C"] == "28P01", user
        assert attempt(pooler, "later", "pw") is None
    finally:
        pooler.stop()
        postgres.sql("DROP ROLE expired; DROP ROLE barred; DROP ROLE bare; DROP ROLE later")


HOSTILE = ["'; DROP ROLE alice; --", "\\", "\\'; SELECT 1; --", '"', "$1", "%s%n%s", "a" * 63, "a" * 64, "a" * 65,
           "\u00fc\u00df\u4e2d", "x\ty\rz\nw", "\x1b[31mred"]


@pytest.mark.short
def test_hostile_names_reach_the_server_as_one_parameter(asking, postgres):
    pooler = asking()
    for name in HOSTILE:
        assert attempt(pooler, name, "pw")["C"] == "28P01", name
    assert attempt(pooler, b"\xff\xfe bad", "pw")["C"] == "28P01"
    assert attempt(pooler, "alice", "alice-pw") is None
    assert postgres.sql("SELECT count(*) FROM pg_roles WHERE rolname = 'alice'") == [["1"]]
    asked = [line for line in postgres.log().splitlines()
             if " LOG: " in line and "rolpassword FROM pg_catalog.pg_authid WHERE rolname" in line]
    assert asked and all(re.search(r"execute .*rolname = \$1 ", line) for line in asked)
    assert "\x1b" not in pooler.log()


def test_a_user_whose_name_needs_quoting_can_log_in(asking, postgres):
    name = "o'hara \"x\" $1"
    quoted = '"' + name.replace('"', '""') + '"'
    postgres.sql(f"CREATE ROLE {quoted} LOGIN PASSWORD 'pw'")
    pooler = asking()
    try:
        with pooler.connect(name, "pw") as c:
            assert c.value("SELECT current_user") == name
    finally:
        pooler.stop()
        postgres.sql(f"DROP ROLE {quoted}")


def test_the_clients_settings_never_reach_the_connection_that_asks(asking, postgres):
    postgres.sql(LOOKUP, database="app")
    pooler = asking(auth_query="SELECT n, s FROM public.lookup(public.seen($1))")
    refused = attempt(pooler, "alice", "alice-pw", options="-c search_path=evil", application_name="evil-app")
    assert refused is None
    told = re.findall(r"auth_query path=<(.*?)> app=<(.*?)>", postgres.log())
    assert told and set(told) == {('', "weir auth_query")} or set(told) == {('""', "weir auth_query")}, told


def test_an_auth_query_that_fails_tells_the_client_nothing(asking, postgres):
    pooler = asking(auth_query="SELECT rolname, rolpassword, 'third' FROM pg_catalog.pg_authid WHERE rolname = $1")
    refused = attempt(pooler, "alice", "alice-pw")
    assert refused == {"S": "FATAL", "V": "FATAL", "C": "28P01", "M": 'password authentication failed for user "alice"'}
    wait_for(lambda: "auth_query returned 3 columns" in pooler.log(), "the reason in the log")


# ---- what the refused learn

def transcript(pooler, user, secret, database, md5=False):
    """Every byte of a refused log-in but the random ones."""
    with Raw.connect(pooler.port) as c:
        c.send(startup(user, database))
        first = c.message()
        if md5:
            c.send(password("md5" + "0" * 32))
            first = first._replace(body=first.body[:4])
            return [first] + c.until_closed()
        scram = ScramClient(secret)
        c.send(sasl_initial("SCRAM-SHA-256", scram.first()))
        challenge = c.message()
        parts = dict(p.split("=", 1) for p in challenge.body[4:].decode().split(","))
        shape = (challenge.type, len(challenge.body), len(parts["r"]), len(base64.b64decode(parts["s"])), parts["i"])
        c.send(sasl_response(scram.final(challenge.body[4:])))
        return [first, shape] + c.until_closed()


@pytest.mark.parametrize("method", ["scram-sha-256", "md5"])
def test_an_unknown_user_or_database_answers_as_a_wrong_password_does(weir, method):
    pooler = weir(weir=QUICK | {"auth_type": method})
    hashed = method == "md5"
    wrong = transcript(pooler, "alice", "wrong", "app", hashed)
    assert wrong[-1].fields == {"S": "FATAL", "V": "FATAL", "C": "28P01", "M": 'password authentication failed for user "alice"'}
    assert transcript(pooler, "alice", "wrong", "nowhere", hashed) == wrong
    for database in ("app", "nowhere", "weir"):
        unknown = transcript(pooler, "malic", "wrong", database, hashed)
        assert [m._replace(body=m.body.replace(b"malic", b"alice")) if hasattr(m, "body") else m for m in unknown] == wrong


def test_an_unknown_users_salt_is_always_the_same_and_its_own(weir):
    pooler = weir(weir=QUICK)

    def salt(user):
        with Raw.connect(pooler.port) as c:
            c.send(startup(user, "app"))
            c.message()
            c.send(sasl_initial("SCRAM-SHA-256", ScramClient("x").first()))
            return c.message().body.decode().split("s=")[1].split(",")[0]
    assert salt("ghost") == salt("ghost") != salt("spook")


def test_plain_passwords_take_as_many_iterations_as_are_set_and_verifiers_their_own(weir, folder):
    stored = {"alice": "alice-pw", "bob": verifier("bob-pw", iterations=4321)}
    pooler = weir(weir=QUICK | {"scram_iterations": 5000, "auth_file": userlist(folder, stored)}, users={})

    def iterations(user):
        with Raw.connect(pooler.port) as c:
            c.send(startup(user, "app"))
            c.message()
            c.send(sasl_initial("SCRAM-SHA-256", ScramClient("x").first()))
            return int(c.message().body.decode().split("i=")[1])
    assert [iterations(user) for user in ("alice", "ghost", "bob")] == [5000, 5000, 4321]
    assert attempt(pooler, "alice", "alice-pw") is None
    assert attempt(pooler, "alice", "wrong")["C"] == "28P01"


def test_whether_a_database_exists_is_told_to_those_who_logged_in(weir):
    pooler = weir(weir=QUICK)
    refused = attempt(pooler, "alice", "alice-pw", "nowhere")
    assert refused["C"] == "3D000" and refused["S"] == "FATAL"


def test_a_failed_log_in_waits_and_a_good_one_does_not(weir):
    pooler = weir(weir={"auth_fail_delay": "400ms"})
    waits = []
    for user in ("alice", "ghost"):
        before = time.monotonic()
        assert attempt(pooler, user, "wrong")["C"] == "28P01"
        waits.append(time.monotonic() - before)
    assert all(0.4 <= wait < 4 for wait in waits), waits
    before = time.monotonic()
    assert attempt(pooler, "alice", "alice-pw") is None
    assert time.monotonic() - before < 0.4


@pytest.mark.short
def test_a_second_startup_packet_in_the_middle_of_scram_logs_nobody_in(weir):
    pooler = weir(weir=QUICK)
    with Raw.connect(pooler.port) as c:
        c.send(startup("alice", "nowhere"))
        assert c.message().type == "R"
        c.send(startup("bob", "app"))
        last = c.until_closed()[-1]
        assert last.type == "E" and last.sqlstate == "08P01"
    with Raw.connect(pooler.port) as c:
        c.send(startup("alice", "nowhere"))
        c.message()
        scram = ScramClient("alice-pw")
        c.send(sasl_initial("SCRAM-SHA-256", scram.first()))
        challenge = c.message()
        c.send(startup("bob", "app") + sasl_response(scram.final(challenge.body[4:])))
        assert all(m.type == "E" for m in c.until_closed())


# ---- the HBA file

def test_the_first_rule_that_matches_decides_and_none_means_no(weir, postgres, folder):
    rules = hba(folder, "host app barred 127.0.0.1/32 reject", "host app barred 127.0.0.1/32 trust",
                "host other all 127.0.0.1/32 trust", "host app listed 127.0.0.1/32 trust", "local app listed reject")
    users = {name: {"password": "pw"} for name in ("barred", "listed", "third")}
    pooler = weir(weir=QUICK | {"auth_type": "hba", "auth_hba_file": rules, "unix_socket_dir": ""}, users=users,
                  databases=forced(postgres))
    refused = attempt(pooler, "barred")
    assert refused["C"] == "28000"
    assert refused["M"] == 'pg_hba.conf rejects connection for host "127.0.0.1", user "barred", database "app", no encryption'
    refused = attempt(pooler, "third", "pw")
    assert refused["M"] == 'no pg_hba.conf entry for host "127.0.0.1", user "third", database "app", no encryption'
    assert attempt(pooler, "listed") is None


def system_user():
    return pwd.getpwuid(unprivileged().get("user", os.geteuid())).pw_name


def psql(*arguments, user=None, **environment):
    done = subprocess.run([str(PG_BIN / "psql"), "-XAtw", *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=30, text=True, cwd="/",
                          env={"PATH": os.environ["PATH"], "PGCONNECT_TIMEOUT": "10"} | environment, **(user or {}))
    return done.returncode, done.stdout.strip()


def test_peer_on_a_unix_socket_with_a_map_and_without(weir, postgres, folder):
    sockets = folder / "peer-sockets"
    sockets.mkdir(mode=0o755)
    give_away(sockets)
    me = system_user()
    rules = hba(folder, "local app mapped peer map=m", "local all all peer")
    ident = write_file(folder, "ident.conf", f"m {me} mapped\nm nobody_such mapped\n")
    pooler = weir(weir=QUICK | {"auth_type": "hba", "auth_hba_file": rules, "auth_ident_file": ident,
                                "unix_socket_dir": sockets},
                  users={"mapped": {}, me: {}, "bob": {"password": "bob-pw"}}, databases=forced(postgres))

    def login(name, who=unprivileged()):
        return psql("-h", sockets, "-p", pooler.port, "-U", name, "-d", "app", "-c", "SELECT 'in'", user=who)
    assert login("mapped") == (0, "in")
    assert login(me) == (0, "in")
    code, said = login("bob")
    assert code == 2 and 'Peer authentication failed for user "bob"' in said
    wait_for(lambda: f"the peer is the system's user \"{me}\"" in pooler.log(), "the reason in the log")
    if os.geteuid() == 0:
        code, said = login("mapped", None)
        assert code == 2 and 'Peer authentication failed for user "mapped"' in said
    # Not over TCP, whatever the file says.
    assert attempt(pooler, "mapped")["C"] == "28000"


def test_whoever_runs_weir_may_look_after_it_over_the_unix_socket(weir, postgres, folder):
    sockets = folder / "console-sockets"
    sockets.mkdir(mode=0o755)
    give_away(sockets)
    pooler = weir(weir=QUICK | {"unix_socket_dir": sockets, "admin_users": []})
    for user, database in (("weir", "weir"), ("pgbouncer", "pgbouncer")):
        code, said = psql("-h", sockets, "-p", pooler.port, "-U", user, "-d", database, "-c", "SHOW VERSION",
                          user=unprivileged())
        assert code == 0 and "PgBouncer 1." in said, said
        assert attempt(pooler, user, "", database)["C"] == "28P01"  # not over TCP
    if os.geteuid() == 0:  # root is somebody else
        code, said = psql("-h", sockets, "-p", pooler.port, "-U", "weir", "-d", "weir", "-c", "SHOW VERSION")
        assert code == 2, said


def test_the_console_is_for_those_who_are_listed(weir):
    pooler = weir(weir=QUICK)
    with pooler.connect("bob", database="weir") as admin, pooler.connect("alice", database="pgbouncer") as stats:
        assert admin.ask("SHOW POOLS")[-1].type == "Z" and stats.ask("SHOW POOLS")[-1].type == "Z"
        assert [m.sqlstate for m in stats.ask("RELOAD") if m.type == "E"] == ["42501"]
    assert attempt(pooler, "md5er", "md5er-pw", "weir")["C"] == "42501"


# ---- PAM and LDAP

def test_pam_without_a_service_of_that_name_refuses_in_general_words(weir, postgres, folder):
    rules = hba(folder, "host all all 127.0.0.1/32 pam pamservice=weir-test-no-such-service")
    pooler = weir(weir=QUICK | {"auth_type": "hba", "auth_hba_file": rules}, databases=forced(postgres))
    assert attempt(pooler, "alice", "alice-pw") == {"S": "FATAL", "V": "FATAL", "C": "28000",
                                                    "M": 'PAM authentication failed for user "alice"'}
    wait_for(lambda: "weir-test-no-such-service" in pooler.log(), "the reason in the log")


@pytest.fixture
def directory(folder):
    """slapd with uid=alice (password directory-pw); its port."""
    home = folder / f"slapd-{time.monotonic_ns()}"
    (home / "data").mkdir(parents=True)
    for path in (home, home / "data"):
        path.chmod(0o755)
        give_away(path)
    (home / "slapd.conf").write_text(
        "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\n"
        "include /etc/ldap/schema/inetorgperson.schema\nmodulepath /usr/lib/ldap\nmoduleload back_ldif\n"
        f"pidfile {home}/pid\nargsfile {home}/args\ndatabase ldif\nsuffix \"dc=example,dc=com\"\n"
        f"directory {home}/data\n")
    (home / "people.ldif").write_text(
        "dn: dc=example,dc=com\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: example\n\n"
        "dn: uid=alice,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: alice\ncn: alice\nsn: alice\n"
        "userPassword: directory-pw\n")
    run("/usr/sbin/slapadd", "-f", home / "slapd.conf", "-l", home / "people.ldif", **unprivileged())
    port = free_port()
    process = subprocess.Popen(["/usr/sbin/slapd", "-d", "0", "-f", str(home / "slapd.conf"), "-h", f"ldap://127.0.0.1:{port}"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=home, **unprivileged())
    try:
        wait_for(lambda: listens(port), "slapd")
        yield port
    finally:
        process.terminate()
        process.wait(10)


def test_ldap_decides_and_its_reasons_stay_in_the_log(weir, postgres, folder, directory):
    def rule(user, port):
        return (f"host all {user} 127.0.0.1/32 ldap ldapserver=127.0.0.1 ldapport={port} ldapprefix=\"uid=\" "
                "ldapsuffix=\",dc=example,dc=com\"")
    rules = hba(folder, rule("lost", free_port()), rule("all", directory))
    pooler = weir(weir=QUICK | {"auth_type": "hba", "auth_hba_file": rules}, databases=forced(postgres), users={})
    assert attempt(pooler, "alice", "directory-pw") is None
    for user, secret in (("alice", "wrong"), ("nobody", "directory-pw"), ("lost", "directory-pw"), ("a*)(uid=*", "x")):
        assert attempt(pooler, user, secret) == {"S": "FATAL", "V": "FATAL", "C": "28000",
                                                 "M": f'LDAP authentication failed for user "{user}"'}
    assert attempt(pooler, "alice", "")["C"] == "28P01"
    wait_for(lambda: "LDAP" in pooler.log(), "the reason in the log")
    assert "directory-pw" not in pooler.log()


# ---- protocol 3.2 and cancel

@pytest.mark.short
def test_a_client_of_protocol_3_2_gets_a_long_cancel_key_and_its_cancel_works(weir, postgres):
    pooler = weir(weir=QUICK)
    with Raw.connect(pooler.port).login("alice", "alice-pw", "app", version=V3_2) as c:
        assert len(c.key) == 32 and c.negotiated is None
        c.send(query("SELECT pg_sleep(30)"))
        postgres.until_asleep()
        for wrong in (c.key[:4], c.key[:-1] + bytes([c.key[-1] ^ 1]), c.key + b"\0"):
            with Raw.connect(pooler.port) as other:
                other.send(cancel(c.pid, wrong))
                other.until_closed()
        assert c.quiet(0.3)
        with Raw.connect(pooler.port) as other:
            other.send(cancel(c.pid, c.key))
            assert other.bytes_until_closed() == b""
        assert [m.sqlstate for m in c.until_ready() if m.type == "E"] == ["57014"]
    with Raw.connect(pooler.port).login("alice", "alice-pw", "app") as c:
        assert len(c.key) == 4


def test_a_newer_minor_version_and_unknown_options_are_negotiated_not_refused(weir):
    pooler = weir(weir=QUICK)
    with Raw.connect(pooler.port).login("alice", "alice-pw", "app", version=0x00030009, pairs=[("_pq_.nonsense", "1")]) as c:
        version, count = struct.unpack("!II", c.negotiated[:8])
        assert version in (V3_2, 2) and count == 1 and c.negotiated[8:] == b"_pq_.nonsense\0"
        assert c.value("SELECT 1") == "1"


# ---- secrets

def test_no_secret_is_in_the_log_or_in_what_the_console_shows(weir, postgres, folder):
    kept = postgres.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'md5er'")[0][0]
    stored = {"alice": "alice-pw", "bob": "bob-pw", "hashed": md5_of("hashed", "hashed-pw"),
              "proven": verifier("proven-pw"), "md5er": kept}
    databases = {"app": {"host": "127.0.0.1", "port": postgres.port},
                 "other": {"host": "127.0.0.1", "port": postgres.port, "user": "plain", "password": "plain-pw"},
                 "broken": {"host": "127.0.0.1", "port": postgres.port, "user": "alice", "password": "not-hers-at-all"}}
    pooler = weir(weir=QUICK | {"log_level": "trace", "auth_type": "md5", "auth_user": "bob",
                                "auth_file": userlist(folder, stored)},
                  users={"fromtoml": {"password": "fromtoml-pw"}}, databases=databases)
    keys = []
    for user, secret in (("alice", "alice-pw"), ("md5er", "md5er-pw"), ("trusty", "mistyped-secret"), ("alice", "mistyped-two")):
        attempt(pooler, user, secret)
    for user in ("hashed", "proven", "fromtoml"):
        attempt(pooler, user, f"{user}-pw", "other")
    refusal_of_a_query(pooler, "alice", "alice-pw", "broken")
    with pooler.connect("alice", "alice-pw") as c, pooler.connect("bob", "bob-pw", "weir") as admin:
        keys += [c.key.hex(), c.key.hex().upper(), str(int.from_bytes(c.key, "big"))]
        c.ask("SELECT 1")
        shown = ""
        for what in ("POOLS", "CLIENTS", "SERVERS", "DATABASES", "USERS", "CONFIG", "STATS", "SOCKETS", "ACTIVE_SOCKETS",
                     "LISTS", "MEM", "FDS", "STATE", "VERSION", "HELP", "PEERS", "PEER_POOLS", "PREPARED_STATEMENTS"):
            for m in admin.ask(f"SHOW {what}"):
                shown += m.body.decode("utf-8", "replace") + "\n"
    secret_texts = {"alice-pw", "bob-pw", "hashed-pw", "proven-pw", "md5er-pw", "plain-pw", "fromtoml-pw", "not-hers-at-all",
                    "mistyped-secret", "mistyped-two", *(s for u, s in stored.items()), *keys}
    for text in stored.values():
        if text.startswith("SCRAM"):
            secret_texts |= set(re.split(r"[$:]", text)[2:])
    written = pooler.log() + "\n".join(p.read_text(errors="replace") for p in pooler.folder.glob("*.log"))
    assert "alice" in written and "alice" in shown
    for text in secret_texts:
        assert text not in written, f"{text} is in the log"
        assert text not in shown, f"{text} is shown by the console"


def test_show_servers_has_the_servers_numeric_address(weir, postgres):
    pooler = weir(weir=QUICK, databases={"app": {"host": "localhost", "port": postgres.port},
                                         "other": {"host": str(postgres.socket_dir), "port": postgres.port}})
    with pooler.connect("alice") as c, pooler.connect("alice", database="other") as d:
        c.value("SELECT 1")
        d.value("SELECT 1")
        assert {row["database"]: row["addr"] for row in pooler.show("SERVERS")} == {"app": "127.0.0.1", "other": "unix"}
