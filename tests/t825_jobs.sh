#!/usr/bin/env bash
# The job scripts without a batch system: what `submit` would submit, what it refuses, whole jobs started by hand, and what a job
# decides after each kind of end, under stand-ins for srun, scontrol and the program.
program=${abs_top_builddir:?}/weightflow
inputs=$(cd "${abs_top_srcdir:?}/inputs" && pwd)
jobs=$(cd "$abs_top_srcdir/jobs" && pwd)
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_hwloc_base_binding_policy=none OPENBLAS_NUM_THREADS=1
export OMPI_MCA_pml=ob1 OMPI_MCA_btl=self,vader
mpiexec=${WF_MPIEXEC:-mpiexec}
[ -x "$program" ] || { echo "$program is not built"; exit 99; }
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 99
for variable in $(compgen -e | grep -E '^(SLURM|SBATCH)_'); do unset "$variable"; done
unset WF_MACHINE WF_LAUNCH WF_JOBS WF_RESERVE WF_REQUEUES WF_MODULES
export WF_PROGRAM=$program
failures=0
checks=0

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}
check() { # WHAT COMMAND...
  checks=$((checks + 1))
  "${@:2}" || { fail "$1"; tail -n 20 out.txt; }
}
said() { grep -qF -e "$1" out.txt; }
# expect CODE COMMAND...: its output in out.txt.
expect() {
  local want=$1 code
  shift
  checks=$((checks + 1))
  "$@" >out.txt 2>&1 </dev/null
  code=$?
  [ $code -eq "$want" ] || { fail "exit code $code, not $want: $*"; tail -n 20 out.txt; }
}
digests() { "$program" digest "$1"/{simulate,pretrain,train}/*.h5 2>/dev/null | sed 's|  [^ ]*/\([a-z]*/\)|  \1|'; }

cp "$inputs/epidemic_smoke.yaml" run.yaml
tiny=(-simulate_trajectories 40 -data_observed 0:100:50 -data_evaluated 50 -pretrain_hidden 2 -pretrain_epochs_first 1
  -pretrain_epochs 1 -wf_ts_rk_type 2a -train_optimiser adamw -train_steps_per_interval 1 -train_path_steps 5 -train_iterations 2)

# --- submit: what it would submit ---
sbatch="sbatch --parsable --job-name=STAGE.a --account=lab --dependency=afterok:BEFORE --kill-on-invalid-dep=yes"
sbatch="$sbatch --output=a/jobs/STAGE-%j.log --ntasks=TASKS --time=30 $jobs/stage.sbatch STAGE run.yaml -out a -seed 5"
before=7
resources=(--nodes train=4 --tasks 8 --time 30 --time train=2-00 --account lab --after 7)
expect 2 "$jobs/submit" --dry-run "${resources[@]}" run.yaml -out a -seed -5
check "a negative seed is found by the program's check" said "-seed -5: must be at least 0"
expect 0 "$jobs/submit" --dry-run "${resources[@]}" run.yaml -out a -seed 5
for stage in simulate pretrain train predict evaluate report; do
  line=${sbatch//STAGE/$stage}
  line=${line/BEFORE/$before}
  line=${line/TASKS/$([ $stage = report ] && echo 1 || echo 8)}
  [ $stage != train ] || line=${line/--time=30/--nodes=4 --time=2-00}
  check "dry run: $line" grep -qxF -e "$line" out.txt
  before=JOB_$stage
done
check "nothing but six jobs" [ "$(wc -l <out.txt)" -eq 6 ]
printf 'stage nodes tasks time\ntrain 2 32 1:00:00\npredict - 4 -\n' >table.txt
expect 0 "$jobs/submit" --dry-run --table table.txt --stages train,predict --tasks train=6 run.yaml -out a
check "the line beats the table" grep -qE 'ntasks=6 --nodes=2 --time=1:00:00 .*stage.sbatch train' out.txt
check "the table" grep -qE 'ntasks=4 [^ ]*stage.sbatch predict' out.txt
expect 0 "$jobs/submit" --dry-run --whole run.yaml -out "a b"
check "blanks are kept" said "$jobs/pipeline.sbatch run.yaml -out a\\ b"
printf 'name\ttrain_learning_rate\nlow\t1e-4\nhigh\t1e-2\n' >options.tsv
expect 0 "$jobs/submit" --dry-run --seeds 3,7-8 --options options.tsv --at-once 2 run.yaml -out s
check "the array" said "--array=1-6%2"
check "a row" grep -qxF -e "s/high/seed_7"$'\t7\t1e-2' out.txt
check "a dry run writes nothing" [ "$(ls)" = "$(printf '%s\n' options.tsv out.txt run.yaml table.txt)" ]

# --- submit: what it refuses, all at once ---
printf 'stage nodes colour\ntrain x 3\nfoo 2 1\n' >table.txt
expect 2 "$jobs/submit" --dry-run --nodes 0 --time never --tsks 3 --tasks trian=4 --seeds 9-3,x --stages train --at-once none \
  --table table.txt nowhere.yaml run.yaml --after
for text in '--nodes = 0: must be a whole number of at least 1' '--time = never: must be a time limit' '--tsks: unknown option' \
  '--tasks: trian: no such stage: one of simulate,' '--seeds = 9-3,x: 9-3: must go upwards' '--seeds = 9-3,x: x: must be a number' \
  '--stages: only a chain has stages' '--at-once = none' 'table.txt:1: colour: must be' 'table.txt:2: nodes = x: must be' \
  'table.txt:3: nodes: foo: no such stage' 'run.yaml: one file of parameters is enough' '--after: needs a value' \
  ' mistakes: nothing was submitted'; do
  check "mistake told: $text" said "$text"
done
printf 'name\tout\ttrain_itertions\na\tx\t3\na\ty\t4\nb/c\t5\n' >options.tsv
expect 2 "$jobs/submit" --dry-run --options options.tsv run.yaml -out s
for text in 'options.tsv:1: out: the run folder is made from' 'options.tsv:3: name = a: used twice' \
  'options.tsv:4: 2 columns, not 3' 'options.tsv:4: name = b/c: must be fit'; do
  check "mistake told: $text" said "$text"
done
printf 'name\ttrain_iterations\na\t3\nb\tmany\n' >options.tsv
expect 2 "$jobs/submit" --dry-run --options options.tsv run.yaml -out s
check "a row's mistake is told with its line" said "options.tsv:3: command line: -train_iterations many: must be a whole number"
expect 2 "$jobs/submit" --dry-run run.yaml -out s -train_itertions 4 -simulate_t_end 0
check "check's mistakes" said "did you mean -train_iterations?"
check "check's mistakes, all" said "simulate.t_end = 0"
expect 2 "$jobs/submit" --dry-run run.yaml -out s -force
check "force" said "run.force = true: a job that resumes itself"
WF_MACHINE=moon expect 2 "$jobs/submit" --dry-run run.yaml
check "machine" said "moon.sh cannot be read: give one of debian generic spack"

# --- whole jobs by hand ---
WF_LAUNCH="$mpiexec -n 2" expect 0 bash "$jobs/stage.sbatch" simulate,pretrain,train run.yaml -out by_stage "${tiny[@]}"
WF_LAUNCH="$mpiexec -n 1" expect 2 bash "$jobs/pipeline.sbatch"
WF_LAUNCH="$mpiexec -n 1" expect 2 bash "$jobs/stage.sbatch" train
WF_LAUNCH="$mpiexec -n 1" expect 2 bash "$jobs/sweep.sbatch" table.tsv run.yaml
printf 'out\tseed\ttrain_iterations\nswept/a\t1\t2\nswept/b\t2\t2\n' >table.tsv
SLURM_ARRAY_TASK_ID=2 WF_LAUNCH="$mpiexec -n 1" expect 0 bash "$jobs/sweep.sbatch" table.tsv run.yaml "${tiny[@]}" \
  -report_figures false -predict_samples 10 -evaluate_samples 10 -evaluate_joint_samples 5
SLURM_ARRAY_TASK_ID=3 WF_LAUNCH="$mpiexec -n 1" expect 2 bash "$jobs/sweep.sbatch" table.tsv run.yaml
check "no such row" said "row 3 has 0 values for 3 names"
check "only one row was run" [ ! -e swept/a ]
expect 0 "$jobs/local.sh" -n 1 -s simulate,pretrain,train run.yaml -out by_local "${tiny[@]}"
expect 0 "$jobs/local.sh" -n 2 -s simulate,pretrain,train run.yaml -out by_sweep "${tiny[@]}" -seed 2
check "digests there" [ "$(digests by_local | grep -c verified)" -eq 3 ]
check "the same by stage and by local.sh" [ "$(digests by_stage)" = "$(digests by_local)" ]
check "the same by sweep and by local.sh" [ "$(digests swept/b)" = "$(digests by_sweep)" ]
check "seeds differ" [ "$(digests by_local)" != "$(digests by_sweep)" ]
expect 2 "$jobs/local.sh" -n none nowhere.yaml
check "local.sh tells all, 1" said "-n = none: give a number of ranks"
check "local.sh tells all, 2" said "nowhere.yaml: cannot be read"
expect 0 "$jobs/local.sh" -n 1 -s simulate,pretrain run.yaml -out resumed -stop_minutes 1e-6 "${tiny[@]}"
check "local.sh resumes" said "stopped with a checkpoint: resuming (1)"

# --- what a job decides, under stand-ins ---
mkdir bin
cat >bin/scontrol <<STUB
#!/bin/sh
echo "\$*" >>"$scratch/requeues"
[ "\$1" != show ] || echo "   Command=$jobs/pipeline.sbatch run.yaml"
STUB
cat >bin/squeue <<'STUB'
#!/bin/sh
case $* in
  *%L*) echo 1:00:00 ;;
  *) printf '%s\n' '8 predict afterok:7(unfulfilled)' '9 report afterok:8(unfulfilled)' '5 other afterok:4(unfulfilled)' ;;
