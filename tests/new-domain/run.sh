#!/usr/bin/env bash
# `make new-domain` makes a domain that builds and passes its tests, and a program that still links. The tree stays as it is: where a layer can be put over it
# (as root), the domain is made in that layer, over what is built already; else in a copy, which is built from nothing.
# Ends with "N passed, M failed".
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
inside=${1:-}
if [ "$inside" != layer ] && [ -f "$root/build/release/build.ninja" ] && unshare --mount "$root/tests/new-domain/run.sh" layer; then exit; fi
scratch=$(mktemp -d "${TMPDIR:-/tmp}/watchbell-new-domain.XXXXXX")
trap 'cd /; umount "$root" "$scratch" 2>/dev/null; rm -rf "$scratch"' EXIT
fail() { echo "$1" >&2; [ -f "$scratch/log" ] && tail -40 "$scratch/log" >&2; echo "0 passed, 1 failed"; exit 0; }
if [ "$inside" = layer ]; then
  # 2: not here. What fails after this is a failure.
  mount -t tmpfs none "$scratch" && mkdir "$scratch/upper" "$scratch/work" &&
    mount -t overlay overlay -o "lowerdir=$root,upperdir=$scratch/upper,workdir=$scratch/work" "$root" 2>"$scratch/log" || exit 2
  preset=release configure=(-DWATCHBELL_WEB=ON)
  cd "$root" || exit 2
else
  mkdir "$scratch/tree"
  (cd "$root" && git ls-files -z --cached --others --exclude-standard -- ':!web' ':!docs' | tar --null -T - -cf - --ignore-failed-read 2>/dev/null) | tar -xf - -C "$scratch/tree" || fail "the tree cannot be copied"
  preset=dev configure=(-DCMAKE_CXX_FLAGS_DEBUG=-O0)
  cd "$scratch/tree" || exit 1
fi
log=$scratch/log
make -s new-domain NAME=sample >"$log" 2>&1 || fail "make new-domain failed"
make -s new-domain NAME=sample >"$log" 2>&1 && fail "a second domain of the same name was made"
make -s new-domain NAME=Bad-Name >"$log" 2>&1 && fail "a bad name was taken"
cmake --preset "$preset" "${configure[@]}" >"$log" 2>&1 || fail "the tree with the new domain does not configure"
cmake --build --preset "$preset" --target sample_tests watchbell_contract >"$log" 2>&1 || fail "the new domain does not build"
"build/$preset/tests/unit/sample_tests" --gtest_brief=1 >"$log" 2>&1 || fail "the new domain's tests fail"
"build/$preset/src/app/watchbell_contract" contract typescript | grep -q "createItem" || fail "the new domain is not part of the contract"
"build/$preset/tests/unit/sample_tests" --gtest_list_tests | grep -c '^  ' | sed 's/$/ passed, 0 failed/'
