#!/usr/bin/env bash
# `weightflow sweep`: each run of a sweep has the digests of the same run alone, on any number of ranks and teams, after kill -9,
# stop file, signal and time limit; a run that fails spoils no other; mistakes are told before anything is written.
# shellcheck source=tests/restart_tools.sh
. "${abs_top_srcdir:?}/tests/restart_tools.sh"

tiny=("${small[@]}" -simulate_trajectories 20 -data_observed 0:100:50 -data_evaluated 10:100:30 -pretrain_epochs_first 2
  -pretrain_epochs 1 -train_iterations 3 -train_waypoints 2 -train_optimiser tao -train_path_steps 5 -predict_steps_per_interval 1
  -predict_samples 5 -evaluate_samples 10 -evaluate_repeats 1 -evaluate_joint_samples 5 -checkpoint_minutes 5)
# The quasi-Newton memory goes through an option of PETSc, which one run must not leave to the next.
printf '# two rows\ntrain.memory\tpretrain_hidden\n1 4\n\n5\t3\n' >rows.tsv
memory=(1 5)
hidden=(4 3)
plan=(-sweep_seeds 6-7 -sweep_options rows.tsv)
names=(row_000_seed_00006 row_000_seed_00007 row_001_seed_00006 row_001_seed_00007)

for i in 0 1 2 3; do
  run 0 1 "alone_$i" run "${tiny[@]}" -seed $((6 + i % 2)) -train_memory "${memory[i / 2]}" \
    -pretrain_hidden "${hidden[i / 2]}"
  digests "alone_$i" >"alone_$i.digests"
done
check "other rows and seeds are other runs" [ "$(sort -u alone_?.digests | grep -c 'metrics')" -eq 4 ]

# expect_sweep FOLDER WHAT: complete, all runs as when run alone.
expect_sweep() {
  local i
  for i in 0 1 2 3; do
    digests "$1/${names[i]}" >digests.now
    check "$2: ${names[i]} has other digests than alone" cmp -s "alone_$i.digests" digests.now
  done
  check "$2: sweep.tsv" [ "$(grep -c -P '^row_.*\tcomplete\t0\t' "$1/sweep.tsv")" -eq 4 ]
  check "$2: sorted" [ "$(grep ^row_ "$1/sweep.tsv" | cut -f 1 | tr '\n' ' ')" = "${names[*]} " ]
  check "$2: its columns" said "$1/sweep.tsv" $'folder\tseed\ttrain.memory\tpretrain.hidden\tstate\texit_code\tseconds'
  check "$2: no stop file" [ ! -e "$1/stop" ]
}
count_rows() { # FOLDER
  local n
  n=$(grep -s -c ^row_ "$1/sweep.tsv")
  echo "${n:-0}"
}
# await_rows FOLDER N: until the table has N rows, the job has ended or a minute is over.
await_rows() {
  local tries=0
  while [ "$(count_rows "$1")" -lt "$2" ] && kill -0 "$job" 2>/dev/null && [ $tries -lt 3000 ]; do
    sleep 0.02
    tries=$((tries + 1))
  done
}
note_runs() { (cd "$1" && find . -name '*.h5' -not -path '*/ckpt/*' -printf '%P %i %T@\n' | sort); }

# --- any number of ranks and teams ---
for shape in "1 1" "2 2" "4 2"; do
  read -r ranks teams <<<"$shape"
  run 0 "$ranks" "shape_${ranks}_$teams" sweep "${tiny[@]}" "${plan[@]}" -run_teams "$teams"
  expect_sweep "shape_${ranks}_$teams" "$ranks ranks, $teams teams"
done
check "said" said shape_2_2.txt "sweep: 4 of 4 runs are complete, 0 failed, 0 to go: shape_2_2/sweep.tsv"
note_runs shape_2_2 >before
run 0 2 shape_2_2 sweep "${tiny[@]}" "${plan[@]}" -run_teams 2
note_runs shape_2_2 >after
check "what is complete is not made again" cmp -s before after
run 0 1 shape_2_2/"${names[1]}" run "${tiny[@]}" -seed 7 -train_memory 1
note_runs shape_2_2 >after
check "a run of a sweep can be looked at alone" cmp -s before after
"$program" status shape_2_2/row_*/ >status.txt 2>&1
check "status" [ "$(grep -c complete status.txt)" -eq 4 ]
"$program" collect shape_2_2/row_*/ -collect_swept pretrain.hidden,train.memory -out collected.tsv >collect.txt 2>&1
check "collect: $(head -n 1 collect.txt)" said collect.txt "4 runs, 0 left out"

