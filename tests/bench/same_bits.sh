#!/usr/bin/env bash
# The same bits, at the sizes people train: sha256 over weights, moments and losses, one line a setting.
#
#   tests/bench/same_bits.sh [nanogpt|gpt2-124m|odd|resume ...]       # all unless named; UWAGA_DATA=FILE is the text
#   UWAGA=build/release/bin/uwaga UWAGA_OTHER=build/clang/bin/uwaga tests/bench/same_bits.sh
#
# Ends with 1 where two settings of one recipe differ.
set -euo pipefail
cd "$(dirname "$0")/../.."
uwaga=${UWAGA:-build/release/bin/uwaga}
other=${UWAGA_OTHER:-}
data=${UWAGA_DATA:-README.md}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

field() { python3 -c 'import json,sys
last=[l for l in sys.stdin if l.startswith("{")][-1]
j=json.loads(last)
print(j["state_sha256"], j.get("parallel_launches", ""))'; }

# recipe, setting, command...: compares with the recipe's first line.
first=""
show() {
  local recipe=$1 setting=$2 line
  shift 2
  line=$("$@" 2>/dev/null | field)
  local hash=${line%% *} parallel=${line#* }
  [ -n "$first" ] || first=$hash
  local verdict=same
  [ "$hash" = "$first" ] || { verdict=DIFFERENT; failed=1; }
  printf '%-10s %-28s %s %s %s\n' "$recipe" "$setting" "${hash:0:16}" "$verdict" "${parallel:+($parallel launches on several threads)}"
}

# Every way in which a recipe may be run: arguments are the command without --threads.
settings() {
  local recipe=$1
  shift
  first=""
  for threads in 1 2 3 8; do show "$recipe" "threads $threads" env UWAGA_SHARES=fixed "$@" --threads "$threads"; done
  show "$recipe" "threads 2, shares open" "$@" --threads 2
  show "$recipe" "no cache" env UWAGA_CACHE=off "$@" --threads 2
  show "$recipe" "empty cache" env UWAGA_CACHE="$work/cache" "$@" --threads 2
  show "$recipe" "that cache again" env UWAGA_CACHE="$work/cache" "$@" --threads 2
  for pass in simplify fold cse dce; do show "$recipe" "without $pass" env UWAGA_PASSES=-$pass "$@" --threads 2; done
  for cpu in avx2; do show "$recipe" "UWAGA_CPU=$cpu" env UWAGA_CPU=$cpu "$@" --threads 2; done
  if [ -n "$other" ]; then show "$recipe" "$other" "$other" "${@:2}" --threads 2; fi
}

nanogpt() { echo "$uwaga" train --model gpt2 --layers 4 --heads 4 --width 128 --time 64 --batch 12 --lr 1e-3 --dropout 0.1 \
  --data "$data" --tokenizer char --eval-every 0 --seed 1 --json; }

run_nanogpt() { settings nanogpt $(nanogpt) --steps 200; }
run_gpt2-124m() { settings gpt2-124m "$uwaga" bench step --model gpt2-124m --layers 12 --batch 4 --time 64 --runs 1 --json; }
run_odd() { settings odd "$uwaga" bench step --model gpt2-124m --layers 2 --batch 5 --time 63 --runs 1 --json; }
run_resume() {
  first=""
  show resume "200 steps" $(nanogpt) --steps 200 --threads 2
  # A run that is killed once its checkpoint of step 77 is there.
  $(nanogpt) --steps 200 --threads 2 --checkpoint-every 77 --out "$work/run" > /dev/null 2>&1 &
  while kill -0 $! 2> /dev/null && ! compgen -G "$work/run/*-step-0000000077/manifest.json" > /dev/null; do sleep 0.1; done
  kill -9 $! 2> /dev/null || true
  wait $! 2> /dev/null || true
  show resume "stopped at 77" $(nanogpt) --steps 200 --threads 2 --checkpoint-every 77 --out "$work/run" --resume
}

[ $# -gt 0 ] || set -- nanogpt gpt2-124m odd resume
for recipe in "$@"; do "run_$recipe"; done
exit $failed
