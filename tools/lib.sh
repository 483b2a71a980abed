# What tools/demo, tools/test, tools/format and .ci/run share. To be sourced by bash, from anywhere.

cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Says what goes on, so that a log can be skimmed.
heading() {
  if [[ -t 1 ]]; then printf '\n\033[1m== %s\033[0m\n' "$*"; else printf '\n== %s\n' "$*"; fi
}
say() { printf '   %s\n' "$*"; }
fail() {
  printf '%s: %s\n' "$0" "$*" >&2
  exit 1
}

need_swift() {
  command -v swift >/dev/null ||
    fail "swift is not on the PATH. Install Swift 6.3 or newer: https://www.swift.org/install/linux/"
  local version
  version=$(swift --version 2>/dev/null | sed -nE 's/.*Swift version ([0-9]+)\.([0-9]+).*/\1 \2/p')
  read -r major minor <<<"${version:-0 0}"
  ((major > 6 || (major == 6 && minor >= 3))) ||
    fail "Swift $major.$minor is too old. Install Swift 6.3 or newer: https://www.swift.org/install/linux/"
}

# The system libraries that the package links, and the programs that the scripts and tests call.
packages=(liblz4-dev libssl-dev libsqlite3-dev zlib1g-dev lz4 jq curl python3 python3-venv)

# Takes further packages that one script alone needs.
install_missing() {
  local packages=("${packages[@]}" "$@")
  command -v dpkg-query >/dev/null ||
    fail "this is no Debian. Install what these Debian packages hold: ${packages[*]}"
  local missing=() package
  for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
      missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  heading "Installing ${missing[*]}"
  # A mirror that is busy is asked once more.
  apt_install "${missing[@]}" || { sleep 5 && apt_install "${missing[@]}"; } ||
    fail "apt-get could not install ${missing[*]}: install them yourself and start again"
}

apt_install() {
  local sudo=()
  if [[ $(id -u) != 0 ]]; then
    command -v sudo >/dev/null || fail "not root and no sudo: install $* yourself and start again"
    sudo=(sudo)
  fi
  "${sudo[@]}" apt-get update -qq &&
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "$@"
}