esac
STUB
cat >bin/srun <<'STUB'
#!/bin/sh
case $* in *list*) echo none pmix; exit ;; esac
while [ "${1#-}" != "$1" ]; do shift; done
exec "$@"
STUB
printf '#!/bin/sh\nexit 0\n' >bin/sleep
cat >bin/stub <<'STUB'
#!/usr/bin/env bash
# the program's place: does what $ACT says in the run folder
[ "$1" != params ] || exec "$PROGRAM" "$@"
printf '%s\n' "$*" >>arguments
state() { printf 'state: %s\n' "$1" >f/status.txt; }
checkpoint() { mkdir -p f/train/ckpt; : >"f/train/ckpt/step_$1.h5"; }
eval "$ACT"
STUB
chmod +x bin/*
# job ACT RESTARTS CODE TEXT WHAT: one start of job 7; its exit code, a line it says, the last word of its history.
job() {
  rm -f requeues
  PATH=$scratch/bin:$PATH PROGRAM=$program WF_PROGRAM=$scratch/bin/stub ACT=$1 SLURM_JOB_ID=7 SLURM_RESTART_COUNT=$2 \
    expect "$3" bash "$jobs/pipeline.sbatch" run.yaml -out f
  check "says '$4' after $1" said "$4"
  checks=$((checks + 1))
  [ "$(tail -n 1 f/jobs/history.txt | cut -f 8)" = "$5" ] || { fail "not $5 after $1"; cat f/jobs/history.txt; }
  checks=$((checks + 1))
  [ "$(grep -c '^requeue 7$' requeues)" = "$([ "$5" = requeued ] && echo 1 || echo 0)" ] || fail "requeued, or not: $1"
}
stop='state stopped; exit 3'
job "checkpoint 1; $stop" 0 3 "exit code 3: back into the queue" requeued
check "ends itself in time" grep -q -e '-stop_minutes 59$' arguments
job "$stop" 1 3 "no newer checkpoint than at the end of the start before: not requeued" stuck
check "says who is cancelled, and nobody else" said "== jobs that wait for this one are cancelled: 8 (predict), 9 (report)"
job "checkpoint 2; $stop" 100 3 "WF_REQUEUES = 100 allows no more" exhausted
job "checkpoint 3; state running; kill -9 \$\$" 2 137 "exit code 137: back into the queue" requeued
job "state running; kill -9 \$\$" 3 137 "exit code 137, and no newer checkpoint" stuck
job "checkpoint 4; state stopped; exit 143" 4 3 "exit code 3: back into the queue" requeued
job "checkpoint 5; echo 'train: stopped at step 5, since the file \`stop\` asked for it: run' >&2; $stop" 5 3 \
  "as the file \`stop\` asked" stopped
job "exit 2" 6 2 "a mistake in the input" mistake
job "exit 4" 6 4 "exit code 4: a file is damaged" damaged
job "exit 0" 6 1 "srun did not get the program going; once more" stuck # a starter's 0 is no proof
rm -f arguments
job "checkpoint 6; [ \$(wc -l <arguments) -gt 1 ] || exit 0; state complete" 7 0 "complete: f" complete
check "started twice" [ "$(wc -l <arguments)" -eq 2 ]
rm -f arguments
job "[ \$(wc -l <arguments) -gt 2 ] || { echo 'x: another run is at work in this folder: y' >&2; exit 2; }; state complete" 8 0 \
  "a lost start of this job is still at work in f: waiting for it" complete
check "started three times" [ "$(wc -l <arguments)" -eq 3 ]
printf 'phase\tmin\tmean\tmax\tcalls_a_rank\ncheckpoint\t1\t1\t900\t3\n' >f/train/timers.txt # 300 s a checkpoint: ten minutes
job "state complete" 9 0 "to end within 50 minutes" complete
WF_RESERVE=1800 job "state complete" 9 0 "to end within 30 minutes" complete

echo "$checks checks, $failures failures"
[ $failures -eq 0 ]
