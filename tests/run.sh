#!/usr/bin/env bash
# Set up, build and test, in single and in double precision. The last line is "N passed, N failed, N skipped".
#
#   tests/run.sh [float|double ...]      default: float double
#
# The first build runs all of `make check`, the others what depends on the precision: all programs and the restarts.
# Works from any folder and from a clean clone; a second call rebuilds nothing. Exit code 0: nothing failed. With WF_TEST_SLURM set,
# the first build also runs jobs under a real Slurm on this machine; WF_TEST_SLURM=install installs that (Debian, as root).
set -uo pipefail
# shellcheck source=jobs/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/../jobs/setup.sh"
root=$(wf_path_without_blanks "$(wf_root_folder)") || exit 1
[ $# -gt 0 ] || set -- float double
wf_setup_packages || exit 2
wf_setup_mpi || exit 2

folder_of() { if [ "$1" = float ]; then echo build; else echo "build-$1"; fi; }

# Values of :test-result: in the .trs files of the folders, one a line.
results_of() {
  local folder
  for folder in "$@"; do sed -s -n 's/^:test-result: *\([A-Z]*\).*/\1/p' "$folder"/tests/*.trs 2>/dev/null; done
}

broken=0
folders=()
for real in "$@"; do
  folder=$root/$(folder_of "$real")
  folders+=("$folder")
  rm -f "$folder"/tests/*.trs # of tests that are no more
  if ! (wf_build "$root" "$(folder_of "$real")" "--with-real=$real" && make -s -j "$(wf_cores)" check TESTS= >make-check.log 2>&1 ||
    { tail -n 50 make-check.log 2>/dev/null; false; }); then
    echo "tests/run.sh: the $real build failed"
    broken=$((broken + 1))
    continue
  fi
  wf_say "tests, $real"
  # Tests start several ranks each: one test at a time, or timings and time limits would mean nothing.
  target=check
  [ "${#folders[@]}" -eq 1 ] || target=check-precision
  (cd "$folder" && make -s -j 1 "$target" 2>&1) | grep -v -e '^make' -e '^  CC'
  if [ "${PIPESTATUS[0]}" -ne 0 ] && ! results_of "$folder" | grep -q -e FAIL -e ERROR; then
    echo "tests/run.sh: make check broke off in $folder"
    broken=$((broken + 1))
  fi
  if [ -n "${WF_TEST_SLURM:-}" ] && [ "${#folders[@]}" -eq 1 ]; then
    (cd "$folder" && make -s check TESTS=tests/t830_slurm.sh 2>&1) | grep -e '^[A-Z]*: tests'
  fi
  for trs in "$folder"/tests/*.trs; do
    [ -f "$trs" ] || continue
    if grep -q -e '^:test-result: *FAIL' -e '^:test-result: *ERROR' -e '^:test-result: *XPASS' "$trs"; then
      echo "--- ${trs%.trs}.log"
      tail -n 200 "${trs%.trs}.log"
    fi
  done
done

results=$(results_of "${folders[@]}")
count() { printf '%s\n' "$results" | grep -c -E "^($1)\$"; }
passed=$(count 'PASS|XFAIL')
failed=$(($(count 'FAIL|XPASS|ERROR') + broken))
skipped=$(count SKIP)
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
