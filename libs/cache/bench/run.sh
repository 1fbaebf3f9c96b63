#!/usr/bin/env bash
# Builds and runs the cache's benchmarks; prints their tables, writes records to records/, and fails when a bound is missed.
# usage: run.sh [--gcc]    --gcc: the hits once more as g++ builds them, printed and recorded, without their bounds
# Wants a machine that does nothing else. Needs the packages of packaging/bench.packages.
set -uo pipefail
cd "$(dirname "$0")/.."

programs=(hit_bench stampede_bench invalidation_bench read_bench)
date=$(date +%F)
commit=$(git rev-parse HEAD)
dirty=$([ -z "$(git status --porcelain)" ] && echo false || echo true)
jar=/usr/share/java/caffeine.jar

build() {  # TREE COMPILER TARGET...
  cmake -S . -B "$1" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER="$2" -DWATCHBELL_CACHE_BUILD_BENCH=ON \
    -DWATCHBELL_CACHE_BUILD_TESTS=OFF >/dev/null && cmake --build "$1" --target "${@:3}" >/dev/null
}
measure() {  # TREE PROGRAM NAME
  "$1/bench/$2" --record "bench/records/$date-${commit:0:8}-$3.json" --commit "$commit" --dirty "$dirty" --date "$date" \
    --caffeine "$jar" --source bench/CaffeineHits.java
}

mkdir -p bench/records
build build/bench clang++-19 "${programs[@]}" || exit 1
failed=()
for program in "${programs[@]}"; do
  measure build/bench "$program" "${program%_bench}" || failed+=("$program")
  echo
done
if [ "${1:-}" = --gcc ]; then
  build build/bench-gcc g++ hit_bench || exit 1
  echo "built by g++:"
  measure build/bench-gcc hit_bench hit-gcc
fi
[ ${#failed[@]} -eq 0 ] || { echo "a bound was missed in: ${failed[*]}" >&2; exit 1; }
