#!/usr/bin/env bash
# The stage simulate: one digest on any number of ranks for every kind of output; stopped, killed, and with its half-written file
# damaged, it is gone on with on another number of ranks and ends in the same file; a model's file counts by its contents.
# shellcheck disable=SC2016 # backquotes in messages are no commands
# shellcheck source=tests/restart_tools.sh
. "${abs_top_srcdir:?}/tests/restart_tools.sh"

digest() { "$program" digest "$1/simulate/ensemble.h5" 2>/dev/null | cut -d ' ' -f 1; }
same() { [ -n "$(digest "$1")" ] && [ "$(digest "$1")" = "$(digest "$2")" ]; } # FOLDER FOLDER

# --- any number of ranks ---
kinds=("" "-simulate_store final" "-simulate_store none -simulate_histogram 20" "-simulate_output events -simulate_store none")
for kind in 0 1 2 3; do
  read -r -a options <<<"${kinds[$kind]}"
  for ranks in 1 2 3; do
    run 0 "$ranks" "kind_${kind}_$ranks" simulate -simulate_trajectories 333 "${options[@]}"
    check "${kinds[$kind]} on $ranks ranks" same "kind_${kind}_1" "kind_${kind}_$ranks"
  done
done
run 0 2 other_seed simulate -simulate_trajectories 333 -seed 2
check "the seed makes a difference" [ "$(digest other_seed)" != "$(digest kind_0_1)" ]
touch before
run 0 1 kind_0_1 simulate -simulate_trajectories 333
check "a complete one is kept" [ ! kind_0_1/simulate/ensemble.h5 -nt before ]

# --- stopped, and gone on with on another number of ranks; long enough that a rank cannot be done in its first round ---
long=(-simulate_system signalling_cascade_1 -simulate_t_end 40 -simulate_trajectories 20000)
run 0 2 whole simulate "${long[@]}"
run 3 1 stopped simulate "${long[@]}" -run_stop_minutes 1e-6
check "the half-written file stays" [ -s stopped/simulate/ensemble.h5.part ]
run 3 3 stopped simulate "${long[@]}" -run_stop_minutes 1e-6
run 0 2 stopped simulate "${long[@]}" -run_stop_minutes 0
check "stopped on 1 and 3 ranks, gone on with on 2" same whole stopped
check "nothing is left" [ ! -e stopped/simulate/ckpt ]
check "nothing was lost" [ "$(grep -c 'simulated again' stopped.txt)" -eq 0 ]

# --- killed, and the file that is left damaged in several ways ---
prepare() { # FOLDER OPTION...: kill a run after its second checkpoint
  launch 2 "$1" simulate "${@:2}" -checkpoint_minutes 0
  await_checkpoint "$1/simulate"
  await_checkpoint "$1/simulate"
  kill_tree "$job"
  job=
  check "killed in the middle: $1" [ -s "$1/simulate/ensemble.h5.part" ] && [ ! -e "$1/simulate/ensemble.h5" ]
}
prepare killed "${long[@]}"
for damage in removed cut flipped emptied; do cp -r killed $damage; done
run 0 3 killed simulate "${long[@]}"
check "killed" same whole killed
check "killed: went on" said killed.txt "goes on from step"
check "killed: nothing was lost" [ "$(grep -c 'simulated again' killed.txt)" -eq 0 ]
rm removed/simulate/ensemble.h5.part
truncate -s 100000 cut/simulate/ensemble.h5.part
flip flipped/simulate/ensemble.h5.part 100000 # among the first trajectories' rows
: >emptied/simulate/ensemble.h5.part
for damage in removed cut flipped emptied; do
  run 0 1 $damage simulate "${long[@]}"
  check "part $damage" same whole $damage
  check "part $damage: said" said $damage.txt "trajectories are simulated again: "
done
check "part flipped: only its block" [ "$(sed -n 's/^simulate: \([0-9]*\) traj.* again.*/\1/p' flipped.txt)" -lt 100 ]

# --- the same for every jump, in both passes ---
jumps=(-simulate_t_end 400 -simulate_trajectories 30000 -simulate_output events -simulate_store final -simulate_samples 2)
jumps+=(-data_observed "0,1" -data_evaluated 1)
run 0 2 jumps simulate "${jumps[@]}"
for _ in 1 2 3; do run 3 2 jumps_stopped simulate "${jumps[@]}" -run_stop_minutes 1e-6; done
run 0 1 jumps_stopped simulate "${jumps[@]}" -run_stop_minutes 0
check "every jump: stopped three times" same jumps jumps_stopped

# --- mistakes, all at once, and before anything is written ---
run 2 2 wrong simulate -simulate_quantiles 0.5,0.2 -simulate_store none -simulate_statistics false
check "no output" said wrong.txt "simulate.store = none: nothing is left to put out"
check "quantiles" said wrong.txt "simulate.quantiles = 0.5,0.2: shares increase and lie between 0 and 1"
check "their number" said wrong.txt "2 mistakes, nothing was done"
run 2 1 wrong run -simulate_store final
check "run needs the grid" said wrong.txt '`run` goes on to pretrain'
run 2 1 wrong simulate -simulate_model nothing.xml
check "no model" said wrong.txt "simulate.model = nothing.xml: cannot be read: No such file"
check "nothing was written" [ ! -e wrong ]

report_checks
