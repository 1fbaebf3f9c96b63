#!/usr/bin/env bash
# Runs every model of a folder (this one, unless another is named) to exhaustion, and every mutant of it until its guard is missed. Needs spin and gcc.
# Usage: run.sh [FOLDER] [MODEL ...]. Prints the rows of the table in the folder's README.md; ends with "N passed, M failed".
#
# A model is a file NAME.pml whose head lists what is expected of it:
#   stale | two loads | three loads | stuck | waits for ever: NAME ...   mutants (-DMUTANT_NAME), under what they must show
#   variants: NAME ...   (-DVARIANT_NAME) not guards, though they look like some: no error may be found
# One with an ltl formula is asked for that, of schedules in which each process that can go on does so at some time.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=$here/run.sh
expected='^ \* (stale|two loads|three loads|stuck|waits for ever|variants): '
if [ -d "${1:-}" ]; then
  here=$(cd "$1" && pwd)
  shift
fi
if [ $# = 0 ]; then
  # Every model in a process of its own, one a core at a time.
  set -- $(cd "$here" && grep -lE "$expected" -- *.pml 2>/dev/null | sed 's/\.pml$//')
  [ $# -gt 0 ] || { echo "no models in $here"; echo "0 passed, 1 failed"; exit 1; }
  reports=$(mktemp -d "${TMPDIR:-/tmp}/cache-model.XXXXXX")
  trap 'rm -rf "$reports"' EXIT
  printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} bash -c '"$0" "$1" "$2" >"$3/$2" 2>&1' "$program" "$here" {} "$reports"
  (cd "$reports" && cat "$@") | awk '
    /^[0-9]+ passed, [0-9]+ failed$/ { passed += $1; failed += $3; ended++; next }
    /^\| model|^\|---/ { if (heads++ > 1) next }
    { print }
    END { if (ended < '$#') { print "a search ended without its sum"; failed++ }
          print passed + 0 " passed, " failed + 0 " failed"; exit failed > 0 }'
  exit
fi
models=$*
properties=(stale 'two loads' 'three loads' stuck 'waits for ever')
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
  local optimisation=$1 bits=$2 model=$3 code kind=(-DSAFETY -DNOFAIR) how=()
  shift 3
  if grep -q '^ltl ' "$here/$model.pml"; then
    kind=(-DNFAIR=3)
    how=(-a -f)
  fi
  echo "no states" >"$scratch/report"
  rm -rf "$scratch/pan" && mkdir "$scratch/pan" && cd "$scratch/pan" || return 1
  bounded spin "$@" -a "$here/$model.pml" >"$scratch/report" 2>&1 || return 1
  # -w: generated code.
  bounded gcc -w "$optimisation" "${kind[@]}" -DCOLLAPSE -DMEMLIM="$most_megabytes" -o pan pan.c >"$scratch/report" 2>&1 || return 1
  { time bounded ./pan "${how[@]}" -n -w"$bits" -m10000 >"$scratch/report" 2>&1; } 2>"$scratch/seconds"
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
    'waits for ever') wanted='acceptance cycle' ;;
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
# No guard of these models, or of what they include from their folder, is without its mutant's run.
sources() {
  echo "$here/$1.pml"
  sed -n 's|^#include "\([a-z_]*\.pml\)"|'"$here"'/\1|p' "$here/$1.pml"
}
for model in $models; do
  for mutant in $(grep -hvE '^ *#define MUTANT_' $(sources "$model") | grep -oE '\b(MUTANT|VARIANT)_[A-Z_]+' | sort -u); do
    cat "$here"/*.pml | grep -E "$expected" | grep -qw -- "${mutant#*_}" || fail "$mutant" "no model lists it"
  done
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
