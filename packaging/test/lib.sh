# What the scripts here share. Each is run as: packaging/test/NAME [AGENTWATCH]; without a binary it builds one.
# shellcheck shell=bash disable=SC2034,SC2154
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
HOME_NAME="$(basename "$0")"

say() { printf '%s: %s\n' "$HOME_NAME" "$*"; }
fail() { say "FAILED: $*" >&2; exit 1; }

# Less is proven than could be: said plainly, and no failure.
skip() { say "SKIPPED: $*"; }
skip_all() { skip "$*"; exit 0; }

has() { command -v "$1" >/dev/null 2>&1; }

# binary [PATH]: sets AW.
binary() {
    AW="${1:-}"
    if [ -z "$AW" ]; then
        (cd "$ROOT" && cargo build --locked --quiet)
        AW="${CARGO_TARGET_DIR:-$ROOT/target}/debug/agentwatch"
    fi
    [ -x "$AW" ] || fail "$AW: no such program"
    AW="$(realpath "$AW")"
}

# workspace PREFIX: sets W, a short folder (paths of sockets end at 107 bytes) that goes away with the script.
workspace() {
    W="$(mktemp -d "/tmp/$1.XXXX")"
    trap 'code=$?; set +e; cleanup; rm -rf "$W"; exit $code' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}
cleanup() { :; }

# Sets ROOTFS, the tar of a Debian with apt, python3, man and completion in bash; or fails, and WHY tells why. It is made
# once, which takes a minute: AGENTWATCH_TEST_ROOTFS=TAR names another one.
rootfs() {
    ROOTFS="${AGENTWATCH_TEST_ROOTFS:-${CARGO_TARGET_DIR:-$ROOT/target}/rootfs.tar}"
    [ ! -s "$ROOTFS" ] || return 0
    has mmdebstrap || { WHY="mmdebstrap is not installed"; return 1; }
    say "making a root file system, which takes a minute"
    mkdir -p "$(dirname "$ROOTFS")"
    if ! mmdebstrap --quiet --variant=apt --include=python3-minimal,man-db,bash-completion bookworm "$ROOTFS.new.tar" \
        >"$W/mm.log" 2>&1; then
        tail -n 3 "$W/mm.log"
        rm -f "$ROOTFS.new.tar"
        WHY="mmdebstrap cannot reach its packages"
        return 1
    fi
    mv "$ROOTFS.new.tar" "$ROOTFS"
}

# within SECONDS WORDS COMMAND...: waits until the command succeeds.
within() {
    local seconds="$1" words="$2" end
    shift 2
    end=$(($(date +%s) + seconds))
    until "$@"; do
        [ "$(date +%s)" -lt "$end" ] || { told; fail "waited ${seconds}s in vain: $words"; }
        sleep 0.1
    done
    say "$words"
}

# What helps to understand a failure; each script has its own.
told() { :; }
