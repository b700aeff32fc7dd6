#!/usr/bin/env bash
# Every bad input that a user is likely to bring: one line that says what is wrong, the exit code, the same on two ranks, no
# traceback, no product, nobody left waiting.
# shellcheck disable=SC2016 # backquotes in messages are no commands
# shellcheck source=tests/restart_tools.sh
. "${abs_top_srcdir:?}/tests/restart_tools.sh"

# expect CODE RANKS TEXT COMMAND OPTION...: exit code, a line with TEXT, no traceback; nothing written but log and parameters.
expect() {
  local want=$1 ranks=$2 text=$3 before after
  shift 3
  before=$(list_files)
  local start=("$mpiexec" -n "$ranks")
  [ "$ranks" -gt 1 ] || start=()
  timeout 60 "${start[@]}" "$program" "$@" >said.txt 2>&1 </dev/null
  code=$?
  checks=$((checks + 4))
  [ $code -eq "$want" ] || { fail "exit code $code, not $want: $*"; head -n 20 said.txt; }
  grep -qF -e "$text" said.txt || { fail "no line with '$text': $*"; head -n 20 said.txt; }
  ! grep -qE 'PETSC ERROR|MPI_ABORT|Segmentation' said.txt || { fail "a traceback: $*"; head -n 20 said.txt; }
  after=$(list_files)
  [ "$before" = "$after" ] || fail "files were written: $*: $(diff <(echo "$before") <(echo "$after") | tail -n +2)"
}
list_files() {
  find . -type f -not -name run.log -not -name status.txt -not -name used_parameters.yaml -not -name said.txt \
    -printf '%P %s %T@\n' | sort
}
refuse() { expect 2 "$((1 + checks / 4 % 2))" "$@"; } # in turn on one rank and on two

# NumPy's format 1.0. npy SHAPE TYPE NUMBER...: little-endian int32 (<i4); with <f8 eight escaped bytes a number.
npy() {
  local number
  printf '\223NUMPY\001\000v\000'
  printf '%-117s\n' "{'descr': '$2', 'fortran_order': False, 'shape': $1, }"
  for number in "${@:3}"; do
    if [ "$2" = '<i4' ]; then
      printf '%b' "$(printf '\\x%02x' $((number & 255)) $((number >> 8 & 255)) $((number >> 16 & 255)) $((number >> 24 & 255)))"
    else
      printf '%b' "$number"
    fi
  done
}
numbers=$(seq 1 16)
one='\x00\x00\x00\x00\x00\x00\xf0\x3f' half='\x00\x00\x00\x00\x00\x00\xe0\x3f' nan='\x00\x00\x00\x00\x00\x00\xf8\x7f'
# shellcheck disable=SC2086
{
  npy '(4, 2, 2)' '<i4' $numbers >good.npy
  npy '(8, 2)' '<i4' $numbers >flat.npy
  npy '(4, 2, 2)' '<i4' 1 2 3 4 5 6 -7 $(seq 8 16) >negative.npy
  npy '(4, 2, 2)' '<f8' $one $one $one $nan $one $one $one $one $half $one $one $one $one $one $one $one >fraction.npy
  npy '(16, 1, 1)' '<i4' $numbers >one_time.npy
  npy '(1, 8, 2)' '<i4' $numbers >one_trajectory.npy
  npy '(2, 4)' '<i4' 1 2 3 4 5 6 7 8 >states_4.npy
  npy '(1, 3)' '<i4' 50 10 -1 >states_negative.npy
}
head -c 160 good.npy >cut.npy
echo 'not numbers at all' >text.npy
echo '1 2 3' >three_times.txt
echo '1 1' >level_times.txt
printf 'simulate:\n  trajectories: 10\n  trajektories: 10\n' >unknown.yaml
printf 'train:\n  iterations: many\n  equation: sde\nsimulate:\n  trajectories: -4\n' >several.yaml
printf 'train: [1, 2\n' >broken.yaml

# --- imported files ---
data=(run -data_observed 0:1 -data_evaluated 1 -out run_in -data_file)
refuse 'nothing.npy: no such file' "${data[@]}" nothing.npy
refuse 'text.npy: is neither .npy nor HDF5' "${data[@]}" text.npy
refuse 'flat.npy: has 2 axes, wanted are 3: trajectory, time, species' "${data[@]}" flat.npy
refuse 'negative.npy: numbers that are negative: 1; the first is trajectory 1, time 1, species 0 (x1), counted from 0: -7' \
  "${data[@]}" negative.npy
refuse 'fraction.npy: numbers that are not finite: 1; the first is trajectory 0, time 1, species 1 (x2), counted from 0: nan' \
  "${data[@]}" fraction.npy
check 'several faults in one file are all told' said said.txt \
  'fraction.npy: numbers that are not whole: 1; the first is trajectory 2, time 0, species 0 (x1), counted from 0: 0.5'
refuse 'one_time.npy: 1 snapshots: a dynamics needs at least 2' "${data[@]}" one_time.npy
refuse 'one_trajectory.npy: 1 trajectories: a distribution needs at least 2' "${data[@]}" one_trajectory.npy
refuse 'cut.npy: truncated: ' "${data[@]}" cut.npy
refuse 'data.times: three_times.txt: holds 3 times, the ensemble has 2' "${data[@]}" good.npy -data_times three_times.txt
refuse 'data.times: times must increase: time 1 is 1, after 1' "${data[@]}" good.npy -data_times level_times.txt
refuse 'data.observed = 0,5: index 5 does not exist: there are 2, counted from 0' "${data[@]}" good.npy -data_observed 0,5
refuse 'data.evaluated = 7: index 7 does not exist: there are 2, counted from 0' "${data[@]}" good.npy -data_evaluated 7
refuse 'data.holdout = 0.9: of 4 trajectories none is left to train on' "${data[@]}" good.npy -data_holdout 0.9
rm -rf run_in

