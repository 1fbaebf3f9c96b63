#!/usr/bin/env bash
# Questions: what does an authenticated, cached read cost by session (getUnreadCount) and by API key (getSystems), against an answer from a plain Beast server
# (echo_beast) and from our own connection loop without any stage (echo_lean)? Prints CPU time a request, requests/s, p50, p99 and RSS of each. Then: what does
# it cost to verify a key (api_key_bench)? Do a million jobs leave storage and memory flat (jobs_slope)? What do ten thousand websockets cost (sockets)? What do
# bulk reads on Redis, and a Redis that stands still, cost the readers of the cache (redis_cache_bench)? How soon are 10,000 signed webhooks out, what do 99 endpoints feel of one that hangs, and what does a send to 100,000 users
# cost it and others (notifications.mjs)? What does the program cost to build from a clean checkout,
# to start, and to leave alone? Writes records to bench/records/. First the cache's own benchmarks, which keep theirs beside it.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/install.sh
install_missing packaging/bench.packages
cmake --preset bench >/dev/null
cmake --build --preset bench --target watchbell api_key_bench echo_beast echo_lean jobs_slope people redis_cache_bench sink sockets steady_reader
cache=0
libs/cache/bench/run.sh || cache=$?  # a bound missed there does not keep the server from being measured
node bench/run.mjs build/bench "$@"
exit "$cache"
