# bootstrap.sh: a Debian of its own in a folder, to build and try things in, so that this machine stays as it is. Sourced,
# after packages.sh. The folders lie in $work, which whoever sources it removes at exit by remove_work.

# Make $work; only root can.
make_work() {
    [ "$(id -u)" -eq 0 ] || { echo "$0: a debootstrap wants root" >&2; exit 2; }
    install_missing debootstrap
    work=$(mktemp -d /var/tmp/chatterbox.XXXXXX)
}

# But for what cannot be unmounted: it may be somebody's cache.
remove_work() {
    local mounted
    while read -r mounted; do
        umount "$mounted" || return
    done < <(awk -v work="$work/" 'index($2, work) == 1 { print $2 }' /proc/mounts | tac)
    rm -rf --one-file-system "$work"
}

# bootstrap SUITE ROOT: the least of that Debian in $work/ROOT. More arguments go to debootstrap.
bootstrap() {
    local suite=$1 root=$2
    shift 2
    echo "Bootstrapping: $suite"
    debootstrap --variant=minbase "$@" "$suite" "$work/$root" http://deb.debian.org/debian >"$work/log" 2>&1 || { tail "$work/log"; return 1; }
    printf '#!/bin/sh\nexit 101\n' >"$work/$root/usr/sbin/policy-rc.d" # nothing is started here but by us
    chmod +x "$work/$root/usr/sbin/policy-rc.d"
}

# inside ROOT COMMAND…: run it in there. What it says is in $work/log, and is shown if it fails.
inside() {
    local root=$1
    shift
    DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 chroot "$work/$root" "$@" >"$work/log" 2>&1 || { tail -n 50 "$work/log"; return 1; }
}
