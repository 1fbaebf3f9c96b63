# Sourced by tests. Programs of Debian packages that ./test does not install, because installing them starts a service or takes a place that is somebody's:
# the one on this machine, or else one that is downloaded and unpacked below build/tools.

# tool PROGRAM PACKAGE...: prints the path of the program of the first package that has it.
tool() {
  local program=$1 root found
  shift
  found=$(PATH=$PATH:/usr/sbin command -v "$program") && { echo "$found"; return; }
  root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/tools/$1
  if [ ! -e "$root/.whole" ]; then
    rm -rf "$root"
    mkdir -p "$root/debs"
    (cd "$root/debs" && { apt-get download -qq "$@" || { apt-get update -qq && apt-get download -qq "$@"; }; }) >"$root/log" 2>&1 || { cat "$root/log" >&2; return 1; }
    for deb in "$root"/debs/*.deb; do dpkg-deb --extract "$deb" "$root" || return 1; done
    rm -r "$root/debs"
    touch "$root/.whole"
  fi
  for found in "$root/usr/bin/$program" "$root/usr/sbin/$program" "$root/bin/$program"; do
    [ -x "$found" ] && { echo "$found"; return; }
  done
  echo "no $program in $*" >&2
  return 1
}
