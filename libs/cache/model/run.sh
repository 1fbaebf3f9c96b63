#!/usr/bin/env bash
# Runs every model of this folder to exhaustion, and every mutant of it until its guard is missed. Needs spin and gcc.
# Usage: run.sh [MODEL ...]. Prints the rows of the table in README.md; ends with "N passed, M failed".
#
# A model's head lists what is expected of it:
#   stale | two loads | three loads | stuck: NAME ...   mutants (-DMUTANT_NAME), under what they must show
#   variants: NAME ...   (-DVARIANT_NAME) not guards, though they look like some: no error may be found
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ $# = 0 ]; then
  # Every model in a process of its own, one a core at a time.
  set -- local crowd shared told join restore
  reports=$(mktemp -d "${TMPDIR:-/tmp}/cache-model.XXXXXX")
  trap 'rm -rf "$reports"' EXIT
  printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} bash -c '"$0" "$1" >"$2/$1" 2>&1' "$here/run.sh" {} "$reports"
  (cd "$reports" && cat "$@") | awk '
    /^[0-9]+ passed, [0-9]+ failed$/ { passed += $1; failed += $3; ended++; next }
    /^\| model|^\|---/ { if (heads++ > 1) next }
    { print }
    END { if (ended < '$#') { print "a search ended without its sum"; failed++ }
          print passed + 0 " passed, " failed + 0 " failed"; exit failed > 0 }'
  exit
fi
models=$*
properties=(stale 'two loads' 'three loads' stuck)
# Of one search, each. Processor time, so that it does not depend on what else the machine does.
most_seconds=150
most_megabytes=1500
TIMEFORMAT=%1U
scratch=$(mktemp -d "${TMPDIR:-/tmp}/cache-model.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
passed=0
failed=0

fail() {
  echo "FAILED: $1: $2"
  failed=$((failed + 1))
}
row() {
  echo "| $1 | $2 | $(states) | $(cat "$scratch/seconds") | $3 |"
  passed=$((passed + 1))
}

bounded() { (ulimit -t "$most_seconds" && exec "$@"); }

# Leaves the report of one search in $scratch/report; false, with the reason there, when it cannot be built or is cut off.
# Usage: search OPTIMISATION HASH_BITS MODEL [FLAG ...]
search() {
  local optimisation=$1 bits=$2 model=$3 code
  shift 3
  echo "no states" >"$scratch/report"
  rm -rf "$scratch/pan" && mkdir "$scratch/pan" && cd "$scratch/pan" || return 1
  bounded spin "$@" -a "$here/$model.pml" >"$scratch/report" 2>&1 || return 1
  # -w: generated code.
  bounded gcc -w "$optimisation" -DSAFETY -DCOLLAPSE -DNOFAIR -DMEMLIM="$most_megabytes" -o pan pan.c >"$scratch/report" 2>&1 || return 1
  { time bounded ./pan -n -w"$bits" -m10000 >"$scratch/report" 2>&1; } 2>"$scratch/seconds"
  code=$?
  # Above 128: by a signal.
  [ "$code" -le 128 ] || echo "cut off after $(cat "$scratch/seconds") s" >>"$scratch/report"
  [ "$code" -le 128 ]
}

states() { awk '/states, stored/ { print $1 }' "$scratch/report"; }
broken() { sed -n 's/^pan:1: *\(.*\) (at depth .*/\1/p' "$scratch/report"; }
# Nothing was cut off: neither by depth nor by memory.
exhausted() {
  grep -q '^State-vector .* errors: ' "$scratch/report" && ! grep -qE 'Search not completed|max search depth too small|out of memory|MEMLIM' "$scratch/report"
}

# Usage: holds MODEL WHAT [FLAG ...]
holds() {
  local model=$1 what=$2
  shift 2
  if ! search -O2 24 "$model" "$@"; then
    fail "$model, $what" "$(tail -5 "$scratch/report")"
  elif [ -n "$(broken)" ]; then
    fail "$model, $what" "error found: $(broken)"
  elif ! exhausted; then
    fail "$model, $what" "not exhausted: $(tail -5 "$scratch/report")"
  elif ! grep -q '^State-vector .* errors: 0$' "$scratch/report"; then
    fail "$model, $what" "$(grep '^State-vector' "$scratch/report")"
  else
    row "$model" "$what" holds
  fi
}

# Usage: rejected MODEL PROPERTY MUTANT
rejected() {
  local model=$1 property=$2 mutant=$3 wanted flags=()
  case $property in
    stale) wanted='assertion violated .*promised_.*before_read' flags=(-DONLY_STALE) ;;
    'two loads') wanted='assertion violated .*good_load_runs_already' ;;
    'three loads') wanted='assertion violated .*two_run_already' ;;
    stuck) wanted='invalid end state' ;;
  esac
  if ! grep -q "MUTANT_$mutant\b" "$here"/*.pml; then
    fail "$model, $mutant" "there is no such guard in the models"
  elif ! search -O1 20 "$model" "-DMUTANT_$mutant" "${flags[@]}" || [ -z "$(states)" ]; then
    fail "$model, $mutant" "$(tail -5 "$scratch/report")"
  elif ! broken | grep -q "$wanted"; then
    fail "$model, $mutant" "not rejected as $property, found: $(broken)"
  else
    row "$model" "$mutant" "$property"
  fi
}

listed() { sed -n "s/^ \* $2: //p" "$here/$1.pml"; }

echo "| model | mutant | states | seconds | found |"
echo "|---|---|---|---|---|"
for model in $models; do
  holds "$model" "none"
  for variant in $(listed "$model" variants); do holds "$model" "variant $variant" "-DVARIANT_$variant"; done
  for property in "${properties[@]}"; do
    for mutant in $(listed "$model" "$property"); do rejected "$model" "$property" "$mutant"; done
  done
done
# No guard of these models is without its mutant's run.
for model in $models; do
  for mutant in $(grep -ohE '\b(MUTANT|VARIANT)_[A-Z_]+' "$here/$model.pml" | sort -u); do
    cat "$here"/*.pml | sed -nE 's/^ \* (stale|two loads|three loads|stuck|variants): //p' | grep -qw -- "${mutant#*_}" || fail "$mutant" "no model lists it"
  done
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
