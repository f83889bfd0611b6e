# Sourced: installs Debian packages for commands that are missing.

# need COMMAND PACKAGE... : installs the packages if the command is not there.
need() {
    local command=$1
    shift
    command -v "$command" >/dev/null || install_packages "$@"
}

install_packages() {
    if ! command -v apt-get >/dev/null; then
        fail "install the equivalent of these Debian packages: $*"
    fi
    local sudo=""
    if [ "$(id -u)" != 0 ]; then
        [ "${CI:-}" = true ] || fail "please run: sudo apt-get install --no-install-recommends $*"
        sudo=sudo
    fi
    heading "installing $*"
    $sudo apt-get -q -o DPkg::Lock::Timeout=300 update >/dev/null
    DEBIAN_FRONTEND=noninteractive $sudo apt-get -qq -o DPkg::Lock::Timeout=300 \
        install -y --no-install-recommends "$@" >/dev/null
}
