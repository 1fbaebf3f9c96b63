#!/usr/bin/env bash
# Builds the mutants of mutants.cmake and lets the explorer look for each of them with the share that ./test has: every
# one must be found. The unchanged code must pass the same. The last line is "N passed, M failed".
#   mutants.sh [BUILD]    BUILD: where to build; build/explore at the top of the repository by default
set -uo pipefail
cache=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$cache/../../build/explore}
options=(-G Ninja -DCMAKE_BUILD_TYPE=Release)
if command -v clang++-19 >/dev/null; then options+=(-DCMAKE_CXX_COMPILER=clang++-19); fi
if command -v ccache >/dev/null; then options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
if ! { cmake -S "$cache" -B "$build" "${options[@]}" && cmake --build "$build" --target explore explore_mutants; } >"$build.log" 2>&1; then
  tail -60 "$build.log"
  echo "0 passed, 1 failed"
  exit 1
fi
programs=$build/test/explore
passed=0
failed=0
share="--schedules 2000 --seed 1"

if "$programs/explore" $share >"$build.log" 2>&1; then
  passed=$((passed + 1))
else
  failed=$((failed + 1))
  echo "FAILED: the unchanged code"
  tail -60 "$build.log"
fi
# One a core at a time; each leaves its log, and in it its exit code.
find "$programs/mutants" -type f -name 'explore_mutant_*' -perm -u+x | sort >"$build.mutants"
logs=$build share=$share xargs -a "$build.mutants" -P "$(nproc)" -I{} bash -c \
  'timeout 300 "$1" $share >"$logs.$(basename "$1").log" 2>&1; echo "exit code $?" >>"$logs.$(basename "$1").log"' _ {}
while read -r mutant; do
  name=${mutant##*explore_mutant_}
  log=$build.$(basename "$mutant").log
  if [ "$(tail -1 "$log")" = "exit code 0" ]; then
    failed=$((failed + 1))
    echo "FAILED: nothing found in $name"
  elif found=$(grep -m1 -a '^FAILED' "$log"); then
    passed=$((passed + 1))
    echo "found: $name ($found)"
  else
    failed=$((failed + 1))
    echo "FAILED: $name ended without a finding"
    tail -20 "$log"
  fi
  rm -f "$log"
done <"$build.mutants"
if [ "$passed" -lt 2 ]; then
  failed=$((failed + 1))
  echo "FAILED: no mutant was found"
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
