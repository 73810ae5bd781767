"""What is shipped beside the binary, checked as far as it can be without a container engine or systemd: the files say
what they must, and each command line that a container runs is run here."""

import configparser
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest
import yaml

from rawpg import Raw
from servers import PG_BIN, ROOT, Postgres, Weir, free_port, give_away, listens, unprivileged, wait_for

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def unit(name):
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str
    parser.read(ROOT / "packaging" / name)
    return parser


def test_the_compose_file_names_what_exists():
    services = COMPOSE["services"]
    assert set(services) == {"primary", "replica", "weir"}
    for name, service in services.items():
        assert ("image" in service) != ("build" in service), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], volume
        for other, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert "healthcheck" in services[other], f"{other} is waited for and has no health check"


def test_the_settings_in_compose_come_from_the_environment():
    text = (ROOT / "docker-compose.yml").read_text()
    for name in ("APP_PASSWORD", "REPLICATION_PASSWORD", "WEIR_PORT", "WEIR_DEFAULT_POOL_SIZE"):
        assert f"${{{name}:-" in text, name


def test_the_image_runs_as_somebody_without_rights():
    text = (ROOT / "Dockerfile").read_text()
    stages = re.split(r"^FROM ", text, flags=re.M)[1:]
    assert len(stages) == 2 and stages[0].startswith("debian:bookworm") and stages[1].startswith("debian:bookworm")
    assert re.search(r"^USER weir$", stages[1], re.M)
    assert "HEALTHCHECK" in stages[1]
    for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.M):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), f"COPY {source}"


def test_the_image_has_every_library_that_the_binary_needs():
    final = (ROOT / "Dockerfile").read_text().split("FROM ")[-1]
    needed = subprocess.run(["ldd", Weir.binary], capture_output=True, text=True, check=True).stdout
    # The libraries that the binary itself names; what those need is their packages' business.
    direct = re.findall(r"NEEDED\)\s+Shared library: \[([^\]]+)\]",
                        subprocess.run(["readelf", "-d", Weir.binary], capture_output=True, text=True, check=True).stdout)
    base = {"libc6", "libstdc++6", "libgcc-s1"}
    for library in direct:
        path = re.search(rf"{re.escape(library)} => (\S+)", needed)
        if not path:
            continue  # the loader itself
        real = os.path.realpath(path[1])
        for name in (real, real.removeprefix("/usr")):
            found = subprocess.run(["dpkg", "-S", name], capture_output=True, text=True)
            if found.returncode == 0:
                break
        package = found.stdout.split(":")[0]
        assert package in base or package in final, f"{library} is in {package}, which the Dockerfile does not install"


def test_the_systemd_unit_is_hardened():
    service = unit("weir.service")["Service"]
    for key, value in {"NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes",
                       "PrivateDevices": "yes", "RestrictNamespaces": "yes", "LockPersonality": "yes",
                       "MemoryDenyWriteExecute": "yes", "CapabilityBoundingSet": "", "UMask": "0077",
                       "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX", "Type": "notify"}.items():
        assert service[key] == value, key
    assert service["User"] != "root" and int(service["LimitNOFILE"]) >= 65536 and "WatchdogSec" in service
    assert unit("weir.socket")["Socket"]["ListenStream"]


def test_systemd_has_nothing_to_say_about_the_units(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here")
    for name in ("weir.service", "weir.socket"):
        text = (ROOT / "packaging" / name).read_text().replace("/usr/bin/weir", "/bin/true")
        (tmp_path / name).write_text(re.sub(r"^Documentation=.*$", "", text, flags=re.M))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *map(str, tmp_path.iterdir())], capture_output=True,
                          text=True)
    assert not [line for line in done.stderr.splitlines() if "weir." in line], done.stderr


