# Sourced: the ordinary user that root becomes to run tests, and directories for it.

user_switch=(setpriv --reuid=nobody --regid="$(id -g nobody 2>/dev/null || true)" --clear-groups)

user_can_read() { [ "$(id -u)" != 0 ] || "${user_switch[@]}" test -r "$(realpath "$1")" 2>/dev/null; }

# Makes a directory anew that the user may write in.
user_directory() {
    rm -rf "$1"
    mkdir -p "$1"
    if [ "$(id -u)" = 0 ]; then chown nobody "$1"; fi
}
