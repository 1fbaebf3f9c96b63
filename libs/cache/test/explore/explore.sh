#!/usr/bin/env bash
# What `make explore` does: far more than ./test has time for. Ends with exit code 1 at the first failure, whose schedule
# it prints as a command to replay.
#   explore.sh [BUILD]    BUILD: where to build; build/explore at the top of the repository by default
set -euo pipefail
cache=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$cache/../../build/explore}
options=(-G Ninja -DCMAKE_BUILD_TYPE=Release)
if command -v clang++-19 >/dev/null; then options+=(-DCMAKE_CXX_COMPILER=clang++-19); fi
if command -v ccache >/dev/null; then options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
cmake -S "$cache" -B "$build" "${options[@]}" >/dev/null
cmake --build "$build" --target explore
explore=$build/test/explore/explore
seed=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
"$explore" --scenario full --preemptions none --schedules 1000000 --seed "$seed"
"$explore" --preemptions none --schedules 100000 --seed "$seed"
"$explore" --deep
