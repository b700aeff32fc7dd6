#!/usr/bin/env bash
# `weightflow collect`: its numbers against awk's, grouping by what was swept, and everything that must not be thrown together.
# shellcheck source=tests/restart_tools.sh
. "${abs_top_srcdir:?}/tests/restart_tools.sh"

tiny=("${small[@]}" -simulate_trajectories 20 -data_observed 0:100:50 -data_evaluated 10:100:30 -pretrain_epochs_first 2
  -pretrain_epochs 1 -train_iterations 1 -train_waypoints 2 -train_path_steps 5 -predict_steps_per_interval 1 -predict_samples 5
  -evaluate_samples 10 -evaluate_repeats 1 -evaluate_joint_samples 5 -checkpoint_minutes 5)

# collect CODE OUT WORD...: in out.txt what it says
collect() {
  local want=$1 out=$2
  shift 2
  "$program" collect "$@" -out "$out" >out.txt 2>&1
  code=$?
  checks=$((checks + 1))
  [ $code -eq "$want" ] || { fail "exit code $code, not $want: collect $*"; cat out.txt; }
}

for seed in 1 2 3; do run 0 1 seed_$seed run "${tiny[@]}" -seed $seed; done
run 0 1 other run "${tiny[@]}" -seed 1 -train_iterations 2
run 0 1 unfinished simulate "${tiny[@]}" -seed 4
run 3 1 stopped run "${tiny[@]}" -seed 5 -stop_minutes 1e-9

# --- the numbers, against a sum in awk ---
collect 0 all.tsv seed_1 seed_2 unfinished seed_3 stopped
check "left out, said" [ "$(grep -c -E '^left out: (unfinished is not evaluated|stopped was stopped)$' out.txt)" -eq 2 ]
check "left out, written" [ "$(grep -c -E '^# left out: ' all.tsv)" -eq 2 ]
check "counted" said out.txt "3 runs, 2 left out: all.tsv and all.h5"
check "header" said all.tsv $'method\tmetric\tfrom_time\tto_time\tmean\tsd\tmin\tmax\tn'
awk -F '\t' '
  function abs(x) { return x < 0 ? -x : x }
  FNR == NR { if (/^[a-z]/ && $1 != "method") { rows++; mean[$1, $2, $3, $4] = $5; sd[$1, $2, $3, $4] = $6; low[$1, $2, $3, $4] = $7
                high[$1, $2, $3, $4] = $8; n[$1, $2, $3, $4] = $9 }; next }
  /^#/ { next }
  { key = $1 SUBSEP $2 SUBSEP $3 SUBSEP $4; m[key]++; s[key] += $5; q[key] += $5 * $5
    if (m[key] == 1 || $5 < a[key]) a[key] = $5
    if (m[key] == 1 || $5 > b[key]) b[key] = $5 }
  END {
    for (key in m) {
      keys++; average = s[key] / m[key]; spread = m[key] > 1 ? sqrt(abs(q[key] - m[key] * average * average) / (m[key] - 1)) : 0
      size = 1e-7 * (1 + abs(average))
      if (n[key] != m[key] || abs(mean[key] - average) > size || abs(low[key] - a[key]) > size || abs(high[key] - b[key]) > size ||
          (m[key] > 1 && abs(sd[key] - spread) > 1e-5 * spread + 1e-4 * size + 3e-4 * sqrt(size))) { print "differs: " key; bad++ }
    }
    print rows " rows, " keys " of them checked"; exit bad > 0 || rows != keys || rows < 30 }' \
  all.tsv seed_1/evaluate/metrics.tsv seed_2/evaluate/metrics.tsv seed_3/evaluate/metrics.tsv >awk.txt
code=$?
check "the numbers: $(tail -n 3 awk.txt)" [ $code -eq 0 ]
check "collect.h5 is whole" "$program" digest all.h5 >/dev/null
collect 0 again.tsv seed_1 seed_2 unfinished seed_3 stopped
check "the same again" [ "$("$program" digest all.h5 | cut -c 1-32)" = "$("$program" digest again.h5 | cut -c 1-32)" ]
"$mpiexec" -n 2 "$program" collect seed_1 seed_2 unfinished seed_3 stopped -out two.tsv >/dev/null 2>&1
check "the same on two ranks" cmp -s all.tsv two.tsv

# --- what must not be thrown together: all of it is told ---
cp -r seed_3 changed
flip changed/evaluate/metrics.h5 $(($(stat -c %s changed/evaluate/metrics.h5) / 2))
cp -r seed_3 renewed
cp seed_2/predict/prediction.h5 renewed/predict/prediction.h5
cp -r seed_3 twice
mkdir nothing
collect 2 bad.tsv seed_1 seed_3 other changed renewed twice nothing
check "parameters" said out.txt "other: train.iterations = 2: seed_1 has 1: collect them apart, or -collect_swept train.iterations"
check "damage" said out.txt "changed: changed/evaluate/metrics.h5: "
check "files" said out.txt "renewed: predict/prediction.h5 has changed since its scores were made: evaluate it again"
check "the same seed twice" said out.txt "twice: run.seed = 3: seed_3 has the same seed"
check "no run" said out.txt "nothing: no run: it has no used_parameters.yaml"
check "all at once" said out.txt "weightflow: 5 mistakes, nothing was done"
check "nothing written" [ ! -e bad.tsv ] && [ ! -e bad.h5 ]
collect 2 bad.tsv unfinished
check "none is complete" said out.txt "none of the 1 runs is complete"
collect 2 bad.csv seed_1 -collect_swept train.iteration,run.seed
check "name of the table" said out.txt "its name must end in .tsv"
check "no parameter to sweep" [ "$(grep -c 'no parameter that could be swept' out.txt)" -eq 2 ]
"$program" collect seed_1 >out.txt 2>&1
check "no -out" said out.txt "collect: name the table with -out FILE.tsv"

# --- swept, or forced ---
collect 0 swept.tsv seed_1 other seed_2 seed_3 -collect_swept train.iterations
check "a column for what was swept" said swept.tsv $'train.iterations\tmethod\tmetric'
check "two groups" [ "$(grep -c -P '^[12]\thypernetwork\tW1\t' swept.tsv)" -ge 2 ]
check "of three and of one" [ "$(grep -P '\thypernetwork\tW1\t' swept.tsv | cut -f 1,10 | sort -u | tr '\n\t' ' :')" = "1:3 2:1 " ]
collect 0 forced.tsv seed_1 other seed_2 seed_3 -collect_force
check "four in one group" [ "$(grep -P '^hypernetwork\tW1\t' forced.tsv | cut -f 9 | sort -u)" = 4 ]

report_checks
