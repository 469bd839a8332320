# Schemathesis, for the script that sources this: `install_schemathesis` sets TEST_SCHEMATHESIS.
#
# It gets a Python environment of its own in the user's cache, made once for each list of versions.
# The caller has functions `say` and `fail`.
# shellcheck shell=bash

SCHEMATHESIS_VERSIONS=tests/schemathesis/requirements.txt

# A Python that is new enough and can make environments.
find_python() {
    local python
    for python in python3 /usr/bin/python3; do
        if "$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$python"
            return 0
        fi
    done
    return 1
}

# Without it the test that wants it says that it was skipped; where everything has to be tested, that is not enough.
install_schemathesis() {
    local root log
    root="${XDG_CACHE_HOME:-$HOME/.cache}/scaiwave-ci/schemathesis-$(sha256sum "$SCHEMATHESIS_VERSIONS" | cut -c 1-16)"
    mkdir -p "${root%/*}"
    # One run at a time; the other finds everything in place.
    if log=$( (flock 9 && has_schemathesis "$root" || make_schemathesis "$root") 9>"$root.lock" 2>&1); then
        export TEST_SCHEMATHESIS="$root/bin/schemathesis"
        return 0
    fi
    [ -z "${CI:-}" ] || fail "schemathesis could not be installed: $log"
    say "Schemathesis could not be installed, its test will be skipped: $log"
}

has_schemathesis() { "$1/bin/python" -c 'import schemathesis' 2>/dev/null && [ -e "$1/complete" ]; }

make_schemathesis() {
    local python
    python=$(find_python) || { echo "it needs Python 3.11 or newer with venv"; return 1; }
    rm -rf "$1"
    "$python" -m venv "$1" &&
        "$1/bin/python" -m pip --disable-pip-version-check install --quiet --no-deps -r "$SCHEMATHESIS_VERSIONS" &&
        touch "$1/complete"
}
