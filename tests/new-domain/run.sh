#!/usr/bin/env bash
# `make new-domain` makes a domain that builds and passes its tests, and a program that still links. Works on a copy of the tree.
# Ends with "N passed, M failed".
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
copy=$(mktemp -d "${TMPDIR:-/tmp}/watchbell-new-domain.XXXXXX")
trap 'rm -rf "$copy"' EXIT
fail() { echo "$1" >&2; [ -f "$copy/log" ] && tail -40 "$copy/log" >&2; echo "0 passed, 1 failed"; exit 1; }
(cd "$root" && git ls-files -z --cached --others --exclude-standard -- ':!web' ':!docs' | tar --null -T - -cf - --ignore-failed-read 2>/dev/null) | tar -xf - -C "$copy" || fail "the tree cannot be copied"
cd "$copy" || exit 1
make -s new-domain NAME=sample >log 2>&1 || fail "make new-domain failed"
make -s new-domain NAME=sample >log 2>&1 && fail "a second domain of the same name was made"
make -s new-domain NAME=Bad-Name >log 2>&1 && fail "a bad name was taken"
cmake --preset dev -DCMAKE_CXX_FLAGS_DEBUG=-O0 >log 2>&1 || fail "the tree with the new domain does not configure"
cmake --build --preset dev --target sample_tests watchbell_contract >log 2>&1 || fail "the new domain does not build"
build/dev/tests/unit/sample_tests --gtest_brief=1 >log 2>&1 || fail "the new domain's tests fail"
build/dev/src/app/watchbell_contract contract typescript | grep -q "createItem" || fail "the new domain is not part of the contract"
build/dev/tests/unit/sample_tests --gtest_list_tests | grep -c '^  ' | sed 's/$/ passed, 0 failed/'
