#!/usr/bin/env bash
# install_test.sh BUILD SOURCE: installs into an empty folder, builds the README's program there, and runs it.
set -euo pipefail
build=$1 source=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cmake --install "$build" --prefix "$folder/prefix" >"$folder/log"
mkdir "$folder/program"
cp "$source/tests/install/CMakeLists.txt" "$folder/program/"
cp "$source/runtime/api/examples/squares.cc" "$folder/program/"
cmake -S "$folder/program" -B "$folder/build" -G Ninja -DCMAKE_PREFIX_PATH="$folder/prefix" -DSQUARES=squares.cc >>"$folder/log" ||
  { cat "$folder/log"; exit 1; }
cmake --build "$folder/build" >>"$folder/log" || { cat "$folder/log"; exit 1; }
printed=$(PATH="$folder/prefix/bin:$PATH" "$folder/build/squares")
[[ $printed == "[0, 1, 4, 9]" ]] || { echo "the program printed '$printed'"; exit 1; }
"$folder/prefix/bin/orrery" sim run "$source/scenarios/smoke/hello.yaml" --format json | grep -q '"digest"'
