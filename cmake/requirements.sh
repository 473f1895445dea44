# Shared by ./run_tests and ./quickstart (sourced by bash, in the root of the repository): what the build needs and how
# to get it. Nothing is installed or downloaded that is there already.

UWAGA_PACKAGES=(g++ cmake ninja-build ccache llvm-19-dev libboost-graph-dev catch2 nlohmann-json3-dev libcli11-dev
                libfmt-dev libssl-dev)

fail() { # CODE SENTENCE
  echo "${0##*/}: $2" >&2
  exit "$1"
}

say() { printf '\n== %s\n' "$*"; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    sudo -n "$@"
  fi
}
may_install() {
  command -v apt-get >/dev/null && { [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; }
}

# Tools count wherever they come from, libraries as packages.
installed() {
  case $1 in
    g++ | cmake | ccache) command -v "$1" >/dev/null && return ;;
    ninja-build) command -v ninja >/dev/null && return ;;
  esac
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

thrice() {
  "$@" || { sleep 5; "$@"; } || { sleep 20; "$@"; }
}

# Installs those of the given Debian packages that are missing; ends with one sentence where it may not or cannot.
need_packages() {
  local missing=() package
  if ! command -v dpkg-query >/dev/null; then
    # Another system: trust what is there and let CMake name what it does not find.
    command -v cmake >/dev/null && command -v ninja >/dev/null && command -v c++ >/dev/null && return
    fail 1 "install what these Debian packages hold, then run again: $*"
  fi
  for package in "$@"; do
    installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  may_install || fail 1 "these packages are missing; as root: apt-get install ${missing[*]}"
  say "install ${missing[*]}"
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
  # A source that does not answer is no reason to stop, as long as the packages are found.
  thrice as_root "${apt[@]}" update >/dev/null || echo "apt-get update failed; going on with the lists that are here" >&2
  for package in "${missing[@]}"; do
    apt-cache show "$package" >/dev/null 2>&1 ||
      fail 1 "this system's package sources have no $package (Debian 12 has): install it another way and run again"
  done
  local log
  log=$(mktemp)
  if ! thrice as_root "${apt[@]}" install --no-install-recommends "${missing[@]}" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    fail 1 "apt-get could not install ${missing[*]}"
  fi
  rm -f "$log"
}

# Compilers to run at once: one a core, but no more than one for every 2 GiB of memory.
build_jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable:/ { print int($2 / (2 * 1024 * 1024)) }' /proc/meminfo 2>/dev/null || echo "$cores")
  [ "${memory:-0}" -ge 1 ] || memory=1
  echo $((cores < memory ? cores : memory))
}

# ccache takes the same source for the same in every checkout of it.
use_ccache() {
  export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$PWD} CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-time_macros}
}

# The newest libnvrtc among the given files whose major version is 12 or later (older ones do not know C++20).
newest_nvrtc() {
  local file best='' major
  for file in $(printf '%s\n' "$@" | sort -V); do
    major=$(sed -n 's/.*libnvrtc\.so\.\([0-9]*\).*/\1/p' <<<"$file")
    [ -e "$file" ] && [ "${major:-0}" -ge 12 ] && best=$file
  done
  [ -n "$best" ] && echo "$best"
}

nvrtc_cache() { echo "${XDG_CACHE_HOME:-$HOME/.cache}/uwaga/nvrtc"; }

find_nvrtc() {
  local roots=(/usr/local/cuda*/lib64 /usr/local/cuda*/targets/*/lib)
  [ -n "${CUDA_HOME:-}" ] && roots+=("$CUDA_HOME/lib64")
  [ -n "${CUDA_PATH:-}" ] && roots+=("$CUDA_PATH/lib64")
  # shellcheck disable=SC2046
  newest_nvrtc $(printf '%s/libnvrtc.so.*\n' "${roots[@]}" | while read -r pattern; do compgen -G "$pattern"; done) \
    $(PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null | sed -n 's/.*=> *\(.*libnvrtc\.so\.[0-9.]*\)$/\1/p') ||
    newest_nvrtc "$(nvrtc_cache)"/nvidia/*/lib/libnvrtc.so.*
}

# Unpacks the PyPI package into the cache, whole or not at all.
download_nvrtc() {
  local cache folder
  cache=$(nvrtc_cache)
  mkdir -p "$(dirname "$cache")"
  folder=$(mktemp -d "$cache.XXXXXX")
  if python3 -m pip download -q --no-deps --only-binary=:all: -d "$folder" 'nvidia-cuda-nvrtc>=13,<14' 2>"$folder/log" &&
     python3 -m zipfile -e "$folder"/nvidia_cuda_nvrtc-*.whl "$folder"; then
    rm -rf "$folder"/*.whl "$folder/log" "$cache"
    mv "$folder" "$cache"
  else
    tail -n 1 "$folder/log" >&2
    rm -rf "$folder"
    return 1
  fi
}

# Exports UWAGA_NVRTC, the NVRTC library for the tests; or sets nvrtc_missing to the reason why there is none.
need_nvrtc() {
  nvrtc_missing=''
  if [ -n "${UWAGA_NVRTC:-}" ]; then
    [ -e "$UWAGA_NVRTC" ] || fail 1 "UWAGA_NVRTC names $UWAGA_NVRTC, which does not exist"
    export UWAGA_NVRTC
    return
  fi
  if ! UWAGA_NVRTC=$(find_nvrtc); then
    say "download NVRTC (PyPI package nvidia-cuda-nvrtc) to $(nvrtc_cache)"
    if ! python3 -m pip --version >/dev/null 2>&1 && may_install; then
      (need_packages python3-pip ca-certificates) || true
    fi
    if ! python3 -m pip --version >/dev/null 2>&1; then
      nvrtc_missing='there is no CUDA toolkit, and no pip to download nvidia-cuda-nvrtc with'
    elif ! thrice download_nvrtc || ! UWAGA_NVRTC=$(find_nvrtc); then
      nvrtc_missing='there is no CUDA toolkit, and nvidia-cuda-nvrtc could not be downloaded'
    fi
  fi
  if [ -n "$nvrtc_missing" ]; then
    unset UWAGA_NVRTC
  else
    export UWAGA_NVRTC
  fi
}
