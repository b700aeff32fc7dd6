#!/usr/bin/env bash
# What the tests of restarts share; they source it. A run is disturbed, resumed on another number of ranks, and must end with
# the digests of a run that nobody disturbed. After sourcing: the current folder is an empty scratch folder, removed at exit.
program=${abs_top_builddir:?}/weightflow
inputs=${abs_top_srcdir:?}/inputs
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_hwloc_base_binding_policy=none OPENBLAS_NUM_THREADS=1
export OMPI_MCA_pml=ob1 OMPI_MCA_btl=self,vader OMPI_MCA_ess_singleton_isolated=1 # quick starts: no look for networks
mpiexec=${WF_MPIEXEC:-mpiexec}
[ -x "$program" ] || { echo "$program is not built"; exit 99; }
scratch=$(mktemp -d) || exit 99
job=
# shellcheck disable=SC2317 # called by the trap
clean_up() {
  [ "$BASHPID" = $$ ] || return # a child that is killed before it becomes mpiexec
  [ -z "$job" ] || kill_tree "$job"
  rm -rf "$scratch"
}
trap clean_up EXIT
cd "$scratch" || exit 99
failures=0
checks=0

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

check() { # WHAT COMMAND...
  checks=$((checks + 1))
  "${@:2}" || fail "$1"
}

# shellcheck disable=SC2034 # used by those that source this
# The small run: every stage has something to interrupt, and there is dropout and a tree of fits.
small=("$inputs/epidemic_smoke.yaml" -simulate_trajectories 60 -data_observed 0:100:25 -data_evaluated 1:100:4 -pretrain_hidden 4
  -pretrain_epochs_first 10 -pretrain_epochs 5 -pretrain_aligning tree -wf_ts_rk_type 2a -train_optimiser adamw -train_iterations 24
  -train_steps_per_interval 1 -train_waypoints 20
  -train_dropout 0.1 -train_path_steps 50 -predict_steps_per_interval 2 -predict_samples 50 -evaluate_samples 50
  -evaluate_joint_samples 30 -report_figures false -checkpoint_minutes 0)

# launch RANKS FOLDER COMMAND OPTION...: start in the background; $job is mpiexec's process.
launch() {
  local ranks=$1 out=$2
  shift 2
  "$mpiexec" -n "$ranks" "$program" "$@" -out "$out" >>"$out.txt" 2>&1 </dev/null &
  job=$!
}

# finish: wait for the job; its exit code in $code.
finish() {
  wait "$job" 2>/dev/null
  code=$?
  job=
}

# run CODE RANKS FOLDER COMMAND OPTION...: run to the end, check the exit code.
run() {
  local want=$1
  shift
  launch "$@"
  finish
  checks=$((checks + 1))
  [ "$code" -eq "$want" ] || { fail "exit code $code, not $want: $1 ranks, $2"; tail -n 20 "$2.txt"; }
}

# The processes below one, itself first.
list_tree() {
  local child
  echo "$1"
  for child in $(ps -o pid= --ppid "$1" 2>/dev/null); do list_tree "$child"; done
}

# The ranks of the job: those below mpiexec that run the program.
list_ranks() {
  local process
  for process in $(list_tree "$job"); do
    [ "$process" = "$job" ] || [ "$(cat "/proc/$process/comm" 2>/dev/null)" != weightflow ] || echo "$process"
  done
}

# Kill a tree with no chance to say good-bye, and wait until it is gone.
kill_tree() {
  local processes process
  processes=$(list_tree "$1")
  # shellcheck disable=SC2086
  kill -9 $processes 2>/dev/null
  wait "$1" 2>/dev/null
  for process in $processes; do
    while kill -0 "$process" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$process/status" 2>/dev/null; do sleep 0.02; done
  done
}

# Step of a stage's newest checkpoint, -1 if there is none.
newest_step() { # FOLDER/STAGE
  local file newest=-1 step
  for file in "$1"/ckpt/step_*.h5; do
    step=${file##*step_}
    step=${step%.h5}
    [ ! -e "$file" ] || [ "$step" -le "$newest" ] || newest=$step
  done
  echo "$newest"
}

# Wait until the job has made a checkpoint of this stage, or has ended, or a minute is over.
await_checkpoint() { # FOLDER/STAGE
  local tries=0 before
  before=$(newest_step "$1")
  while [ "$(newest_step "$1")" -le "$before" ] && kill -0 "$job" 2>/dev/null && [ $tries -lt 3000 ]; do
    sleep 0.02
    tries=$((tries + 1))
  done
}

digests() {
  "$program" digest "$1"/{simulate,pretrain,train,predict,evaluate}/*.h5 2>/dev/null | sed 's|  [^ ]*/\([a-z]*/\)|  \1|'
}

# Finished work must not be done again: remember what is published now, and check after the next resume that the files are the
# same ones.
note_finished() { find "$1" -name '*.h5' -not -path '*/ckpt/*' -printf '%P %i %T@\n' | sort >"$1.finished"; }
expect_kept() { # FOLDER WHAT
  local line
  while read -r line; do
    checks=$((checks + 1))
    find "$1" -name '*.h5' -not -path '*/ckpt/*' -printf '%P %i %T@\n' | grep -qxF "$line" || fail "$2: made again: $line"
  done <"$1.finished"
}

# expect_same FOLDER WHAT: complete, with the reference's digests and tables, and nothing lies about.
expect_same() {
  local left
  checks=$((checks + 3))
  digests "$1" >"$1.digests"
  cmp -s reference.digests "$1.digests" || { fail "$2: other digests"; diff reference.digests "$1.digests"; tail -n 20 "$1.txt"; }
  left=$(find "$1" -name '*.part' -o -name '*.tmp' -o -name ckpt -o -name stop)
  [ -z "$left" ] || fail "$2: left behind: $left"
  cmp -s reference/train/steps.txt "$1/train/steps.txt" || fail "$2: another train/steps.txt"
  cmp -s reference/evaluate/metrics.tsv "$1/evaluate/metrics.tsv" || fail "$2: another metrics.tsv"
}

said() { grep -qF -e "$2" "$1"; } # FILE TEXT

# flip FILE OFFSET: change one bit.
flip() {
  local byte
  byte=$(od -An -tu1 -j "$2" -N1 "$1")
  printf '%b' "\\x$(printf %02x $((byte ^ 16)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

report_checks() {
  echo "$checks checks, $failures failures"
  [ $failures -eq 0 ]
}
