#!/usr/bin/env bash
# What stands in packaging/ for operators beside the Debian package: alert rules, dashboard, nginx, container files.
# Usage: run.sh PROGRAM. Ends with "N passed, M failed".
set -u
program=$(realpath "$1")
cd "$(dirname "$0")"
. ./tools.sh
passed=0 failed=0
# check NAME COMMAND...
check() {
  local name=$1 said
  shift
  if said=$("$@" 2>&1); then
    passed=$((passed + 1))
  else
    echo "FAILED: $name"
    echo "$said"
    failed=$((failed + 1))
  fi
}
promtool=$(tool promtool prometheus) || failed=$((failed + 1))
nginx=$(tool nginx nginx) || failed=$((failed + 1))
if [ -n "$promtool" ]; then
  check "the alert rules" "$promtool" check rules ../../packaging/prometheus/watchbell.rules.yml
  check "the tests of the alert rules" "$promtool" test rules rules_test.yml
fi
check "install packages" npm ci --no-audit --no-fund --loglevel=error
if [ -n "$nginx" ]; then
  said=$(node run.mjs --program "$program" --nginx "$nginx" 2>&1)
  echo "$said"
  p=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed.*/\1/p' <<<"$said" | tail -1)
  f=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed.*/\2/p' <<<"$said" | tail -1)
  passed=$((passed + ${p:-0}))
  failed=$((failed + ${f:-1}))
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
