#!/usr/bin/env bash
# Makes an image of a real server from Debian's packages, for the tests of the conditions by protocol.
# Needs Debian, the docker command and an engine. examples/postgres-image.sh makes PostgreSQL's.
set -euo pipefail

[ $# = 2 ] || { echo 'usage: tests/servers/image.sh redis|mariadb|rabbitmq|nginx NAME' >&2; exit 1; }
kind=$1 image=$2
here=$(cd "$(dirname "$0")" && pwd)
! docker image inspect "$image" >/dev/null 2>&1 || exit 0

case $kind in
redis) packages=(redis-server) port=6379 ;;
mariadb) packages=(mariadb-server-core mariadb-client-core) port=3306 ;;
rabbitmq) packages=(rabbitmq-server) port=5672 ;;
nginx) packages=(nginx-light) port=80 ;;
*) echo "no such server: $kind" >&2; exit 1 ;;
esac

# What only an installed system uses.
skipped='^(perl|libperl|lib.*-perl$|usrmerge|debconf|dpkg|adduser|passwd|openssl|systemd|udev|init-system-helpers'
skipped+='|sysvinit-utils|lsb-base|netbase|locales|gcc-[0-9]+-base|libpam|dbus|python3|logrotate|socat|cron|erlang-(x11|wx))'

work=$(mktemp -d -p "${TMPDIR:-/var/tmp}" server-image.XXXXXX)
trap 'chmod -R u+rwX "$work"; rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$work/packages" "$root"/usr/{bin,sbin,lib,lib64} "$root"/{etc,proc,sys,dev,run,root,tmp,data}
ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root/"
: >"$work/status"
mapfile -t names < <(apt-get -s -o Dir::State::status="$work/status" -o APT::Install-Recommends=false \
    install "${packages[@]}" dash coreutils util-linux libc-bin sed grep mawk hostname |
    awk '/^Inst /{print $2}' | grep -Ev "$skipped")
(cd "$work/packages" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download "${names[@]}")
for package in "$work"/packages/*.deb; do
    dpkg-deb --fsys-tarfile "$package" |
        tar -C "$root" -xf - --keep-directory-symlink --no-same-owner --exclude='./usr/share/doc' \
            --exclude='./usr/share/man' --exclude='./usr/share/locale' --exclude='./dev'
done
[ -e "$root/bin/sh" ] || ln -s dash "$root/bin/sh"
[ -e "$root/usr/bin/awk" ] || ln -s mawk "$root/usr/bin/awk"
[ -e "$root/var/run" ] || ln -s ../run "$root/var/run"
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\nwww-data:x:33:33::/:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\nwww-data:x:33:\n' >"$root/etc/group"
printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$root/etc/nsswitch.conf"
cp "$here/$kind" "$root/usr/local-entrypoint"
chmod 755 "$root/usr/local-entrypoint"
chmod 1777 "$root/tmp"
tar -C "$root" --numeric-owner --owner=0 --group=0 -c . |
    docker import -c 'ENTRYPOINT ["/usr/local-entrypoint"]' -c "EXPOSE $port" -c 'LABEL cube-test=image' \
        -c 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin' - "$image" >/dev/null