def test_the_manual_page_is_well_formed_and_names_every_command():
    page = ROOT / "packaging" / "weir.1"
    text = page.read_text()
    for word in ("check", "convert", "version", "config", "SIGHUP", "SIGTERM"):
        assert word in text
    if shutil.which("man"):
        done = subprocess.run(["man", "--warnings", "-l", str(page)], capture_output=True, text=True,
                              env=dict(os.environ, MANWIDTH="100", LC_ALL="C.UTF-8"))
        assert done.returncode == 0 and not done.stderr.strip(), done.stderr


def test_the_files_that_are_shipped_are_accepted(tmp_path):
    environment = dict(os.environ, WEIR_ADMIN_PASSWORD="x", WEIR_DATABASE="app", WEIR_PASSWORD="app")
    for name in ("weir.toml", "docker.toml"):
        copy = tmp_path / name
        shutil.copy(ROOT / "packaging" / name, copy)
        copy.chmod(0o600)
        done = subprocess.run([Weir.binary, "check", copy], capture_output=True, text=True, env=environment, timeout=20)
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"


def test_the_containers_command_lines_make_a_pool_over_a_primary_and_a_replica(folder, weir):
    """What docker-compose.yml runs, run here in its order: primary, its init script, the replica's entrypoint, Weir."""
    home = folder / "compose"
    primary = Postgres(home, settings={"wal_level": "logical", "hot_standby": "on"}).create()
    primary.sql("CREATE ROLE app LOGIN SUPERUSER PASSWORD 'app'")
    environment = dict(os.environ, PATH=f"{PG_BIN}:{os.environ['PATH']}", REPLICATION_PASSWORD="replicate")
    replica_data, replica_port = home / "replica-data", free_port()
    try:
        subprocess.run(["/bin/bash", ROOT / "packaging" / "primary-init.sh"], check=True, timeout=60, env=environment | {
            "PGHOST": "127.0.0.1", "PGPORT": str(primary.port), "PGDATA": str(primary.data), "POSTGRES_USER": "postgres",
            "POSTGRES_DB": "postgres"})
        # samenet of a container's network is loopback here; and the line must stand before the tests' own.
        hba = primary.data / "pg_hba.conf"
        assert "host replication replicator samenet scram-sha-256" in hba.read_text()
        hba.write_text("host replication replicator samenet scram-sha-256\n" + hba.read_text())
        primary.sql("SELECT pg_reload_conf()")

        replica_data.mkdir(mode=0o700)
        give_away(replica_data)
        entrypoint = home / "entrypoint.sh"
        shutil.copy(ROOT / "packaging" / "replica-entrypoint.sh", entrypoint)
        entrypoint.chmod(0o755)
        with (home / "replica.log").open("wb") as log:
            replica = subprocess.Popen(
                ["/bin/bash", entrypoint, "postgres", "-c", "hot_standby=on", "-c", f"port={replica_port}",
                 "-c", f"unix_socket_directories={home}"],
                stdout=log, stderr=log, cwd="/", **unprivileged(), env=environment | {
                    "PGDATA": str(replica_data), "PRIMARY_HOST": "127.0.0.1", "PRIMARY_PORT": str(primary.port)})
        try:
            wait_for(lambda: listens(replica_port) or replica.poll() is not None, "the replica", 60)
            assert replica.poll() is None, (home / "replica.log").read_text()
            pooler = weir(
                databases={"*": {"host": "127.0.0.1", "port": primary.port},
                           "replica": {"host": "127.0.0.1", "port": replica_port, "dbname": "app"}},
                users={"app": {"password": "app"}}, weir={"admin_users": ["app"]})

            def in_recovery(database):
                with Raw.connect(pooler.port).login("app", "app", database) as c:
                    return c.value("SELECT pg_is_in_recovery()")

            assert in_recovery("app") == "f"
            assert wait_for(lambda: in_recovery("replica") == "t", "the replica to answer through the pool", 20)
        finally:
            replica.send_signal(signal.SIGINT)  # SIGTERM would wait for the pool's connections to leave
            replica.wait(30)
    finally:
        primary.stop("immediate")
