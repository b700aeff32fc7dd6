#!/bin/sh
# Run one test program as its source says, on each rank count, and compare what it prints.
#
#   tests/driver.sh PROGRAM        called by `make check` (LOG_COMPILER); a script test.sh is given the environment and run once
#
# The source (tests/<name>.c) holds lines  /* RUN: np=1,2,3 args=-x 4 */  ; without one the program runs once, without mpiexec.
# Text on standard output must be the same at every rank count. Exit 77 = skipped (it says why), 99 = broken set-up.
program=$1
name=$(basename "$program")
source=${srcdir:-.}/tests/$name.c
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_hwloc_base_binding_policy=none OPENBLAS_NUM_THREADS=1
export PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
# A sanitizer build would blame leaks on MPI, which keeps memory to the end.
export ASAN_OPTIONS="detect_leaks=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
export WF_TEST_DATA="${WF_TEST_DATA:-${abs_top_srcdir:-$(cd "${srcdir:-.}" && pwd)}/../shared/data}"
case $program in
  *.sh) exec "${BASH:-bash}" "$program" ;;
esac
runs=$(sed -n 's|^/\* RUN: *\(.*[^ ]\) *\*/.*|\1|p' "$source" 2>/dev/null)
if [ -z "$runs" ]; then
  "$program"
  exit $?
fi
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
echo "$runs" | {
  number=0
  while read -r run; do
    number=$((number + 1))
    counts=$(echo "$run" | sed -n 's/.*np=\([0-9,]*\).*/\1/p' | tr , ' ')
    args=$(echo "$run" | sed -n 's/.*args=\(.*\)$/\1/p')
    first=
    for np in ${counts:-1}; do
      # shellcheck disable=SC2086
      ${WF_MPIEXEC:-mpiexec} -n "$np" "$program" $args >"$scratch/$number.$np" </dev/null
      code=$?
      sed "s/^/[np=$np] /" "$scratch/$number.$np"
      [ $code -eq 0 ] || { echo "$name: np=$np args=$args: exit code $code"; exit $code; }
      if [ -z "$first" ]; then first=$np
      elif ! cmp -s "$scratch/$number.$first" "$scratch/$number.$np"; then
        echo "$name: output differs between np=$first and np=$np:"
        diff "$scratch/$number.$first" "$scratch/$number.$np"
        exit 1
      fi
    done
  done
}
