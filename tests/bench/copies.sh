#!/usr/bin/env bash
# Files in and out of a container: cube beside the Docker CLI and tar with curl, in turn, as a table.
#   tests/bench/copies.sh CUBE [MEBIBYTES [FILES]]
# One file of so many MiB, then so many small files in folders of a thousand, by each of CLIENTS in this order.
# Needs busybox-static, curl, tar and the engine's Unix socket; removes what it makes.
set -euo pipefail

cube=$(realpath "$1") megabytes=${2:-1024} files=${3:-100000}
host=${DOCKER_HOST:-unix:///var/run/docker.sock}
socket=${host#unix://}
clients=${CLIENTS:-cube docker curl}
image=cube-bench/copies work=$(mktemp -d)
made=()
finish() { docker rm -fv "${made[@]}" >/dev/null 2>&1 || true; docker rmi -f $image >/dev/null 2>&1 || true; rm -rf "$work"; }
trap finish EXIT

container() { local id; id=$(docker create --network none $image true); made+=("$id"); fresh=$id; }

# Runs a command line: its seconds in $took, the largest resident size of its processes together, in KiB, in $peak.
measure() {
    local begun=$EPOCHREALTIME job pid line seen
    bash -c "$1" >/dev/null & job=$!
    peak=0
    while kill -0 $job 2>/dev/null; do
        seen=0
        for pid in $(cat /proc/$job/task/*/children 2>/dev/null); do
            while read -r line; do
                case $line in VmHWM:*) set -- $line; seen=$((seen + $2)) ;; esac
            done 2>/dev/null </proc/"$pid"/status || true
        done
        [ $seen -le $peak ] || peak=$seen
        sleep 0.01
    done
    wait $job
    took=$(awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }')
}

row() {
    local rate
    rate=$(awk -v s="$took" -v n="$3" 'BEGIN { printf "%.0f", n / s }')
    printf '| %s | %s | %s | %s %s | %s |\n' "$1" "$2" "$took" "$rate" "$4" \
        "$(awk -v k=$peak 'BEGIN { printf "%.1f", k / 1024 }')"
}

# What is copied, by its name in $work; how much of what that is.
compare() {
    local what=$1 amount=$2 unit=$3 title=$4 id
    for client in $clients; do
        container; id=$fresh
        case $client in
            cube) measure "'$cube' cp '$work/$what' $id:/; :" ;;
            docker) measure "docker cp -q '$work/$what' $id:/; :" ;;
            curl) measure "tar -cC '$work' '$what' | curl -sS -T - --unix-socket '$socket' \
                -H 'Content-Type: application/x-tar' -H 'Expect:' 'http://engine/containers/$id/archive?path=/'; :" ;;
        esac
        row "$title in" $client "$amount" "$unit"
    done
    for client in $clients; do
        mkdir "$work/out"
        case $client in
            cube) measure "'$cube' cp $id:/$what '$work/out/'; :" ;;
            docker) measure "docker cp -q $id:/$what '$work/out/'; :" ;;
            curl) measure "curl -sS --unix-socket '$socket' 'http://engine/containers/$id/archive?path=/$what' | \
                tar -xpC '$work/out'; :" ;;
        esac
        diff -r "$work/$what" "$work/out/$what"
        row "$title out" $client "$amount" "$unit"
        rm -r "$work/out"
    done
}

mkdir -p "$work/image/bin" && cp /bin/busybox "$work/image/bin/true"
tar -cC "$work/image" . | docker import - $image >/dev/null
head -c "${megabytes}M" /dev/urandom >"$work/one"
mkdir "$work/many"
awk -v n="$files" -v top="$work/many" 'BEGIN {
    for (i = 0; i < n; i++) {
        folder = top "/" int(i / 1000)
        if (i % 1000 == 0) system("mkdir " folder)
        print "file " i > (folder "/" i); close(folder "/" i)
    }
}'
printf '| job | client | seconds | rate | peak, MiB |\n|---|---|--:|--:|--:|\n'
compare one "$megabytes" MiB/s "$megabytes MiB in one file"
compare many "$files" files/s "$files small files"
