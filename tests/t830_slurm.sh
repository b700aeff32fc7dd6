#!/usr/bin/env bash
# Job scripts under a real Slurm of four nodes on this machine: a chain, a sweep, and runs that are ended by their time limit, put
# back into the queue, preempted, and lose their node; each must end with the digests of a run that nobody disturbed. Jobs whose
# predecessor failed are cancelled, and that is said. WF_TEST_SLURM=install installs Slurm first (Debian, as root); WF_TEST_KEEP=1
# keeps the run folders.
# shellcheck source=tests/slurm_tools.sh
. "${abs_top_srcdir:?}/tests/slurm_tools.sh"
program=${abs_top_builddir:?}/weightflow
inputs=$abs_top_srcdir/inputs
jobs=$abs_top_srcdir/jobs
[ -x "$program" ] || { echo "$program is not built"; exit 99; }
why=$(slurm_missing)
if [ -n "$why" ] && [ "${WF_TEST_SLURM:-}" = install ]; then
  slurm_install || { echo "Slurm could not be installed"; exit 99; }
  why=$(slurm_missing)
fi
[ -z "$why" ] || { echo "skipped: $why (WF_TEST_SLURM=install installs it)"; exit 77; }

scratch=$(mktemp -d) || exit 99
# shellcheck disable=SC2317 # called by the trap
clean_up() {
  slurm_stop
  if [ -z "${WF_TEST_KEEP:-}" ]; then rm -rf "$scratch"; else echo "kept: $scratch"; fi
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP
cd "$scratch" || exit 99
# The environment of a test driver is not a cluster's.
export OMPI_MCA_pml=ob1 OMPI_MCA_btl=self,vader OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_btl_tcp_if_include=lo
unset WF_MPIEXEC WF_MACHINE WF_LAUNCH WF_JOBS
export WF_PROGRAM=$program WF_BUSY=2
failures=0
checks=0
begin=$(date +%s)

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}
check() { # WHAT COMMAND...
  checks=$((checks + 1))
  "${@:2}" || fail "$1"
}
same() { check "$1: '$2', not '$3'" [ "$2" = "$3" ]; }
step() { echo "[$(($(date +%s) - begin)) s] $*"; }
said() { grep -qF -e "$2" "$1"; } # FILE TEXT
digests() {
  "$program" digest "$1"/{simulate,pretrain,train,predict,evaluate}/*.h5 2>/dev/null | sed 's|  [^ ]*/\([a-z]*/\)|  \1|'
}
same_digests() { # FOLDER REFERENCE WHAT
  checks=$((checks + 1))
  if [ "$(digests "$1" | grep -c verified)" -ne 5 ] || [ "$(digests "$1")" != "$(digests "$2")" ]; then
    fail "$3: other digests in $1"
    tail -n 30 "$1"/jobs/*.log "$1".log 2>/dev/null
  fi
}
column() { awk -F '\t' -v n="$2" 'NR > 1 { print $n }' "$1/jobs/history.txt" | paste -s -d ' '; } # FOLDER N
has_checkpoint() { compgen -G "$1/train/ckpt/step_*.h5" >/dev/null; }

parameters=$inputs/epidemic_smoke.yaml
tiny=(-simulate_trajectories 60 -data_observed 0:100:25 -data_evaluated 1:100:4 -pretrain_hidden 4 -pretrain_epochs_first 4
  -pretrain_epochs 2 -wf_ts_rk_type 2a -train_optimiser adamw -train_steps_per_interval 1 -train_path_steps 50 -predict_samples 50
  -evaluate_samples 50 -evaluate_joint_samples 30 -report_figures false)
short=("${tiny[@]}" -train_iterations 3)

# whole NAME RANKS WORDS-FOR-SBATCH... -- OPTION...: one job for all stages; its id in $id.
whole() {
  local name=$1 ranks=$2 words=()
  shift 2
  while [ "$1" != -- ]; do words+=("$1"); shift; done
  shift
  id=$(sbatch --parsable --job-name="$name" -n "$ranks" -N 1 --output="$name.log" "${words[@]}" "$jobs/pipeline.sbatch" \
    "$parameters" -out "$name" "$@") || fail "sbatch $name"
}

step "start"
slurm_start 4 || { fail "Slurm does not start"; tail -n 20 "$slurm_folder"/*.log; exit 1; }
same "nodes" "$(sinfo -h -p main -t idle -o %D)" 4
launch() { # FOLDER OPTION...: a run that nobody disturbs
  OMPI_MCA_ess_singleton_isolated=1 "$program" run "$parameters" "${@:2}" -out "$1" >"$1.txt" 2>&1 || fail "reference $1"
}
# Long enough to be disturbed: about twenty seconds of iterations on this machine, as it is now.
launch probe "${tiny[@]}" -train_iterations 10
long=("${tiny[@]}" -checkpoint_minutes 0.005 -train_iterations "$(awk -F '\t' '$1 == "gradient" || $1 == "optimiser" { t += $3 }
  END { n = t > 0 ? int(200 / t) : 30; if (n < 30) n = 30; if (n > 5000) n = 5000; print n }' probe/train/timers.txt)")
launch reference_long "${long[@]}"
[ $failures -eq 0 ] || exit 1
step "the undisturbed run is through"

# --- disturbed runs, all at one time ---
WF_RESERVE=49 whole limited 1 --time=1 --signal=B:USR1@1 -- "${long[@]}"
limited=$id
whole signalled 1 --time=1 --signal=B:USR1@45 -- "${long[@]}"
signalled=$id
whole requeued 2 --time=5 -- "${long[@]}"
requeued=$id
whole lost 1 --time=5 --nodelist=n4 -- "${long[@]}"
lost=$id
await 60 has_checkpoint requeued || fail "no checkpoint of the run to be requeued"
check "scontrol requeue" scontrol requeue "$requeued"
await 60 has_checkpoint lost || fail "no checkpoint of the run to be lost"
same "node of the run to be lost" "$(job_field "$lost" NodeList)" n4
slurm_kill_node n4
scontrol update job "$lost" reqnodelist= 2>/dev/null
step "requeued one, killed a node"
await_jobs 150 "$limited" "$signalled" "$requeued" || fail "disturbed runs do not end"
step "runs with a time limit are through"
for name in limited signalled requeued; do
  same "$name: state" "$(job_state "${!name}")" COMPLETED
  check "$name: was started again" [ "$(job_field "${!name}" Restarts)" -ge 1 ]
  check "$name: went on from a checkpoint" said "$name.log" "train: goes on from step"
  same_digests "$name" reference_long "$name"
done
for name in limited signalled; do
  check "$name: says why" said "$name.log" "exit code 3: back into the queue"
  check "$name: history '$(column $name 8)'" grep -q -x -E '(requeued )+complete' <<<"$(column $name 8)"
done
check "limited: by its own clock" said limited.log "run.stop_minutes are over"
check "signalled: by Slurm's signal" said signalled.log "a signal asked for it"

# A node daemon that comes back: Slurm has given the job to another node, or gives it to this one.
slurm_node n4
await_jobs 120 "$lost" || fail "the run that lost its node does not end"
same "lost: state" "$(job_state "$lost")" COMPLETED
check "lost: was started again" [ "$(job_field "$lost" Restarts)" -ge 1 ]
check "lost: went on from a checkpoint" said lost.log "train: goes on from step"
same_digests lost reference_long "node lost"
step "the run that lost its node is through"

# --- a chain, a sweep, a preempted run, all at one time ---
launch reference_short "${short[@]}"
# (two nodes in one machine: their shared memory segments would collide)
OMPI_MCA_btl=self,tcp "$jobs/submit" --tasks 2 --nodes 2 --nodes report=1 --time 5 --time train=0:06:00 "$parameters" -out chain \
  "${short[@]}" >chain.txt 2>&1 || { fail "submit a chain"; cat chain.txt; }
chain=$(sed -n 's/^[a-z]* *job \([0-9]*\)$/\1/p' chain.txt | paste -s -d ' ')
same "jobs of the chain" "$(wc -w <<<"$chain")" 6
check "the way to cancel is told" said chain.txt "scancel $chain"
train=$(cut -d ' ' -f 3 <<<"$chain")
same "time of one stage" "$(job_field "$train" TimeLimit)" 00:06:00
same "nodes of one stage" "$(job_field "$train" NumNodes | cut -d - -f 1)" 2
"$jobs/submit" --seeds 11-18 --time 5 "$parameters" -out sweep "${short[@]}" >sweep.txt 2>&1 ||
  { fail "submit a sweep"; cat sweep.txt; }
sweep=$(sed -n 's/^sweep *job \([0-9]*\),.*/\1/p' sweep.txt)
# shellcheck disable=SC2086
await_jobs 120 $chain "$sweep" || fail "chain or sweep does not end"
# shellcheck disable=SC2086
for id in $chain; do same "job $id of the chain" "$(job_state "$id")" COMPLETED; done
check "chain: the report" [ -s chain/report/report.html ]
same_digests chain reference_short "chain"
same "chain: history" "$(column chain 8)" "complete complete complete complete complete complete"
same "sweep: state" "$(job_state "$sweep")" COMPLETED
same "sweep: runs" "$(cat sweep/seed_*/status.txt | grep -c '^state: complete$')" 8
flows=$(for seed in 11 12 13 14 15 16 17 18; do digests sweep/seed_$seed | grep flow.h5; done | sort -u | wc -l)
same "sweep: different seeds" "$flows" 8
check "sweep: all nodes" [ "$(scontrol -o show job "$sweep" | grep -o ' NodeList=n[1-4]' | sort -u | wc -l)" -eq 4 ]
launch reference_seed "${short[@]}" -seed 17
same_digests sweep/seed_17 reference_seed "sweep"
step "chain and sweep are through"

# --- preemption: a job of a better partition takes the node; and files through ROMIO ---
WF_IO=romio whole preempted 1 --partition=low --time=5 --nodelist=n2 -- "${long[@]}"
preempted=$id
await 60 has_checkpoint preempted || fail "no checkpoint of the run to be preempted"
better=$(sbatch --parsable -n 2 -N 1 --nodelist=n2 --time=1 --output=/dev/null --wrap 'sleep 1')

# --- what fails: a stage in the middle; a stop file ---
"$jobs/submit" --stages simulate,train,predict --tasks 1 --time 5 "$parameters" -out broken "${short[@]}" >broken.txt 2>&1 ||
  { fail "submit a chain to break"; cat broken.txt; }
broken=$(sed -n 's/^[a-z]* *job \([0-9]*\)$/\1/p' broken.txt | paste -s -d ' ')
"$jobs/submit" --stages simulate,pretrain,train,predict,report --tasks 1 --time 5 "$parameters" -out stopped "${long[@]}" \
  >stopped.txt 2>&1 || { fail "submit a chain to stop"; cat stopped.txt; }
stopped=$(sed -n 's/^[a-z]* *job \([0-9]*\)$/\1/p' stopped.txt | paste -s -d ' ')
# shellcheck disable=SC2086
await_jobs 60 $broken || fail "a broken chain does not end"
read -r first second third <<<"$broken"
same "broken: simulate" "$(job_state "$first")" COMPLETED
same "broken: train without anchors" "$(job_state "$second")" FAILED
same "broken: predict" "$(job_state "$third")" CANCELLED
check "broken: the failed job says who is cancelled" said "broken/jobs/train-$second.log" \
  "jobs that wait for this one are cancelled: $third (predict.broken)"
await 60 has_checkpoint stopped && touch stopped/stop
# shellcheck disable=SC2086
await_jobs 60 $stopped || fail "a stopped chain does not end"
read -r _ _ third fourth fifth <<<"$stopped"
same "stopped: predict" "$(job_state "$fourth")" CANCELLED
check "stopped: says so" said "stopped/jobs/train-$third.log" "stopped with a checkpoint, as the file \`stop\` asked"
check "stopped: says who is cancelled" said "stopped/jobs/train-$third.log" "$fourth (predict.stopped), $fifth (report.stopped)"
step "broken and stopped chains are through"

await_jobs 120 "$preempted" "$better" || fail "a preempted run does not end"
same "preempted: state" "$(job_state "$preempted")" COMPLETED
same "the better job" "$(job_state "$better")" COMPLETED
check "preempted: was started again" [ "$(job_field "$preempted" Restarts)" -ge 1 ]
same_digests preempted reference_long "preempted, with ROMIO"
step "end"
echo "$checks checks, $failures failures"
[ $failures -eq 0 ]
