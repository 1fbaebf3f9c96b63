#!/usr/bin/env bash
# packaging/run.packages names exactly the packages whose libraries the program was linked with or loads later, so that it runs where only those are
# installed; and it is no larger than it may be.
# Usage: run.sh PROGRAM. Ends with "N passed, M failed".
set -u
program=$1
list=$(cd "$(dirname "$0")/../../packaging" && sed -e 's/#.*//' -e '/^[[:space:]]*$/d' run.packages | sort)
standard="libc6 libgcc-s1 libstdc++6" # on every Debian
no_library="ca-certificates tzdata"   # needed all the same
passed=0 failed=0
needed=$(readelf -d "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
[ -n "$needed" ] || { echo "no libraries found in $program"; echo "0 passed, 1 failed"; exit 1; }
loaded=$(grep -aoE 'lib[a-z0-9_+-]+\.so\.[0-9]+' "$program" | sort -u | grep -vxF "$needed")
[ -n "$loaded" ] || { echo "no library found that is loaded later"; echo "0 passed, 1 failed"; exit 1; }
used=""
for library in $needed $loaded; do
  path=$({ ldd "$program"; /sbin/ldconfig -p; } | awk -v name="$library" '$1 == name { print $NF ~ /^\(/ ? $3 : $NF; exit }')
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
# What goes into a package, without its symbols: at most 15 MB, the web app included.
stripped=$(mktemp)
strip -o "$stripped" "$program"
size=$(stat -c %s "$stripped")
rm "$stripped"
echo "stripped: $((size / 1024)) KiB"
if [ "$size" -lt $((15 * 1024 * 1024)) ]; then passed=$((passed + 1)); else
  echo "the program is larger than 15 MB"
  failed=$((failed + 1))
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
