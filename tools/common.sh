# shellcheck shell=bash
# Shared by tools/check and tools/demo (sourced): where to build, and as whom.
#
# Sets `root`, the source tree, and `build_dir`, which is build/release unless the tree cannot be
# written to.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build_dir=$root/build/release

# A source tree that is not writable is built elsewhere, at the same place every time.
if ! mkdir -p "$build_dir" 2>/dev/null || [ ! -w "$build_dir" ]; then
  build_dir=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/lamella/build-release
  mkdir -p "$build_dir"
  echo "$root/build/release cannot be written to: building in $build_dir"
fi

# Root building in a user's tree leaves nothing behind that the user could not remove.
give_build_to_owner() {
  if [ "$(id -u)" -eq 0 ] && [ -d "$root/build" ]; then
    chown -R --reference="$root" "$root/build" 2>/dev/null || true
  fi
}
trap give_build_to_owner EXIT

# configure [-D...]: the release preset. A build directory that came from another place is redone.
configure() {
  local cache=$build_dir/CMakeCache.txt
  if [ -f "$cache" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$cache"; then
    rm -rf "$cache" "$build_dir/CMakeFiles"
  fi
  (cd "$root" && cmake --preset release -B "$build_dir" "$@")
}