# --- a finished run, and files that are not what they should be ---
run 0 2 made run "${small[@]}" -train_iterations 1 -pretrain_epochs_first 1 -pretrain_epochs 1 -pretrain_aligning none
head -c 3000 made/simulate/ensemble.h5 >cut.h5
refuse 'cut.h5: truncated HDF5 file' "${data[@]}" cut.h5
refuse 'made/pretrain/anchors.h5: is of kind anchors, wanted is ensemble' "${data[@]}" made/pretrain/anchors.h5
if command -v h5copy >/dev/null && h5copy -i made/simulate/ensemble.h5 -s /times -o foreign.h5 -d /times; then
  refuse 'foreign.h5: lacks /counts [trajectory, time, species]' "${data[@]}" foreign.h5
fi
predict=(predict -out made)
refuse 'predict.times = 3,2: times must increase' "${predict[@]}" -predict_times 3,2
refuse 'predict.times = -1,5: times must lie between 0 and simulate.t_end = 50' "${predict[@]}" -predict_times -1,5
refuse 'predict.times = 0:x: ' "${predict[@]}" -predict_times 0:x
refuse 'predict.states = states_4.npy: shape [2, 4] instead of [n, 3], one row a state' "${predict[@]}" -predict_states states_4.npy
refuse 'predict.states = states_negative.npy: state 0, species 2: -1 is not a count' "${predict[@]}" \
  -predict_states states_negative.npy
refuse 'predict.states = good.npy: 3 axes instead of 2' "${predict[@]}" -predict_states good.npy
refuse 'predict.states = nothing.npy: ' "${predict[@]}" -predict_states nothing.npy
refuse 'data.file = nothing.npy: `import` reads it' simulate "$inputs/epidemic_smoke.yaml" -data_file nothing.npy -out simulated
mkdir half
cp -r made/simulate made/pretrain made/used_parameters.yaml half
refuse 'predict: half/train/flow.h5 is missing: run the stage `train` first' predict -out half
refuse 'train: empty/pretrain/anchors.h5 is missing: run the stage `pretrain` first' train -out empty
flip half/pretrain/anchors.h5 $(($(stat -c %s half/pretrain/anchors.h5) / 2))
expect 4 2 'train: half/pretrain/anchors.h5: damaged (' train -out half
check 'and what to do' said said.txt 'run the stage `pretrain` again'
expect 4 1 'half/pretrain/anchors.h5: damaged (' digest half/pretrain/anchors.h5
expect 2 1 'nothing.h5: cannot be read: No such file' digest nothing.h5
rm -rf run_in empty half

# --- parameters and options: nothing is done, not even a folder made ---
refuse 'several.yaml:2: train.iterations = many: must be a whole number' run several.yaml -out run_in
check 'mistake 2' said said.txt 'several.yaml:3: train.equation = sde: '
check 'mistake 3' said said.txt 'several.yaml:5: simulate.trajectories = -4: '
check 'their number' said said.txt 'weightflow: 3 mistakes, nothing was done'
refuse 'unknown.yaml:3: simulate.trajektories: unknown' run unknown.yaml -out run_in
refuse 'broken.yaml:' run broken.yaml -out run_in
refuse 'missing.yaml: cannot be read: No such file' run missing.yaml -out run_in
refuse 'command line: -train_itertions: unknown option, did you mean -train_iterations?' run -train_itertions 5 -out run_in
refuse 'data.observed = 0:200:10: index 200 does not exist: there are 101, counted from 0' run -data_observed 0:200:10 -out run_in
refuse 'data.observed = 7: name at least two snapshots' run -data_observed 7 -out run_in
refuse 'data.evaluated = 1,101: index 101 does not exist' run -data_evaluated 1,101 -out run_in
refuse 'command line: -data_holdout 0.95: must be at most 0.9' run -data_holdout 0.95 -out run_in
refuse 'data.holdout = 0.9: of 2 trajectories none is left to train on' run -data_holdout 0.9 -simulate_trajectories 2 -out run_in
refuse '-wf_ts_type beuler: only rk (explicit Runge-Kutta) is supported' run -wf_ts_type beuler -out run_in
refuse '-wf_ts_rk_type 5dp: a scheme with a zero weight has no right discrete adjoint here' run -wf_ts_rk_type 5dp -out run_in
refuse '-wf_ts_rk_type 9: unknown scheme: use 4, 38, 3, 3bs, 2a or 1fe' run -wf_ts_rk_type 9 -out run_in
refuse '-wf_ts_adapt_type cfl: use none, basic or dsp' run -wf_ts_adapt_type cfl -out run_in
refuse '-wf_ts_...: PETSc does not accept the value of one of these options' run -wf_ts_rtol small -out run_in
refuse '-wf_tao_type nls: use lmvm, blmvm, bqnls, cg or bncg' run -wf_tao_type nls -out run_in
refuse '-wf_tao_...: PETSc does not accept the value of one of these options' train -wf_tao_ls_type steep -out run_in
check 'no folder was made' [ ! -e run_in ]

# --- a folder that cannot be written; root may write anywhere but here ---
refuse '/proc/1/x: cannot write there: ' run "${small[@]}" -out /proc/1/x
refuse 'good.npy/x: cannot write there: Not a directory' run "${small[@]}" -out good.npy/x
refuse 'good.npy: cannot write there: Not a directory' run "${small[@]}" -out good.npy

report_checks
