#!/usr/bin/env bash
# include_time.sh COMPILER INCLUDE_FOLDER LIMIT: processor seconds to compile a file that includes <uwaga/uwaga.h> and
# nothing else, best of three. Processor time, so that neighbours on a loaded machine matter less.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo '#include <uwaga/uwaga.h>' >"$folder/empty.cpp"
TIMEFORMAT='%U %S'
best=$(for _ in 1 2 3; do
  { time "$1" -std=c++20 -I "$2" -c "$folder/empty.cpp" -o "$folder/empty.o" >&2; } 2>&1
done | awk 'NF != 2 || $1 !~ /^[0-9.]+$/ { print > "/dev/stderr"; next }
            !n++ || $1 + $2 < best { best = $1 + $2 } END { if (n == 3) printf "%.2f", best; else exit 1 }')
echo "#include <uwaga/uwaga.h> compiles in $best s (aim 1.5 s, limit $3 s)"
awk -v best="$best" -v limit="$3" 'BEGIN { exit !(best <= limit) }'
