# Sourced: picks the toolchain that builds for another system, and sets `cross` to the flags that
# every cargo command for that system takes.
#
# A rustup toolchain that has the target's standard library is used as it is. Otherwise the
# standard library is built from Debian's source package, with Debian's own (newer) Rust, because
# -Z build-std wants a compiler and a source of the same version.

use_cross_toolchain() {
    local target=$1
    cross=(--target "$target")
    if ! has_std "$target"; then
        need_debian_rust
        export PATH=/usr/bin:$PATH RUSTC_BOOTSTRAP=1
        cross+=(-Z build-std=std,panic_unwind)
    fi
    # A directory of its own: two toolchains in one directory rebuild each other's work.
    CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-target}")/cross
    export CARGO_TARGET_DIR CARGO_PROFILE_DEV_DEBUG=line-tables-only
}

has_std() {
    local lib
    lib=$(rustc --print target-libdir --target "$1" 2>/dev/null) && compgen -G "$lib/libstd-*" >/dev/null
}

need_debian_rust() {
    if [ ! -x /usr/bin/cargo-clippy ] || [ ! -e /usr/lib/rustlib/src/rust/library/std/Cargo.toml ]; then
        install_packages rustc-web cargo-web rust-web-src rust-web-clippy
    fi
}
