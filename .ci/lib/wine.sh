# Sourced: a Wine of our own, for as long as the script runs.
#
# Wine follows Linux symlinks even when it deletes, so it runs as an ordinary user, and everything
# that it may write lies in one scratch directory: the prefix, whose C: holds the temporary files.

start_wine() {
    need wine wine wine64
    wine_scratch=$CARGO_TARGET_DIR/wine
    mkdir -p "$wine_scratch"
    # One user of the prefix at a time: the last thing we do is to stop its server. Children get no
    # copy of the lock, or the server would hold it.
    exec 9>"$wine_scratch.lock"
    flock 9

    wine_log=$wine_scratch/log
    : >"$wine_log"
    export WINEPREFIX=$wine_scratch/prefix TIDESYNC_WINE_HOME=$wine_scratch/home
    export WINEARCH=win64 WINEDEBUG=-all LC_ALL=C.UTF-8
    export WINEDLLOVERRIDES="mscoree,mshtml=;winedbg.exe=d"
    export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=$root/.ci/wine/runner
    trap stop_wine EXIT
    if [ ! -e "$wine_scratch/ready" ]; then make_prefix; fi
    # One that still lingers refuses a second; this one stays until we stop it.
    wineserver_of_prefix -w
    wineserver_of_prefix -p
}

make_prefix() {
    heading "making a Wine prefix"
    user_directory "$wine_scratch/prefix"
    user_directory "$wine_scratch/home"
    in_prefix wineboot -i || fail "wineboot failed: $(cat "$wine_log")"
    in_prefix wine winecfg -v win10 || fail "winecfg failed: $(cat "$wine_log")"
    local system32=$wine_scratch/prefix/drive_c/windows/system32
    # Rust's standard library imports it; Wine before 9 has none.
    if [ ! -e "$system32/bcryptprimitives.dll" ]; then
        x86_64-w64-mingw32-gcc -O1 -shared -o "$system32/bcryptprimitives.dll" \
            .ci/wine/bcryptprimitives.c -ladvapi32
        chmod a+rx "$system32/bcryptprimitives.dll"
    fi
    touch "$wine_scratch/ready"
}

stop_wine() {
    stop_server
    if [ "${CI:-}" = true ]; then rm -rf "$wine_scratch"; fi
}

# Runs a command, then stops everything in the prefix: Wine's services outlive the program that
# started them, and hold its output open, so that a reader of it would wait for ever.
then_stop_wine() {
    local status=0
    "$@" 9>&- || status=$?
    stop_server
    return $status
}

stop_server() { wineserver_of_prefix -k && wineserver_of_prefix -w || true; }

in_prefix() {
    "$root/.ci/lib/as-user" env HOME="$TIDESYNC_WINE_HOME" "$@" 9>&- </dev/null >>"$wine_log" 2>&1
}

# Debian keeps the server out of the path.
wineserver_of_prefix() {
    local server
    for server in "$(command -v wineserver || true)" /usr/lib/wine/wineserver64 /usr/lib/wine/wineserver; do
        if [ -x "$server" ]; then
            in_prefix "$server" "$@"
            return
        fi
    done
    fail "no wineserver found"
}
