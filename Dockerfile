# Weir on Debian 12, as an unprivileged user. Settings come from /etc/weir/weir.toml, and each setting of its [weir]
# table also from the environment (WEIR_LISTEN_PORT, WEIR_DEFAULT_POOL_SIZE, ...).
FROM debian:bookworm-slim AS build
WORKDIR /src
COPY scripts scripts
RUN scripts/setup.sh build && rm -rf /var/lib/apt/lists/*
COPY . .
RUN make install DESTDIR=/out PREFIX=/usr

FROM debian:bookworm-slim
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ca-certificates libevent-core-2.1-7 libevent-pthreads-2.1-7 libssl3 libpq5 libfmt9 libspdlog1.10 \
      libtomlplusplus3 libpam0g libldap-2.5-0 libsqlite3-0 libcurl4 postgresql-client-15 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 6432 weir \
    && useradd --system --uid 6432 --gid weir --home-dir /nonexistent --shell /usr/sbin/nologin weir
COPY --from=build /out/ /
USER weir
EXPOSE 6432
STOPSIGNAL SIGTERM
# Is it there, and does it answer? The console user's password is not needed to see that it listens.
HEALTHCHECK --interval=5s --timeout=3s --start-period=5s --retries=3 \
  CMD ["pg_isready", "-q", "-h", "127.0.0.1", "-p", "6432", "-d", "weir"]
ENTRYPOINT ["/usr/bin/weir"]
CMD ["--config", "/etc/weir/weir.toml"]
