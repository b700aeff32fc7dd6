#!/usr/bin/env bash
# Each stage that has checkpoints, stopped in each way, gone on with on fewer, as many and more ranks: always the same digest, and
# nothing that was finished is done again. Ways: the stop file, signals, all ranks or one killed, and killed with the newest
# checkpoint cut off or one of its bits turned, so that the one before, or none, is used. A full disk is t820's.
# shellcheck source=tests/restart_tools.sh
. "${abs_top_srcdir:?}/tests/restart_tools.sh"

# A run in which every stage takes a while.
long=("$inputs/epidemic_smoke.yaml" -simulate_system signalling_cascade_1 -simulate_t_end 10 -simulate_trajectories 4000
  -simulate_samples 21 -train_waypoints 20
  -data_observed 0:20:5 -data_evaluated 1:20:1 -pretrain_hidden 4 -pretrain_epochs_first 4 -pretrain_epochs 2 -train_iterations 60
  -train_steps_per_interval 1 -train_dropout 0.1 -train_path_steps 50 -wf_ts_rk_type 2a -predict_steps_per_interval 2
  -predict_times 0:10:2 -predict_samples 50 -predict_exact_limit 1 -evaluate_samples 50 -evaluate_repeats 40
  -evaluate_joint_samples 100
  -report_figures false -checkpoint_minutes 0)
# A part of the matrix, by the environment: WAYS="KILL" AFTER="3".
declare -A product=([simulate]=ensemble.h5 [pretrain]=anchors.h5 [train]=flow.h5 [evaluate]=metrics.h5)

# disturb STAGE WAY RANKS RANKS_AFTER OPTION...: start from the reference's earlier products, stop in the middle, go on, compare.
disturb() {
  local stage=$1 way=$2 before=$3 after=$4 out=run_$1_$2_$3_$4_$number older newest
  local what="$1, $2 on $3 ranks, then $4 ranks: ${*:5}"
  shift 4
  mkdir "$out"
  for older in simulate pretrain train predict; do
    [ "$older" != "$stage" ] || break
    cp -rp "$whole/$older" "$out"
  done
  note_finished "$out"
  launch "$before" "$out" "$stage" "${long[@]}" "$@"
  await_checkpoint "$out/$stage"
  case $way in
    file) touch "$out/stop" && finish ;;
    USR1) kill -USR1 "$job" && finish ;;
    TERM) kill -TERM "$(list_ranks | tail -n 1)" && finish ;;
    KILL | cut | bit) kill_tree "$job" && job= && code=3 ;;
    rank) kill -9 "$(list_ranks | tail -n 1)" && finish && [ "$code" -ne 0 ] && code=3 ;;
  esac
  check "$what: exit code $code" [ "$code" -eq 3 ]
  check "$what: was stopped in the middle" [ ! -e "$out/$stage/${product[$stage]}" ]
  check "$what: has a checkpoint" [ "$(newest_step "$out/$stage")" -ge 0 ]
  newest=$(find "$out/$stage/ckpt" -name 'step_*.h5' -printf '%f\n' | sort -t_ -k2 -n | tail -n 1)
  case $way in
    cut) truncate -s $(($(stat -c %s "$out/$stage/ckpt/$newest") * 2 / 3)) "$out/$stage/ckpt/$newest" ;;
    bit) flip "$out/$stage/ckpt/$newest" $(($(stat -c %s "$out/$stage/ckpt/$newest") / 2)) ;;
  esac
  run 0 "$after" "$out" "$stage" "${long[@]}" "$@"
  case $way in
    cut | bit) check "$what: said" said "$out.txt" "checkpoint not used" ;;
    *) check "$what: went on" said "$out.txt" "$stage: goes on from step" ;;
  esac
  expect_kept "$out" "$what"
  check "$what: same digest" [ "$("$program" digest "$out/$stage/${product[$stage]}" | cut -d' ' -f1)" = \
    "$("$program" digest "$whole/$stage/${product[$stage]}" | cut -d' ' -f1)" ]
  check "$what: nothing left behind" [ -z "$(find "$out" -name '*.part' -o -name '*.tmp' -o -name ckpt -o -name stop)" ]
  rm -rf "$out" "$out.txt"
}

number=0
# matrix COMMAND STAGES OPTION...: the reference by COMMAND, then every way of disturbing each of the STAGES.
matrix() {
  local command=$1 stages=$2 stage way after
  shift 2
  number=$((number + 1))
  whole=whole_$number
  run 0 2 "$whole" "$command" "${long[@]}" "$@"
  for stage in $stages; do
    for way in ${WAYS:-file USR1 TERM KILL rank cut bit}; do
      for after in ${AFTER:-1 2 3}; do disturb "$stage" "$way" 2 "$after" "$@"; done
    done
  done
}
matrix simulate simulate -simulate_trajectories 24000 -simulate_t_end 40
matrix run "pretrain train evaluate" -pretrain_aligning sequential -train_optimiser adamw
matrix run "pretrain train" -pretrain_aligning tree -train_optimiser tao
report_checks
