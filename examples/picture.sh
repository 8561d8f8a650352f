#!/usr/bin/env bash
# Draws the README's picture: runs a short session and prints it as an SVG.
#     examples/picture.sh postgres:13 >examples/session.svg
# Needs cube on the PATH, an engine, and PostgreSQL's image under any name.
set -euo pipefail
# Lines with times differ from run to run.
export CUBE_QUIET=1

image=${1:-postgres:13}

# The commands as they are shown, one a line.
session() {
    cat <<'SESSION'
cube run --rm postgres:13 echo 'any docker run line works'
cube with --wait-for ready -e POSTGRES_PASSWORD=secret postgres:13 -- sh -c 'psql "postgres://postgres:secret@$CUBE_HOST:$CUBE_PORT" -Atc "select 40 + 2"'
cube run --rm --memory 64m postgres:13 postgress --version
SESSION
}

# Each command behind a prompt, broken where a terminal would break it, then what it prints.
record() {
    local command
    while IFS= read -r command; do
        printf '$ %s\n' "$command" | fold -s -w 100 | sed -e '2,$s/^/    /' -e 's/ *$//'
        # A busy machine may take longer to make a database than most people's.
        command=${command//--wait-for ready/--wait-for ready --wait-timeout 100s}
        bash -c "${command//postgres:13/$image}" </dev/null 2>&1 || :
        echo
    done < <(session) | sed -e "s#$image#postgres:13#g" -e '/caused by: /d' -e '$d'
}

draw() {
    awk '
        { gsub(/&/, "\\&amp;"); gsub(/</, "\\&lt;"); gsub(/>/, "\\&gt;"); line[NR] = $0 }
        END {
            height = NR * 20 + 32
            printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 900 %d\" font-family=\"ui-monospace, Menlo, Consolas, monospace\" font-size=\"14\">\n", height
            printf "<title>A session of cube</title>\n<rect width=\"900\" height=\"%d\" rx=\"8\" fill=\"#16181d\"/>\n", height
            for (n = 1; n <= NR; n++) {
                color = line[n] ~ /^\$ / ? "#8fd3ff" : line[n] ~ /^(cube: |reason: )/ ? "#ff9d8f" : "#d7dae0"
                if (line[n] ~ /^    / && n > 1) color = "#8fd3ff"
                if (line[n] != "") printf "<text x=\"16\" y=\"%d\" fill=\"%s\" xml:space=\"preserve\">%s</text>\n", n * 20 + 10, color, line[n]
            }
            print "</svg>"
        }'
}

record | draw
