# Sourced by ./run and ./test: installs what is missing, so that a bare Debian 12 is enough.

packages_of() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$@"; }

# Prints the packages of the lists, and of further ones that are named, that are not installed. Node and npm are left alone when they are there already, from wherever.
missing_packages() {
  local package
  for package in $(packages_of packaging/build.packages packaging/run.packages "$@" | sort -u); do
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -q '^installed' || echo "$package"
  done
  command -v node >/dev/null 2>&1 || echo nodejs
  command -v npm >/dev/null 2>&1 || echo npm
}

install_missing() {
  local missing
  missing=$(missing_packages "$@" | tr '\n' ' ')
  [ -z "${missing// /}" ] && return 0
  if [ "$(id -u)" != 0 ]; then
    echo "Some Debian packages are missing. Install them, then run this again:" >&2
    echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends $missing" >&2
    exit 1
  fi
  echo "installing: $missing" >&2
  export DEBIAN_FRONTEND=noninteractive
  local try
  for try in 1 2 3; do
    # shellcheck disable=SC2086
    if apt-get update -qq >/dev/null && apt-get install -y -qq --no-install-recommends $missing >/tmp/watchbell-apt.$$ 2>&1; then
      rm -f /tmp/watchbell-apt.$$
      return 0
    fi
    echo "apt-get failed (try $try of 3)" >&2
  done
  tail -20 /tmp/watchbell-apt.$$ >&2
  exit 1
}
