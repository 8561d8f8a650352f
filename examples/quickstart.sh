#!/usr/bin/env bash
# Builds cube on a fresh Debian or Ubuntu machine, and runs a PostgreSQL task from start to removal.
# Run it as root, or as a user with sudo. It needs Rust (cargo), and can be run again. It stops and removes only what it
# started and made itself. What stays: the packages it installs, cube in ~/.local/bin, and what cargo built.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

# Shows a command as a reader would type it, without the value of the password.
show() { printf '   $ %s\n' "${*//=secret/=...}"; }

fail() {
    printf 'quickstart: %s\n' "$1" >&2
    [ $# -lt 2 ] || printf '  hint: %s\n' "$2" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# The command that brings a new Rust: newer distributions have a package of rustup. (`apt-cache show` also knows names that
# other packages only mention.)
rustup_command() {
    if command -v rustup >/dev/null; then
        echo "rustup update stable && rustup default stable"
    elif [ -n "$(apt-cache madison rustup 2>/dev/null)" ]; then
        echo "sudo apt-get install rustup && rustup default stable"
    else
        echo "sudo apt-get install curl && curl -sSf https://sh.rustup.rs | sh -s -- -y && . ~/.cargo/env (see https://rustup.rs)"
    fi
}

need_rust() {
    local wanted have
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    if ! command -v cargo >/dev/null || ! command -v rustc >/dev/null; then
        # rustup may be installed, but not yet have been sourced in this shell.
        [ ! -r "$HOME/.cargo/env" ] || fail "cargo is not in PATH" ". ~/.cargo/env"
        fail "cargo is missing" "install Rust $wanted or newer (the distribution's own is older): $(rustup_command)"
    fi
    have=$(cargo --version 2>/dev/null | cut -d ' ' -f 2) ||
        fail "cargo is there, but no Rust behind it" "$(rustup_command)"
    [ "$(printf '%s\n%s\n' "$wanted" "${have%%-*}" | sort -V | head -n 1)" = "$wanted" ] ||
        fail "cargo $have is too old: cube needs Rust $wanted" "$(rustup_command)"
}

install_missing() {
    local missing=()
    command -v psql >/dev/null || missing+=(postgresql-client)
    command -v cc >/dev/null || missing+=(gcc libc6-dev)
    if ! type -P docker >/dev/null; then
        missing+=(docker.io iptables iproute2)
    elif [ -z "${DOCKER_HOST:-}" ] && ! engine_answers; then
        command -v dockerd >/dev/null || [ -x /usr/sbin/dockerd ] || missing+=(docker.io)
        command -v iptables >/dev/null || [ -x /usr/sbin/iptables ] || missing+=(iptables)
        command -v ip >/dev/null || [ -x /usr/sbin/ip ] || missing+=(iproute2)
    fi
    if [ "${#missing[@]}" = 0 ]; then
        echo "   nothing is missing"
        return
    fi
    echo "   installing ${missing[*]}"
    as_root apt-get -qq update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
    packages=${missing[*]}
    # Newer distributions have the docker command in a separate package.
    type -P docker >/dev/null ||
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends docker-cli >/dev/null
}

# Uses an engine as root if only root may use its socket.
engine_answers() {
    docker version --format '{{.Server.Version}}' >/dev/null 2>&1 && return
    [ -z "${DOCKER_HOST:-}" ] && [ "$(id -u)" != 0 ] && [ -S /var/run/docker.sock ] &&
        sudo docker version --format '{{.Server.Version}}' >/dev/null 2>&1 && elevate=sudo
}

# By `env`, because the name alone would be this function again where no docker is installed.
docker() { $elevate env "$(type -P docker || echo docker)" "$@"; }
cube() { $elevate "$cube_binary" "$@"; }

ready_engine() {
    if engine_answers; then
        echo "   an engine answers: $(docker version --format 'version {{.Server.Version}}')"
        [ -z "$elevate" ] || echo "   only root may use its socket: the commands below are run by sudo"
        return
    fi
    [ -z "${DOCKER_HOST:-}" ] || fail "no engine answers at DOCKER_HOST=$DOCKER_HOST" "unset DOCKER_HOST to let this script start one"
    start_engine
}

# Starts an engine with its own folders and settings: the images and containers of an installed engine that is not running
# stay as they are, and its settings cannot contradict the flags here.
start_engine() {
    local tries=0
    echo "   no engine answers: starting one with its own folders in $work"
    had_bridge=$([ -e /sys/class/net/docker0 ] && echo yes || :)
    [ "$(id -u)" = 0 ] || { sudo -v; elevate=sudo; }
    engine_made=yes
    echo '{}' >"$work/daemon.json"
    # iptables and runc may be in folders that only root's PATH has. In its own session, the engine does not end by Ctrl-C
    # before the task is removed.
    $elevate env "PATH=$PATH:/usr/sbin:/sbin" setsid --wait dockerd --config-file "$work/daemon.json" \
        --data-root "$work/data" --exec-root "$work/exec" --pidfile "$work/pid" \
        -H "unix://$work/docker.sock" >"$work/log" 2>&1 </dev/null &
    engine_job=$!
    export DOCKER_HOST=unix://$work/docker.sock
    [ -z "$elevate" ] || elevate="sudo DOCKER_HOST=$DOCKER_HOST"
    until docker version >/dev/null 2>&1; do
        kill -0 "$engine_job" 2>/dev/null || { tail -n 5 "$work/log" >&2; fail "the engine ended while starting" "run as root on a machine that may use cgroups and iptables"; }
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || { tail -n 5 "$work/log" >&2; fail "the engine is not ready after 60 seconds"; }
        sleep 0.2
    done
    echo "   it answers: $(docker version --format 'version {{.Server.Version}}')"
}

stop_engine() {
    # By a shell's own `kill`: a minimal system has no program of that name.
    [ ! -s "$work/pid" ] || as_root sh -c 'kill "$(cat "$1")"' sh "$work/pid" 2>/dev/null || :
    wait "$engine_job" 2>/dev/null || :
    # Where the machine's mounts are not shared, the engine mounts this folder on itself, and leaves it so.
    as_root umount "$work/data" 2>/dev/null || :
    [ -n "$had_bridge" ] || as_root ip link delete docker0 2>/dev/null || :
}

choose_image() {
    image=postgres:13
    if docker image inspect "$image" >/dev/null 2>&1; then
        echo "   $image is here"
    elif cube pull --pull-retries 1 "$image" >/dev/null 2>&1; then
        image_made=$image
    else
        image=cube-quickstart/postgres:13
        echo "   $image_wanted cannot be pulled here: making $image from the distribution's PostgreSQL packages"
        docker image inspect "$image" >/dev/null 2>&1 || image_made=$image
        $elevate examples/postgres-image.sh "$image"
    fi
}

# Installs cube where the reader can type it; another cube on PATH is left alone.
put_on_path() {
    local there
    there=$(type -P cube || :)
    if [ -n "$there" ] && ! cmp -s "$there" "$cube_binary"; then
        echo "   another cube is at $there: it stays; this one is $cube_binary"
        return
    fi
    if [ -z "$there" ]; then
        put=$HOME/.local/bin/cube
        install -D "$cube_binary" "$put"
    fi
    installed=${there:-$put}
    echo "   cube is at $installed"
}

what_next() {
    say "what to try next"
    case ":$PATH:" in
        *":${installed%/*}:"*) ;;
        *) [ -z "$installed" ] || printf '   $ export PATH="%s:$PATH"\n' "${installed%/*}" ;;
    esac
    [ "$elevate" != sudo ] || [ -n "$engine_made" ] ||
        echo '   $ sudo usermod -aG docker "$USER"               # then log in again: only root may use the engine now'
    cat <<'NEXT'
   $ cube doctor                                  # the engine, and what it can do
   $ cube run --rm alpine echo hello              # any `docker run` line
   $ cube with --wait-for ready -e POSTGRES_PASSWORD=secret postgres:13 -- sh -c 'echo at $CUBE_HOST:$CUBE_PORT'
   $ cube help with                               # examples first
NEXT
    [ -z "$engine_made" ] || echo "   The engine of this script ends with it: \`cube doctor\` says how to start one."
}

