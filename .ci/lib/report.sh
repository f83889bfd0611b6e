# Sourced by the scripts beside run: headings, and test runs that must have run a test.
#
# `cargo test` succeeds when it finds no test at all, so a typing error in a filter or a lost
# `mod tests` would pass unseen. Every test run here goes through `counted`.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

heading() { printf '\n=== %s\n' "$*"; }

fail() {
    printf 'ci: %s\n' "$*" >&2
    exit 1
}

# Adds up the N of every "test result: ... N passed" in a log.
passed_in() { awk '/^test result:/ { for (i = 2; i <= NF; i++) if ($i ~ /^passed/) n += $(i - 1) } END { print n + 0 }' "$@"; }

# Runs a test command; fails if it fails or if no test passed. The log is read from a pipe, which
# also keeps programs under Wine from painting a console.
counted() {
    local log status=0 passed
    log=$(mktemp)
    "$@" 2>&1 | tee "$log" || status=$?
    passed=$(passed_in "$log")
    rm -f "$log"
    [ "$status" = 0 ] || fail "failed: $*"
    [ "$passed" -gt 0 ] || fail "ran no test: $*"
    printf '%s tests passed\n' "$passed"
}
