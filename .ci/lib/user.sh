# Sourced: directories for the ordinary user of as-user.

# Makes a directory anew that this user may write in.
user_directory() {
    rm -rf "$1"
    mkdir -p "$1"
    if [ "$(id -u)" = 0 ]; then chown nobody "$1"; fi
}
