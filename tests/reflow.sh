#!/usr/bin/env bash
# Rewrap the statements and comments of C files that hold a line of more than 132 characters; the rest is left as it is.
#
#   tests/reflow.sh [FILE...]      default: all of include, src and tests. Needs clang-format (14 or newer).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ $# -gt 0 ] || mapfile -t files < <(find include src tests -name '*.[ch]' | sort)
[ $# -eq 0 ] || files=("$@")
style='{BasedOnStyle: InheritParentConfig, AlignConsecutiveAssignments: None, AlignConsecutiveDeclarations: None}'
for file in "${files[@]}"; do
  mapfile -t lines < <(LC_ALL=C.UTF-8 grep -n -E '^.{133}' "$file" | sed 's/^\([0-9]*\):.*/--lines=\1:\1/')
  [ ${#lines[@]} -eq 0 ] || { clang-format -i --style="$style" "${lines[@]}" "$file" && echo "$file: ${#lines[@]}"; }
done
