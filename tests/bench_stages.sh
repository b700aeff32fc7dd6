#!/usr/bin/env bash
# Strong and weak scaling of every stage over ranks: seconds, parallel efficiency for the cores that are there, and the phases that
# the time goes to (from <stage>/timers.txt; -log_view shows the same phases as events of PETSc's log).
#
#   tests/bench_stages.sh [RANKS...]        default: 1, 2, 4 ... to the number of cores; called by `make bench`
#
# Strong: the same work on more ranks. Weak: as many times the work as there are ranks. Efficiency is t(1) / t(n) / cores, or
# t(1) / t(n) * ranks / cores, with cores = the smaller of the ranks and the machine's cores.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=${abs_top_builddir:-$here/build}/weightflow
[ -x "$program" ] || { echo "$program is not built"; exit 99; }
cores=$(env -u OMP_NUM_THREADS nproc)
if [ $# -eq 0 ]; then for ((n = 1; n <= cores; n *= 2)); do set -- "$@" "$n"; done; fi
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
stages="pretrain train predict evaluate"
common=("$here/inputs/epidemic.yaml" -train_optimiser adamw -report_figures false)

run() { # FOLDER RANKS OPTION...
  ${WF_MPIEXEC:-mpiexec} -n "$2" "$program" run "${common[@]}" "${@:3}" -out "$1" >"$1.txt" 2>&1 || { tail "$1.txt"; exit 1; }
}
seconds() { awk -F '\t' '$1 == "total" { print $4 }' "$1/$2/timers.txt"; } # FOLDER STAGE
phases() { # FOLDER STAGE
  awk -F '\t' '!/^#/ && $1 != "phase" && $1 != "total" { printf "%.4f\t%s\n", $3, $1 }' "$1/$2/timers.txt" | sort -rn | head -n 3 |
    awk -F '\t' '{ printf "%s%s %.2f s", (NR > 1 ? ", " : ""), $2, $1 }'
}
row() { # KIND STAGE RANKS FOLDER REFERENCE WORK
  awk -v kind="$1" -v stage="$2" -v n="$3" -v t="$(seconds "$4" "$2")" -v one="$(seconds "$5" "$2")" -v work="$6" -v c="$cores" \
    -v phases="$(phases "$4" "$2")" 'BEGIN { if (c > n) c = n
      printf "%-7s %-9s %5d %9.2f %8.2f %10.2f   %s\n", kind, stage, n, t, one * work / t, one * work / t / c, phases }'
}

echo "cores: $cores"
echo "kind    stage     ranks   seconds speed-up efficiency   largest phases (mean over ranks)"
first=$1
for n in "$@"; do run "$scratch/strong_$n" "$n" -train_iterations 100 -predict_samples 20000; done
for stage in $stages; do
  for n in "$@"; do row strong "$stage" "$n" "$scratch/strong_$n" "$scratch/strong_$first" 1; done
done
for n in "$@"; do run "$scratch/weak_$n" "$n" -train_iterations 1 -predict_samples $((20000 * n)); done
for n in "$@"; do row weak predict "$n" "$scratch/weak_$n" "$scratch/weak_$first" "$n"; done
many() { # FOLDER RANKS TRAJECTORIES
  ${WF_MPIEXEC:-mpiexec} -n "$2" "$program" simulate -simulate_trajectories "$3" -simulate_store none -out "$1" >"$1.txt" 2>&1 ||
    { tail "$1.txt"; exit 1; }
}
for n in "$@"; do many "$scratch/fixed_$n" "$n" 400000; done
for n in "$@"; do row strong simulate "$n" "$scratch/fixed_$n" "$scratch/fixed_$first" 1; done
for n in "$@"; do many "$scratch/many_$n" "$n" $((400000 * n)); done
for n in "$@"; do row weak simulate "$n" "$scratch/many_$n" "$scratch/many_$first" "$n"; done
