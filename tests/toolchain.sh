# Sourced by tests/run and .ci/run: chooses the Rust toolchain.
#
# rust-toolchain.toml pins a version, which rustup fetches when it is absent.
# On a machine that cannot fetch it, but whose stable toolchain is that very
# version, that one is used.

choose_toolchain() { # ROOT
    [ -z "${RUSTUP_TOOLCHAIN:-}" ] || return 0
    command -v rustup >/dev/null 2>&1 || return 0
    local pinned
    pinned=$(sed -n 's/^channel *= *"\(.*\)"/\1/p' "$1/rust-toolchain.toml")
    if rustup toolchain list | grep -q "^$pinned\(-\| \|$\)"; then
        return 0
    fi
    case $(rustup run stable rustc --version 2>/dev/null) in
    "rustc $pinned "*) export RUSTUP_TOOLCHAIN=stable ;;
    esac
}
