#!/bin/bash
# The replica's container in docker-compose.yml: copies the primary once, then follows it.
#
# Needs PGDATA, PRIMARY_HOST, PRIMARY_PORT, REPLICATION_PASSWORD; the rest of the arguments is the command to become.
set -euo pipefail
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  echo "copying the primary at $PRIMARY_HOST:$PRIMARY_PORT"
  until PGPASSWORD=$REPLICATION_PASSWORD pg_basebackup -h "$PRIMARY_HOST" -p "$PRIMARY_PORT" -U replicator \
    -D "$PGDATA" -R --checkpoint=fast; do
    rm -rf "${PGDATA:?}"/*
    sleep 1
  done
  chmod 700 "$PGDATA"
fi
exec "$@"
