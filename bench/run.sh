#!/usr/bin/env bash
# Question: what does an authenticated, cached getUnreadCount cost, against the same answer from a plain Beast server (echo_beast) and from our own
# connection loop without any stage (echo_lean)? Prints CPU time a request, requests/s, p50, p99 and RSS of each. Then: do a million jobs leave storage and
# memory flat (jobs_slope)? And what do bulk reads on Redis, and a Redis that stands still, cost the readers of the cache (redis_cache_bench)? Writes records to bench/records/.
# First the cache's own benchmarks, which keep theirs beside it.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/install.sh
install_missing packaging/bench.packages
cmake --preset bench >/dev/null
cmake --build --preset bench --target watchbell echo_beast echo_lean jobs_slope redis_cache_bench
cache=0
libs/cache/bench/run.sh || cache=$?  # a bound missed there does not keep the server from being measured
node bench/run.mjs build/bench "$@"
exit "$cache"
