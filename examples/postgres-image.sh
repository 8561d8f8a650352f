#!/usr/bin/env bash
# Makes a PostgreSQL image from the distribution's own packages, for engines that cannot pull one.
# The image takes POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB as the images named postgres do.
# Needs Debian or Ubuntu, the docker command and an engine; root only when apt has no package lists yet.
set -euo pipefail

usage='usage: examples/postgres-image.sh NAME    (for example cube-quickstart/postgres:13)'

case ${1:-} in
'' | -*)
    echo "$usage" >&2
    exit 2
    ;;
esac

say() { printf 'postgres-image: %s\n' "$*" >&2; }

fail() {
    say "$1"
    [ $# -lt 2 ] || printf '  hint: %s\n' "$2" >&2
    exit 1
}

# Not needed to serve a database: the cluster tools of Debian and what they pull in, the JIT compiler,
# and what only an installed system uses.
skipped='^(perl|libperl|libllvm|libz3|lib.*-perl$|usrmerge|debconf|dpkg|tar|adduser|passwd|ucf|openssl|ssl-cert'
skipped+='|sensible-utils|init-system-helpers|sysvinit-utils|lsb-base|netbase|locales|libc-l10n|gcc-[0-9]+-base'
skipped+='|libpam-(modules|runtime)|postgresql-(client-)?common|libgdbm|libdb5|libsemanage|libaudit-common'
skipped+='|util-linux-extra|debianutils|libjson-perl|media-types|ncurses|bsdutils|base-|login|mawk|sed$|grep$)'

server_package() {
    local name
    name=$(apt-cache depends postgresql 2>/dev/null | sed -n 's/^ *Depends: \(postgresql-[0-9][0-9]*\)$/\1/p' | head -n 1)
    if [ -z "$name" ]; then
        say "reading the distribution's package lists"
        if [ "$(id -u)" = 0 ]; then apt-get -qq update; else sudo apt-get -qq update; fi
        name=$(apt-cache depends postgresql | sed -n 's/^ *Depends: \(postgresql-[0-9][0-9]*\)$/\1/p' | head -n 1)
    fi
    [ -n "$name" ] || fail "the distribution has no package postgresql" "run on Debian or Ubuntu with its main archive enabled"
    printf '%s\n' "$name"
}

# Asked of an empty system, so that the answer is the same whatever this machine has installed.
packages_for() {
    : >"$work/status"
    apt-get -s -o Dir::State::status="$work/status" -o APT::Install-Recommends=false \
        install "$1" dash coreutils util-linux libc-bin tzdata |
        awk '/^Inst /{print $2}' | grep -Ev "$skipped"
}

unpack() {
    local package
    mkdir -p "$work/packages" "$root"/usr/{bin,sbin,lib,lib64}
    ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root/"
    # apt's download sandbox user cannot write into a private folder and would warn about it.
    (cd "$work/packages" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download "${packages[@]}")
    for package in "$work"/packages/*.deb; do
        dpkg-deb --fsys-tarfile "$package" |
            tar -C "$root" -xf - --keep-directory-symlink --no-same-owner \
                --exclude='./usr/share/doc' --exclude='./usr/share/man' --exclude='./usr/share/locale' \
                --exclude='./usr/share/postgresql/*/man' --exclude='./usr/lib/postgresql/*/lib/bitcode' \
                --exclude='./usr/share/zoneinfo/right' --exclude='./var/lib' --exclude='./var/cache' \
                --exclude='./dev'
    done
}

complete() {
    mkdir -p "$root"/{etc,proc,sys,dev,run,root} "$root/usr/local/bin"
    [ -e "$root/bin/sh" ] || ln -s dash "$root/bin/sh"
    [ -e "$root/var/run" ] || ln -s ../run "$root/var/run"
    printf 'root:x:0:0:root:/root:/bin/sh\npostgres:x:999:999:postgres:/var/lib/postgresql:/bin/sh\n' >"$root/etc/passwd"
    printf 'root:x:0:\npostgres:x:999:\n' >"$root/etc/group"
    printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$root/etc/nsswitch.conf"
    write_entrypoint >"$root/usr/local/bin/entrypoint"
    chmod 755 "$root/usr/local/bin/entrypoint"
}

write_entrypoint() {
    cat <<'ENTRYPOINT'
#!/bin/sh
# Prepares an empty data folder once, then becomes the server.
set -eu
umask 077

if [ "${1:-postgres}" != postgres ] && [ "${1#-}" = "$1" ]; then exec "$@"; fi
if [ "${1:-}" = postgres ]; then shift; fi
case ${1:-} in --help | --version) exec postgres "$1" ;; esac

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    chown postgres:postgres "$PGDATA"
    chmod 700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --clear-groups -- "$0" postgres "$@"
fi

user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}
pwfile=
preparing=
child=

# In the background, because a shell hears a signal only between its own steps; in a process group of its own,
# because initdb waits for its children before it ends.
run() {
    setsid "$@" >&2 &
    child=$!
    wait "$child"
    child=
}

# A half-made data folder would look like a finished one to the next start.
abandon() {
    status=$?
    [ -z "$pwfile" ] || rm -f "$pwfile"
    [ -n "$preparing" ] || exit "$status"
    if [ -n "$child" ]; then
        kill -s KILL -- "-$child" 2>/dev/null || :
        wait "$child" || :
    fi
    [ ! -e "$PGDATA/postmaster.pid" ] || pg_ctl -D "$PGDATA" -m immediate -w stop >&2 || :
    rm -rf "${PGDATA:?}"/* "$PGDATA"/.[!.]*
    exit "$status"
}

prepare() {
    if [ -z "${POSTGRES_PASSWORD:-}" ]; then
        echo 'entrypoint: POSTGRES_PASSWORD is not set: give the superuser a password' >&2
        exit 1
    fi
    trap abandon EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    pwfile=$(mktemp)
    preparing=yes
    printf '%s\n' "$POSTGRES_PASSWORD" >"$pwfile"
    run initdb -D "$PGDATA" --username="$user" --pwfile="$pwfile" --encoding=UTF8 --locale=C.UTF-8 \
        --auth-local=trust --auth-host=scram-sha-256
    rm -f "$pwfile"
    pwfile=
    printf 'host all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
    printf "listen_addresses = '*'\npassword_encryption = 'scram-sha-256'\n" >>"$PGDATA/postgresql.conf"
    # On its Unix socket only: nobody outside can take this server for the real one.
    run pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start
    create_database
    pg_ctl -D "$PGDATA" -m fast -w stop >&2
    preparing=
    trap - EXIT INT TERM
}

create_database() {
    [ "$database" != postgres ] || return 0
    psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 -v "name=$database" -U "$user" -d postgres >&2 <<'SQL'
CREATE DATABASE :"name";
SQL
}

if [ ! -s "$PGDATA/PG_VERSION" ]; then prepare; fi
unset POSTGRES_PASSWORD
exec postgres "$@"
ENTRYPOINT
}

# Ownership is set in the archive, so that nothing here needs root.
archive() {
    mkdir -p "$work/own"/{tmp,run/postgresql,var/lib/postgresql/data}
    chmod 1777 "$work/own/tmp"
    chmod 3777 "$work/own/run/postgresql"
    chmod 700 "$work/own/var/lib/postgresql/data"
    tar -C "$root" --numeric-owner --owner=0 --group=0 -cf "$work/layer.tar" .
    tar -C "$work/own" --numeric-owner --owner=0 --group=0 -rf "$work/layer.tar" tmp
    tar -C "$work/own" --numeric-owner --owner=999 --group=999 -rf "$work/layer.tar" run/postgresql var/lib/postgresql
}

# Loaded with a configuration of its own: `docker import` cannot set a stop signal on every engine.
load() {
    local layer
    layer=$(sha256sum "$work/layer.tar" | cut -d ' ' -f 1)
    cat >"$work/config.json" <<CONFIG
{"architecture": "$architecture", "os": "linux", "created": "$(date -u +%Y-%m-%dT%H:%M:%SZ)",
 "config": {"Env": ["PATH=/usr/lib/postgresql/$version/bin:/usr/local/bin:/usr/bin:/usr/sbin",
                    "PGDATA=/var/lib/postgresql/data", "LANG=C.UTF-8"],
            "Entrypoint": ["entrypoint"], "Cmd": ["postgres"], "StopSignal": "SIGINT",
            "ExposedPorts": {"5432/tcp": {}}, "Volumes": {"/var/lib/postgresql/data": {}}},
 "rootfs": {"type": "layers", "diff_ids": ["sha256:$layer"]}}
CONFIG
    printf '[{"Config": "config.json", "RepoTags": ["%s"], "Layers": ["layer.tar"]}]\n' "$image" >"$work/manifest.json"
    tar -C "$work" -cf - manifest.json config.json layer.tar | docker load -q >/dev/null
}

[ $# = 1 ] || fail "one image name is needed" "$usage"
image=$1
[[ ${image##*/} == *:* ]] || image=$image:latest
architecture=$(dpkg --print-architecture)
[ "$architecture" != armhf ] || architecture=arm
command -v docker >/dev/null || fail "the docker command is missing" "apt-get install docker.io"
docker version --format '{{.Server.Version}}' >/dev/null 2>&1 ||
    fail "no engine answers" "examples/quickstart.sh starts one; DOCKER_HOST names another"
if docker image inspect "$image" >/dev/null 2>&1; then
    say "$image is here already"
    exit 0
fi

work=$(mktemp -d -p "${TMPDIR:-/var/tmp}" postgres-image.XXXXXX)
root=$work/root
# The packages hold folders without write permission for their owner.
trap 'chmod -R u+rwX "$work" 2>/dev/null || :; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

server=$(server_package)
version=${server#postgresql-}
say "making $image from the package $server"
mapfile -t packages < <(packages_for "$server")
[ "${#packages[@]}" -gt 5 ] || fail "apt does not say what $server needs" "apt-get -s install $server shows why"
say "fetching and unpacking ${#packages[@]} packages"
unpack
complete
archive
say "loading $(du -h "$work/layer.tar" | cut -f 1)B"
load
say "$image is ready"