# --- killed ---
launch 2 killed sweep "${tiny[@]}" "${plan[@]}" -run_teams 2
await_rows killed 1
kill_tree "$job"
job=
note_runs killed >before
check "killed in the middle" [ "$(find killed -name report.h5 | wc -l)" -lt 4 ]
run 0 1 killed sweep "${tiny[@]}" "${plan[@]}"
note_runs killed >after
check "killed: nothing is made twice" [ "$(comm -23 before after | wc -l)" -eq 0 ]
expect_sweep killed "killed"

# --- stopped, by each of the ways, one after the other ---
launch 2 stopped sweep "${tiny[@]}" "${plan[@]}" -run_teams 2
await_rows stopped 1
touch stopped/stop
finish
check "stop file: exit code $code" [ "$code" -eq 3 ]
check "stop file: taken away" [ ! -e stopped/stop ]
check "stop file: runs are left" [ "$(grep -c -P '\t(stopped|waiting)\t' stopped/sweep.tsv)" -ge 1 ]
check "stop file: all runs are listed" [ "$(grep -c ^row_ stopped/sweep.tsv)" -eq 4 ]
rm -rf stopped # its table has rows
launch 3 stopped sweep "${tiny[@]}" "${plan[@]}" -run_teams 3
await_rows stopped 1
kill -USR1 "$(list_ranks | tail -n 1)"
finish
check "USR1 to one rank stops all teams: exit code $code" [ "$code" -eq 3 ]
run 3 2 stopped sweep "${tiny[@]}" "${plan[@]}" -run_teams 2 -stop_minutes 1e-6
check "no time: all is still to be done" said stopped.txt "when it is started again"
run 0 2 stopped sweep "${tiny[@]}" "${plan[@]}" -run_teams 2
expect_sweep stopped "stopped three times"

# --- a run that fails ---
printf 'pretrain.levels\n2\n0\n' >levels.tsv
run 2 2 failing sweep "${tiny[@]}" -sweep_options levels.tsv -run_teams 2
check "failed: $(grep ^row_000 failing/sweep.tsv)" \
  [ "$(grep -c -P '^row_000_seed_00001\t1\t2\tfailed\t2\t' failing/sweep.tsv)" -eq 1 ]
check "the other goes on" [ "$(grep -c -P '^row_001_seed_00001\t1\t0\tcomplete\t0\t' failing/sweep.tsv)" -eq 1 ]
check "it says where to look" said failing.txt "row_000_seed_00001: failed after"

# --- mistakes, all at once ---
printf 'train.memory pretrain_hiden run.seed\n1 2 3\n' >names.tsv
printf 'train.memory data.observed\n1 0:100:50\n0 0:900:50\n1 0:900:50\n4\n' >values.tsv
run 2 1 bad sweep "${tiny[@]}" -sweep_seeds 3-1 -sweep_options names.tsv -run_teams 2
check "seeds" said bad.txt "command line: sweep.seeds = 3-1: a range ends below its start"
check "name" said bad.txt "names.tsv:1: pretrain_hiden: no parameter that can be swept, did you mean pretrain.hidden?"
check "seed as a column" said bad.txt "names.tsv:1: run.seed: seeds are swept by -sweep_seeds"
check "teams" said bad.txt "command line: run.teams = 2: there is 1 rank"
run 2 2 bad sweep "${tiny[@]}" -sweep_options values.tsv
check "value" said bad.txt "values.tsv:3: train.memory = 0: must be at least 1"
check "row as a whole" said bad.txt "values.tsv:4: so say the values of this row"
check "too few" said bad.txt "values.tsv:5: 1 values for 2 names"
run 2 1 bad sweep "${tiny[@]}" -sweep_options nothing.tsv
check "no table" said bad.txt "nothing.tsv: No such file or directory"
run 2 2 bad run "${tiny[@]}" -run_teams 2
check "teams without a sweep" said bad.txt "command line: -teams: \`run\` has one run"
run 0 1 bad sweep "${tiny[@]}" "${plan[@]}" -dry_run
check "nothing was written" [ ! -e bad ]

report_checks
