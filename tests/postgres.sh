# A private Postgres, for the scripts that source this: `start_postgres` sets TEST_POSTGRES_URL, `stop_postgres` ends it.
# In between, `crash_postgres` ends it as a power cut does and `resume_postgres` starts it again on the same port.
# `create_database` and `drop_database` work in whichever Postgres TEST_POSTGRES_URL names.
#
# The caller has made the folder "$work", which it removes itself, and has a function `fail`.
# shellcheck shell=bash

postgres_data=""
postgres_bin=""
database_user=""

# Postgres refuses to run as root.
as_database_user() {
    if [ "$(id -u)" -ne 0 ]; then
        "$@"
    elif command -v runuser >/dev/null; then
        (cd / && runuser -u "$database_user" -- "$@")
    else
        (cd / && su -s /bin/sh "$database_user" -c "$(printf '%q ' "$@")")
    fi
}

find_postgres() {
    local candidate newest=""
    for candidate in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin; do
        if [ -x "$candidate/initdb" ] && [ -x "$candidate/postgres" ]; then newest=$candidate; fi
    done
    if [ -z "$newest" ] && candidate=$(command -v initdb); then
        # A link in PATH stands in for the folder that also holds what initdb needs beside it.
        candidate=$(dirname "$(readlink -f "$candidate")")
        if [ -x "$candidate/postgres" ] && [ -x "$candidate/pg_ctl" ]; then newest=$candidate; fi
    fi
    [ -n "$newest" ] && printf '%s\n' "$newest"
}

# Takes up the Postgres of another script in the same folder "$work", if it has been made.
open_postgres() {
    postgres_bin=$(find_postgres) || fail "initdb was not found although PostgreSQL should be there"
    database_user=nobody
    if id -u postgres >/dev/null 2>&1; then database_user=postgres; fi
    if [ -d "$work/postgres/data" ]; then postgres_data="$work/postgres/data"; fi
}

# Whatever else `pg_ctl start` is to know; answers when connections are taken.
resume_postgres() {
    as_database_user "$postgres_bin/pg_ctl" -D "$work/postgres/data" -w -t 60 -s -l "$work/postgres/log" "$@" \
        start </dev/null >/dev/null 2>&1
}

crash_postgres() { as_database_user "$postgres_bin/pg_ctl" -D "$postgres_data" -m immediate -w -s stop; }

start_postgres() {
    local password port attempt
    open_postgres
    # The folder itself is ours; the database user only passes through it.
    chmod 711 "$work"
    mkdir "$work/postgres"
    if [ "$(id -u)" -eq 0 ]; then chown "$database_user" "$work/postgres"; fi
    as_database_user test -w "$work/postgres" ||
        fail "user $database_user cannot enter $work: set TMPDIR to a folder that everybody may pass, such as /tmp"

    password=$(od -An -N18 -tx1 /dev/urandom | tr -d ' \n')
    printf '%s\n' "$password" >"$work/postgres/password"
    as_database_user "$postgres_bin/initdb" -D "$work/postgres/data" -U scaiwave -E UTF8 --locale=C \
        --auth=scram-sha-256 --pwfile="$work/postgres/password" >"$work/initdb.log" 2>&1 ||
        { cat "$work/initdb.log" >&2; fail "initdb failed"; }

    # It plans like a database that has been in use for a while: by statistics that are never older than seconds.
    cat >>"$work/postgres/data/postgresql.conf" <<'SETTINGS'
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 600
autovacuum_naptime = 5s
dynamic_shared_memory_type = mmap
log_min_messages = fatal
SETTINGS
    for attempt in $(seq 20); do
        port=$((15000 + RANDOM % 15000))
        if resume_postgres -o "-c port=$port"; then
            printf 'port = %s\n' "$port" >>"$work/postgres/data/postgresql.conf"
            postgres_data="$work/postgres/data"
            export TEST_POSTGRES_URL="postgres://scaiwave:$password@127.0.0.1:$port/postgres"
            return 0
        fi
        # The port was taken, most likely: another one.
    done
    cat "$work/postgres/log" >&2 || true
    fail "Postgres did not start (attempts: $attempt)"
}

stop_postgres() {
    [ -n "$postgres_data" ] || return 0
    as_database_user "$postgres_bin/pg_ctl" -D "$postgres_data" -m immediate -s stop >/dev/null 2>&1 || true
    postgres_data=""
}

# Makes an empty database of this name and prints its URL.
create_database() {
    administer "CREATE DATABASE $1" || return 1
    printf '%s/%s\n' "${TEST_POSTGRES_URL%/*}" "$1"
}

drop_database() { administer "DROP DATABASE $1 WITH (FORCE)"; }

administer() { "${postgres_bin:+$postgres_bin/}psql" -qX -v ON_ERROR_STOP=1 -d "$TEST_POSTGRES_URL" -c "$1" >&2; }
