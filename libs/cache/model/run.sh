#!/usr/bin/env bash
# Runs every model of this folder to exhaustion, and every mutant of it until its guard is missed. Needs spin and gcc.
# Usage: run.sh [MODEL ...]. Ends with "N passed, M failed".
#
# A model's head lists what is expected of it:
#   stale | two loads | stuck: NAME ...   mutants (-DMUTANT_NAME), under what they must show
#   variants: NAME ...   (-DVARIANT_NAME) not guards, though they look like some: no error may be found
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
models=${*:-local shared join told}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/cache-model.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
passed=0
failed=0

fail() {
  echo "FAILED: $1: $2"
  failed=$((failed + 1))
}

# Leaves the report of one search in $scratch/report; false, with the reason there, when it cannot be built.
search() {
  local model=$1
  shift
  rm -rf "$scratch/pan" && mkdir "$scratch/pan" && cd "$scratch/pan" || return 1
  if ! spin "$@" -a "$here/$model.pml" >"$scratch/report" 2>&1; then return 1; fi
  # -w: generated code. No bound on time here: the memory bound ends what grows too large.
  if ! gcc -w -O2 -DSAFETY -DCOLLAPSE -DNOFAIR -DMEMLIM=2000 -o pan pan.c >"$scratch/report" 2>&1; then return 1; fi
  ./pan -n -w24 -m10000 >"$scratch/report" 2>&1
}

states() { awk '/states, stored/ { print $1 }' "$scratch/report"; }
seconds() { sed -n 's/^pan: elapsed time \([0-9.e+-]*\) seconds.*/\1/p' "$scratch/report"; }
broken() { sed -n 's/^pan:1: *\(.*\) (at depth .*/\1/p' "$scratch/report"; }
# Nothing was cut off: neither by depth nor by memory.
exhausted() {
  grep -q '^State-vector .* errors: ' "$scratch/report" && ! grep -qE 'Search not completed|max search depth too small|out of memory|MEMLIM' "$scratch/report"
}

holds() {
  local name=$1
  shift
  if ! search "$@"; then
    fail "$name" "$(tail -5 "$scratch/report")"
  elif [ -n "$(broken)" ] || ! grep -q '^State-vector .* errors: 0$' "$scratch/report"; then
    fail "$name" "error found: $(broken)"
  elif ! exhausted; then
    fail "$name" "not exhausted: $(grep -m1 -E 'pan: reached|max search depth|out of memory' "$scratch/report")"
  else
    echo "$name: holds in all $(states) states, $(seconds) s"
    passed=$((passed + 1))
  fi
}

# Usage: rejected MODEL PROPERTY NAME
rejected() {
  local model=$1 property=$2 mutant=$3 wanted flags=()
  case $property in
    stale) wanted='assertion violated .*promised_.*before_read' flags=(-DONLY_STALE) ;;
    'two loads') wanted='assertion violated .*good_load_runs_already' ;;
    stuck) wanted='invalid end state' ;;
  esac
  if ! grep -q "MUTANT_$mutant\b" "$here"/*.pml; then
    fail "$model, mutant $mutant" "there is no such guard in the model"
  elif ! search "$model" "-DMUTANT_$mutant" "${flags[@]}" || [ -z "$(states)" ]; then
    fail "$model, mutant $mutant" "$(tail -5 "$scratch/report")"
  elif ! broken | grep -q "$wanted"; then
    fail "$model, mutant $mutant" "not rejected as $property, found: $(broken)"
  else
    echo "$model, mutant $mutant: rejected as $property, $(broken) after $(states) states"
    passed=$((passed + 1))
  fi
}

listed() { sed -n "s/^ \* $2: //p" "$here/$1.pml"; }

for model in $models; do
  holds "$model" "$model"
  for variant in $(listed "$model" variants); do holds "$model, variant $variant" "$model" "-DVARIANT_$variant"; done
  for property in stale 'two loads' stuck; do
    for mutant in $(listed "$model" "$property"); do rejected "$model" "$property" "$mutant"; done
  done
done
# No guard is without its mutant's run.
for mutant in $(grep -ohE '\bMUTANT_[A-Z_]+' "$here"/*.pml | sort -u); do
  cat "$here"/*.pml | sed -nE 's/^ \* (stale|two loads|stuck): //p' | grep -qw -- "${mutant#MUTANT_}" || fail "$mutant" "no model lists it"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
