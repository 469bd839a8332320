# The conformance suite against servers of this build, for the script that sources this: `conformance SQLite`,
# `conformance Postgres`.
#
# Some checks need settings that others do not bear, so each database gets five servers, each on empty data: one
# without rate limits for nearly everything, and one each for the limits as they are by default, for tokens that soon
# expire, for mock users, and for an identity provider, which runs beside it.
#
# The caller has made the folder "$work" and has the functions `fail`, `start_group`, `end_group` and `in_group`;
# `create_database` and `drop_database` are those of postgres.sh.
# shellcheck shell=bash

target="${CARGO_TARGET_DIR:-target}/debug"
PEER_NAME=peer.example
SERVER_NAME=subject.example
OTHER_NAME=other.example
PASSWORD="a password for tests"
# What the other servers are for.
ELSEWHERE=(
    --exclude rates --exclude RATE --exclude EXPIRED_TOKEN --exclude auth/mock
    --exclude auth/provider --exclude REDIRECT_MISMATCH
)
# What needs parts that this server does not have: limits of tenants.
NOT_THERE=(--exclude "SW_TENANT_CAPACITY: 409" --exclude "SW_ROOM_CAPACITY: 409")

# The running server: its process group, its address, its settings, the folder of its data and logs.
server=""
address=""
# The identity provider's process group and address.
provider=""
issuer=""
settings=()
folder=""
peer_port=""

# Everything on one database.
conformance() {
    local status=0 name no_rates=()
    for name in TENANT_SENDS SENDS WRITES READS TYPING ADDRESS LOGINS PEER_EVENTS PEER_REQUESTS; do
        no_rates+=("SCAIWAVE_RATE_$name=0")
    done
    settings=("${no_rates[@]}")
    with_server "$1" everything suite_with_accounts --coverage "${ELSEWHERE[@]}" "${NOT_THERE[@]}" || status=1
    settings=()
    with_server "$1" limits suite_with_accounts --filter rates --filter RATE || status=1
    settings=("${no_rates[@]}" SCAIWAVE_ACCESS_TOKEN_TTL=3)
    with_server "$1" expiry suite_with_accounts --filter EXPIRED || status=1
    settings=(SCAIWAVE_AUTH_MODE=mock)
    with_server "$1" mock suite --filter auth/mock || status=1
    start_provider
    settings=(
        "${no_rates[@]}" SCAIWAVE_AUTH_MODE=hybrid SCAIWAVE_OIDC_ISSUER="$issuer"
        SCAIWAVE_OIDC_CLIENT_ID=scaiwave SCAIWAVE_OIDC_CLIENT_SECRET="a secret of the client"
    )
    with_server "$1" provider suite_with_accounts --filter auth/provider --filter REDIRECT_MISMATCH || status=1
    stop_provider
    return "$status"
}

# An identity provider of its own, at the address $issuer.
start_provider() {
    local tries=300
    start_group node tests/provider/provider.mjs 0 >"$work/provider" 2>&1
    provider=$started
    issuer=""
    while [ -z "$issuer" ]; do
        if [ $((tries -= 1)) -eq 0 ] || ! kill -0 "$provider" 2>/dev/null; then
            cat "$work/provider" >&2
            fail "the identity provider for the conformance suite did not start"
        fi
        sleep 0.1
        issuer=$(sed -n 's|^listening on ||p' "$work/provider")
    done
}

# It knows no way to end but this.
stop_provider() {
    end_group "$provider" || true
    provider=""
}

# Runs a command against a server on empty data of this database and looks afterwards whether all it wrote is sound.
with_server() {
    local backend=$1 name=$2 status=0 database="" url
    shift 2
    folder="$work/conformance-$backend-$name"
    mkdir "$folder"
    peer_port=$(free_port)
    settings+=(
        SCAIWAVE_BIND=127.0.0.1:0
        SCAIWAVE_DATA_DIR="$folder/data"
        # Signing in to Postgres takes its time in a debug build.
        SCAIWAVE_DB_POOL=4
        SCAIWAVE_SERVER_NAME="$SERVER_NAME"
        SCAIWAVE_FEDERATION_PEER_URLS="$PEER_NAME=http://127.0.0.1:$peer_port"
    )
    if [ "$backend" = Postgres ]; then
        database="conformance_$$_$name"
        url=$(create_database "$database") || fail "Postgres makes no database for the conformance suite"
        settings+=(SCAIWAVE_DB_URL="$url")
    fi

    start_server
    "$@" || status=1
    stop_server || status=1
    in_group scaiwave admin verify || status=1
    if [ -n "$database" ]; then drop_database "$database"; fi
    return "$status"
}

scaiwave() { env "${settings[@]}" "$target/scaiwave" "$@"; }
serve() { exec env "${settings[@]}" "$target/scaiwave" serve; }

start_server() {
    local tries=300
    start_group serve >"$folder/out" 2>"$folder/log"
    server=$started
    address=""
    while [ -z "$address" ]; do
        if [ $((tries -= 1)) -eq 0 ] || ! kill -0 "$server" 2>/dev/null; then
            cat "$folder/log" >&2
            fail "the server for the conformance suite did not start"
        fi
        sleep 0.1
        address=$(sed -n 's|.*listening on \(http[^ ]*\).*|\1|p' "$folder/out")
    done
}

stop_server() {
    local status=0
    end_group "$server" || status=$?
    server=""
    if [ "$status" -ne 0 ]; then
        cat "$folder/log" >&2
        printf 'the server ended with %s\n' "$status" >&2
        return 1
    fi
}

# The suite as a stranger, with these options. What cannot be checked counts as failed.
suite() { in_group "$target/scaiwave-conformance" --strict --url "$address" --host "$SERVER_NAME" "$@"; }

# The suite with an administrator, somebody of a second tenant, and the played peer.
suite_with_accounts() {
    make_account --local-id admin --name Admin
    scaiwave admin create-tenant --slug other --name Other --server-name "$OTHER_NAME" >/dev/null
    make_account --local-id other --name Other --tenant other
    printf '[{"username": "admin", "password": "%s", "admin": true}]' "$PASSWORD" >"$folder/accounts.json"
    printf '[{"username": "other", "password": "%s", "host": "%s"}]' "$PASSWORD" "$OTHER_NAME" >"$folder/other.json"
    suite --accounts "$folder/accounts.json" --other-tenant-accounts "$folder/other.json" \
        --peer-bind "127.0.0.1:$peer_port" --peer-name "$PEER_NAME" "$@"
}

make_account() { printf '%s\n' "$PASSWORD" | scaiwave admin create-user "$@" >/dev/null; }

# A port that nobody listens on, below those that the system takes for outgoing connections.
free_port() {
    local port
    while true; do
        port=$((15000 + RANDOM % 15000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    printf '%s\n' "$port"
}
