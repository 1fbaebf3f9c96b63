#!/usr/bin/env bash
# packaging/run.packages names exactly the packages whose libraries the program was linked with, so that it starts where only those are installed.
# Usage: run.sh PROGRAM. Ends with "N passed, M failed".
set -u
program=$1
list=$(cd "$(dirname "$0")/../../packaging" && sed -e 's/#.*//' -e '/^[[:space:]]*$/d' run.packages | sort)
standard="libc6 libgcc-s1 libstdc++6" # on every Debian
no_library="ca-certificates"          # needed all the same
passed=0 failed=0
needed=$(readelf -d "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
[ -n "$needed" ] || { echo "no libraries found in $program"; echo "0 passed, 1 failed"; exit 1; }
used=""
for library in $needed; do
  path=$(ldd "$program" | awk -v name="$library" '$1 == name { print $3 }')
  package=$({ dpkg -S "$path" || dpkg -S "$(readlink -f "$path")"; } 2>/dev/null | head -1 | cut -d: -f1)
  used="$used $package"
  if grep -qx "$package" <<<"$list" || grep -qw -- "$package" <<<"$standard"; then passed=$((passed + 1)); else
    echo "$library is in package '$package', which run.packages does not name"
    failed=$((failed + 1))
  fi
done
for package in $list; do
  if grep -qw -- "$package" <<<"$used $no_library"; then passed=$((passed + 1)); else
    echo "run.packages names $package, of which the program uses nothing"
    failed=$((failed + 1))
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
