# packages.sh: what has to be installed, and installing it. Sourced by tools/run and tools/test.

build_packages=(gcc libc6-dev cmake ninja-build pkg-config libuv1-dev libhiredis-dev libck-dev libwslay-dev libjansson-dev
    liburiparser-dev libutf8proc-dev libssl-dev)
# Debian 12 has llhttp as sources only, in a package for Node.js.
if [ "$(. /etc/os-release && echo "${VERSION_ID:-}")" = 12 ]; then build_packages+=(node-llhttp); else build_packages+=(libllhttp-dev); fi
run_packages=(redis-server util-linux)
test_packages=(libcmocka-dev clang clang-tidy cppcheck libclang-rt-14-dev prometheus python3 python3-pytest python3-websockets python3-redis python3-cryptography iproute2
    docker-compose spin strace systemd nginx-light caddy haproxy)
web_packages=(chromium)
# Some machines have a Node.js that is not Debian's, with which Debian's packages would collide.
{ command -v node && command -v npm; } >/dev/null || web_packages+=(nodejs npm)

# Install those of the named packages that are missing; says nothing if there are none.
install_missing() {
    local missing=() package
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "Installing: ${missing[*]}"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "Run this as root, or install: ${missing[*]}" >&2; exit 1; }
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get update -q >/dev/null
    # RUNLEVEL=1: Debian would start its own redis-server, which nothing here needs.
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -q -y --no-install-recommends \
        "${missing[@]}" >/dev/null
}

# Configure (only when it has not been) and build a preset quietly; more arguments go to the configuration.
build_preset() {
    local preset=$1 log
    shift
    log=$(mktemp)
    echo "Building: $preset"
    if ! { cmake --preset "$preset" "$@" && cmake --build --preset "$preset"; } >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        exit 1
    fi
    rm -f "$log"
}