use_database() {
    local address host port
    show "id=\$(cube run --image $image --env POSTGRES_USER=cube --env POSTGRES_PASSWORD=secret --wait-for ready --wait-timeout 3m)"
    id=$(cube run --image "$image" --env POSTGRES_USER=cube --env POSTGRES_PASSWORD=secret --wait-for ready --wait-timeout 3m)
    echo "   $id"

    say "use it"
    show "cube port $short 5432"
    address=$(cube port "$id" 5432)
    host=${address%:*} port=${address##*:}
    host=${host#[} host=${host%]}
    echo "   $address"
    show "psql -h $host -p $port -U cube -c 'CREATE TABLE ...' -c 'INSERT ...' -c 'SELECT ...'"
    PGPASSWORD=secret psql --no-psqlrc -h "$host" -p "$port" -U cube -d cube -v ON_ERROR_STOP=1 \
        -c 'CREATE TABLE notes (line int, words text)' \
        -c "INSERT INTO notes VALUES (1, 'written and read back')" \
        -c 'SELECT * FROM notes' | sed 's/^/   /'

    say "look at it"
    show "cube logs -n 3 $short"
    cube logs -n 3 "$id" 2>&1 | sed 's/^/   /'
    show "cube inspect $short    (a few of its lines)"
    cube inspect "$id" | grep -E '^ *"(Status|Running|StartedAt|ExitCode)":' | sed 's/^ */   /'

    say "stop and remove it"
    show "cube stop $short"
    cube stop "$id" | sed 's/^/   /'
    show "cube ps -a"
    cube ps -a | sed 's/^/   /'
    ! cube ps -a -q | grep -qx "$id" || fail "the task is still there"
    ! docker inspect --type container "$id" >/dev/null 2>&1 || fail "the container is still there"
    id=
}

say_what_stays() {
    [ -z "$put" ] || echo "   cube stays at $put: remove it with rm"
    [ -z "$packages" ] || echo "   these packages stay: $packages"
    echo "   the build stays in ${CARGO_TARGET_DIR:-target}: remove it with cargo clean"
}

clean() {
    local status=$?
    trap - EXIT
    trap '' INT TERM
    say "clean up"
    [ -z "$id" ] || cube stop "$id" >/dev/null || :
    if [ -n "$image_made" ]; then
        echo "   removing the image $image_made"
        docker rmi "$image_made" >/dev/null 2>&1 || :
    fi
    if [ -n "$engine_made" ]; then
        echo "   stopping the engine that was started"
        stop_engine
    fi
    as_root rm -rf "$work"
    [ "$status" = 0 ] || { echo "   it failed (exit $status)"; exit "$status"; }
    echo "   done: no container, image or engine of this script is left"
    say_what_stays
    exit "$status"
}

id='' short='"$id"' elevate='' image_made='' engine_made='' engine_job='' had_bridge='' installed='' put='' packages=''
image_wanted=postgres:13

need_rust
cube_binary=${CARGO_TARGET_DIR:-target}/$(rustc -vV | sed -n "s/^host: //p")/release/cube
work=$(mktemp -d -p "${TMPDIR:-/var/tmp}" cube-quickstart.XXXXXX)
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

say "install what is missing"
install_missing
say "find an engine"
ready_engine
say "build cube (the first time takes a few minutes)"
show "cargo build --release --locked"
cargo build --release --locked
put_on_path
say "find a PostgreSQL image"
choose_image
say "start a database and wait until it accepts connections"
use_database
what_next
