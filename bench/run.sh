#!/usr/bin/env bash
# Question: what does an authenticated, cached getUnreadCount cost, against the same answer from a plain Beast server (echo_beast) and from our own
# connection loop without any stage (echo_lean)? Prints CPU time a request, requests/s, p50, p99 and RSS of each. Then: do a million jobs leave storage and
# memory flat (jobs_slope)? Writes records to bench/records/.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/install.sh
install_missing
cmake --preset bench >/dev/null
cmake --build --preset bench --target watchbell echo_beast echo_lean jobs_slope
exec node bench/run.mjs build/bench "$@"
