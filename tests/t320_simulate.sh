#!/bin/sh
# The stage simulate: one digest on any number of ranks; stopped and gone on with on other ranks it ends in the same file.
program=${abs_top_builddir:?}/weightflow
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_hwloc_base_binding_policy=none OPENBLAS_NUM_THREADS=1
mpiexec=${WF_MPIEXEC:-mpiexec}
[ -x "$program" ] || { echo "$program is not built"; exit 99; }
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 99
failures=0

# simulate CODE RANKS FOLDER OPTION...: run the stage and check its exit code; $digest = its digest, if it completed.
simulate() {
  code=$1 ranks=$2 out=$3
  shift 3
  $mpiexec -n "$ranks" "$program" simulate -out "$out" "$@" >out.txt 2>&1 </dev/null
  got=$?
  [ $got -eq "$code" ] || { echo "FAILED: exit code $got, not $code: $ranks ranks, $*"; cat out.txt; failures=$((failures + 1)); }
  digest=$(sed -n 's/^simulate: done .*digest \([0-9a-f]*\)$/\1/p' out.txt)
}

# expect_digest DIGEST WHAT: the last run completed with this digest.
expect_digest() {
  if [ -z "$digest" ] || [ "$digest" != "$1" ]; then
    echo "FAILED: $2: digest '$digest', not '$1'"
    failures=$((failures + 1))
  fi
}

simulate 0 1 epidemic_1 -simulate_trajectories 500
first=$digest
for ranks in 2 3; do
  simulate 0 "$ranks" "epidemic_$ranks" -simulate_trajectories 500
  expect_digest "$first" "epidemic on $ranks ranks"
done
simulate 0 2 other_seed -simulate_trajectories 500 -seed 2
[ "$digest" != "$first" ] || { echo "FAILED: the seed makes no difference"; failures=$((failures + 1)); }

# long enough that a rank cannot be done in its first round
set -- -simulate_system signalling_cascade_1 -simulate_t_end 40 -simulate_trajectories 8000
simulate 0 2 whole "$@"
first=$digest
simulate 3 1 parts "$@" -run_stop_minutes 1e-6
simulate 0 2 parts "$@" -run_stop_minutes 0
expect_digest "$first" "stopped on 1 rank, gone on with on 2"

[ $failures -eq 0 ] || exit 1
echo "simulate: same digest on 1, 2 and 3 ranks, and after a stop"
