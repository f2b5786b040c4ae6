# What packages are made of, shared by packaging/deb/build and packaging/tarball. The caller has set -euo pipefail.
# shellcheck shell=bash
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# The one setting: the name in Cargo.toml's [package]. The binary is called agentwatch whatever it says.
package_name() { sed -n '/^\[package\]/,/^\[/s/^name *= *"\(.*\)"/\1/p' "$ROOT/Cargo.toml"; }

# The same sources make the same bytes: nothing bears a later time than their last commit.
set_epoch() {
    SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git -C "$ROOT" log -1 --format=%ct 2>/dev/null ||
        stat -c %Y "$ROOT/Cargo.lock")}"
    export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
    umask 022
}

# One that cannot be run here cannot say what its pages are.
version_of() { "$1" --version | cut -d' ' -f2; }

# pages BINARY FOLDER: agentwatch.1 and a page for each command that the first one lists.
pages() {
    local command
    mkdir -p "$2"
    "$1" man >"$2/agentwatch.1"
    sed -n 's/^agentwatch\\-\(.*\)(1)$/\1/p' "$2/agentwatch.1" | while read -r command; do
        "$1" man "$command" >"$2/agentwatch-$command.1"
    done
}

# is_static BINARY
is_static() { [ -z "$(LC_ALL=C readelf -d "$1" 2>/dev/null | sed -n '/(NEEDED)/p')" ]; }
