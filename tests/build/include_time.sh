#!/usr/bin/env bash
# include_time.sh COMPILER INCLUDE_FOLDER LIMIT: processor seconds to compile a file that includes <uwaga/uwaga.h> and
# nothing else, on a machine that compiles the standard headers below in $standard s. Another machine, or this one while
# its neighbours are busy, is given as much more (never less) as it takes for those. The least of as many tries as it
# takes to meet the limit, at least three and at most twenty, as what else a machine does can only add to it.
set -euo pipefail
standard=0.95
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo '#include <uwaga/uwaga.h>' >"$folder/empty.cpp"
printf '#include <%s>\n' string vector memory functional map optional span variant >"$folder/standard.cpp"
TIMEFORMAT='%U %S'

seconds() { # FILE INCLUDE_FOLDER
  { time "$compiler" -std=c++20 -I "$2" -c "$1" -o "$folder/empty.o" >&2; } 2>&1
}
best() { awk 'NF != 2 || $1 !~ /^[0-9.]+$/ { print > "/dev/stderr"; next }
              !n++ || $1 + $2 < best { best = $1 + $2 } END { if (n > 0) printf "%.2f", best; else exit 1 }'; }
met() { awk -v ours="$ours" -v allowed="$allowed" 'BEGIN { exit !(ours <= allowed) }'; }

compiler=$1
for try in {1..20}; do # in turn, so that both meet the same neighbours
  seconds "$folder/empty.cpp" "$2" >>"$folder/ours" || { cat "$folder/ours"; exit 1; }
  seconds "$folder/standard.cpp" "$2" >>"$folder/theirs" || { cat "$folder/theirs"; exit 1; }
  ours=$(best <"$folder/ours") theirs=$(best <"$folder/theirs")
  allowed=$(awk -v theirs="$theirs" -v standard="$standard" -v limit="$3" \
                'BEGIN { printf "%.2f", limit * (theirs > standard ? theirs / standard : 1) }')
  ((try < 3)) || ! met || break
  ((try < 3)) || sleep 1
done
printf '#include <uwaga/uwaga.h> compiles in %s s, the standard headers in %s s (limit %s s: %s s where those take %s s)\n' \
       "$ours" "$theirs" "$allowed" "$3" "$standard"
met
