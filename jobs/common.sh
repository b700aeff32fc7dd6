#!/usr/bin/env bash
# What the job scripts share; they source it. A job is one or more starts of the program in one run folder. How each start ended
# is a row of FOLDER/jobs/history.txt, and the next start, in this job or another, learns from it.
#
#   WF_MACHINE    jobs/machines/NAME.sh, or a file of yours: modules and launcher of a site (default: found)
#   WF_PROGRAM    the program (default: build/weightflow of this tree, then the one in PATH)
#   WF_REQUEUES   how often a job puts itself back into the queue (default 100)
#   WF_RESERVE    seconds before the time limit that a start ends itself at the latest (default: a tenth of the time, at most 60)
#   WF_BUSY       seconds between looks at a run folder in which a lost start of this job is still at work (default 30)
# Those of the launcher are explained in jobs/machines/generic.sh.
wf_jobs_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=jobs/setup.sh
. "$wf_jobs_folder/setup.sh"

# Before the program is there to be told, a signal must not end the script.
wf_early_signal=
[ -z "${SLURM_JOB_ID:-}" ] || trap 'wf_early_signal=1' USR1 TERM

wf_complain() { printf '%s: %s\n' "${wf_script:-weightflow}" "$*" >&2; }

# --- machine, program, launcher ---

# Name of the machine file to use.
wf_machine_find() {
  local cluster=${SLURM_CLUSTER_NAME:-}
  if [ -n "${WF_MACHINE:-}" ]; then echo "$WF_MACHINE"
  elif [ -n "$cluster" ] && [ -r "$wf_jobs_folder/machines/$cluster.sh" ]; then echo "$cluster"
  elif [ -n "${WF_SPACK_ENVIRONMENT:-}${WF_SPACK_SPECS:-}" ]; then echo spack
  elif [ -z "${WF_MODULES:-}" ] && [ -r /etc/debian_version ] && [ -x /usr/bin/mpiexec ]; then echo debian
  else echo generic; fi
}

wf_machine_load() {
  local file
  WF_MACHINE=$(wf_machine_find)
  file=$WF_MACHINE
  [ "${file%/*}" != "$file" ] || file=$wf_jobs_folder/machines/$WF_MACHINE.sh
  if [ ! -r "$file" ]; then
    wf_complain "WF_MACHINE = $WF_MACHINE: $file cannot be read: give one of" \
      "$(cd "$wf_jobs_folder/machines" && echo -- *.sh | sed 's/^-- //; s/\.sh//g'), or the path of a file"
    return 2
  fi
  # shellcheck disable=SC1090
  . "$file" || return 2
}

# Path of the program, in wf_program.
wf_program_find() {
  wf_program=${WF_PROGRAM:-$wf_jobs_folder/../build/weightflow}
  [ -n "${WF_PROGRAM:-}" ] || [ -x "$wf_program" ] || wf_program=$(command -v weightflow) || wf_program=build/weightflow
  if [ ! -x "$wf_program" ]; then
    wf_complain "$wf_program: no program there: build it (jobs/quickstart.sh), or set WF_PROGRAM"
    return 2
  fi
  wf_program=$(cd "$(dirname "$wf_program")" && pwd)/$(basename "$wf_program")
}

# The kind of process management that srun and the MPI library share; empty where there is none.
wf_srun_mpi() {
  local kinds
  command -v srun >/dev/null 2>&1 || return 0
  kinds=" $(srun --mpi=list 2>&1 | tr '\n\t,' '   ') "
  if [ -n "${WF_SRUN_MPI:-}" ]; then
    case $kinds in *" $WF_SRUN_MPI "*) echo "$WF_SRUN_MPI" ;; esac
    return 0
  fi
  # Those of the family of MPICH speak PMI-2 as well; Open MPI often speaks PMIx only.
  case $(mpiexec --version 2>&1 | head -n 3) in
    *HYDRA* | *Intel*) case $kinds in *" pmi2 "*) echo pmi2; return 0 ;; esac ;;
  esac
  case $kinds in *" pmix "*) echo pmix ;; esac
}

# The words that start the ranks, in the array wf_launcher; and what ranks need to know of the machine.
wf_launcher_choose() {
  local kind
  export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
  export ROMIO_HINTS=${ROMIO_HINTS:-$wf_jobs_folder/machines/romio_hints}
  [ "${WF_IO:-}" != romio ] || export OMPI_MCA_io=romio321
  if [ "$(id -u)" -eq 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1
  fi
  if [ -n "${WF_LAUNCH:-}" ]; then
    read -r -a wf_launcher <<<"$WF_LAUNCH"
    return 0
  fi
  if [ -n "${SLURM_JOB_ID:-}" ]; then
    kind=$(wf_srun_mpi)
    if [ -n "$kind" ]; then
      # srun does not take this over from sbatch by itself. A rank that is gone takes the others with it, but not in the moment in
      # which all end: --wait gives them time.
      export SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-1}
      wf_launcher=(srun "--mpi=$kind" "--cpu-bind=${WF_BIND:-cores}" --kill-on-bad-exit=0 --wait=30)
      return 0
    fi
    case ${WF_BIND:-cores} in
      cores) export OMPI_MCA_hwloc_base_binding_policy=core ;;
      sockets) export OMPI_MCA_hwloc_base_binding_policy=socket ;;
      *) export OMPI_MCA_hwloc_base_binding_policy=none ;;
    esac
    export OMPI_MCA_orte_execute_quiet=1 # exit code 3 is no accident
    wf_launcher=("${WF_MPIEXEC:-mpiexec}" -n "${SLURM_NTASKS:-1}")
    return 0
  fi
  wf_setup_mpi || return 2
  read -r -a wf_launcher <<<"$WF_MPIEXEC"
  wf_launcher+=(-n "${WF_RANKS:-$(wf_cores)}")
}

# --- parameters ---

# The program by itself, one rank, outside the launcher. Isolated processes of Open MPI take the same session folder on a node and
# remove it from under each other, so each gets a place of its own.
wf_alone() {
  local folder code
  folder=$(mktemp -d "${TMPDIR:-/tmp}/weightflow.XXXXXX") || return 1
  OMPI_MCA_ess_singleton_isolated=1 OMPI_MCA_orte_tmpdir_base=$folder "$wf_program" "$@" </dev/null
  code=$?
  rm -rf "$folder"
  return "$code"
}

# wf_parameters_read PARAMETERS.yaml OPTION...: all parameters in force, into wf_parameters; mistakes are told by the program.
wf_parameters_read() { wf_parameters=$(wf_alone params "$@"); }

# wf_parameter GROUP NAME: its value.
wf_parameter() {
  local value
  value=$(awk -v group="$1" -v name="$2" '
    /^[a-z_]+:/ { inside = $1 == group ":" }
    inside && $1 == name ":" { sub(/^ *[a-z_0-9]+: */, ""); print; exit }' <<<"$wf_parameters")
  case $value in
    \"*) value=${value#\"}; value=${value%%\"*} ;;
    *) value=${value%%#*}; value=${value%"${value##*[! ]}"} ;;
  esac
  printf '%s\n' "$value"
}

# wf_table_row TABLE N: the N-th row after the names, as options, in the array wf_row.
wf_table_row() {
  local names values i
  [ -r "$1" ] || { wf_complain "$1: cannot be read"; return 2; }
  IFS=$'\t' read -r -a names <"$1"
  mapfile -t values < <(awk -v n="$2" 'NR == n + 1' "$1" | tr '\t' '\n')
  if [ ${#values[@]} -ne ${#names[@]} ] || [ ${#names[@]} -eq 0 ]; then
    wf_complain "$1: row $2 has ${#values[@]} values for ${#names[@]} names"
    return 2
  fi
  case " ${names[*]} " in
    *" out "* | *" run_out "*) ;;
    *) wf_complain "$1: no column \`out\`: give each row a run folder"; return 2 ;;
  esac
  wf_row=()
  for i in "${!names[@]}"; do wf_row+=("-${names[i]}" "${values[i]}"); done
}

# --- how far a run is ---

# Names of what is finished and of the checkpoints: it changes when the run has got on.
wf_fingerprint() {
  find "$1" -mindepth 2 -maxdepth 3 \( -name '*.h5' -o -name '*.html' \) -printf '%P\n' 2>/dev/null | sort | cksum | tr ' ' .
}

# wf_history_last FOLDER JOB: the fingerprint at the end of the job's last start; empty if there was none.
wf_history_last() { awk -F '\t' -v job="$2" '$2 == job { last = $7 } END { print last }' "$1/jobs/history.txt" 2>/dev/null; }

wf_history_add() { # FOLDER JOB START CODE RAN STOP FINGERPRINT WHAT
  local file=$1/jobs/history.txt
  mkdir -p "$1/jobs" 2>/dev/null || return 0
  [ -s "$file" ] || printf 'ended\tjob\tstart\tcode\tran_seconds\tstop_seconds\tfingerprint\twhat\n' >"$file"
  shift
  { date +%Y-%m-%dT%H:%M:%S; printf '%s\n' "$@"; } | paste -s >>"$file"
}

# Seconds that a stop needs: the longest of the last five, from the signal to the end of the program, and the dearest checkpoint.
wf_stop_seconds() {
  {
    awk -F '\t' 'NR > 1 { s[NR] = $6 } END { for (i = NR - 4; i <= NR; i++) print s[i] + 0 }' "$1/jobs/history.txt" 2>/dev/null
    awk -F '\t' '$1 == "checkpoint" && $5 > 0 { print $4 / $5 }' "$1"/*/timers.txt 2>/dev/null
  } | awk '$1 > m { m = $1 } END { printf "%d\n", m + 0.999 }'
}

# --- time ---

# [D-]HH:MM:SS, MM:SS or words, as Slurm prints the time left, in seconds; empty for words.
wf_seconds_of() {
  awk -v text="$1" 'BEGIN {
    if (text !~ /^([0-9]+-)?[0-9:]+$/) exit
    days = 0
    if (split(text, part, "-") == 2) { days = part[1]; text = part[2] }
    n = split(text, field, ":"); seconds = 0
    for (i = 1; i <= n; i++) seconds = 60 * seconds + field[i]
    print 86400 * days + seconds }'
}

# Seconds until Slurm ends the job; empty where it does not.
wf_seconds_left() {
  if [ -n "${SLURM_JOB_END_TIME:-}" ]; then echo $((SLURM_JOB_END_TIME - $(date +%s)))
  elif [ -n "${SLURM_JOB_ID:-}" ] && command -v squeue >/dev/null 2>&1; then
    wf_seconds_of "$(squeue -h -j "$SLURM_JOB_ID" -o %L 2>/dev/null | head -n 1)"
  fi
}

# wf_stop_minutes FOLDER: the option that makes a start end itself in time, with a checkpoint; empty without a limit. The program
# keeps what its own checkpoints and steps cost on top of the reserve. A limit of the user's own counts where it is nearer.
wf_stop_minutes() {
  local left reserve need mine
  left=$(wf_seconds_left)
  mine=$(wf_parameter run stop_minutes)
  [ -n "$left" ] || return 0
  reserve=${WF_RESERVE:-$((left / 10 < 60 ? left / 10 : 60))}
  need=$((2 * $(wf_stop_seconds "$1")))
  [ "$reserve" -ge "$need" ] || reserve=$need
  awk -v left="$left" -v reserve="$reserve" -v mine="${mine:-0}" 'BEGIN {
    seconds = left - reserve > 1 ? left - reserve : 1
    if (mine > 0 && 60 * mine < seconds) seconds = 60 * mine
    printf "%.6g\n", seconds / 60 }'
}

# --- one start ---

# wf_start FOLDER COMMAND PARAMETERS OPTION...: run one command to its end. Out: wf_code, its exit code; wf_signals, how many came
# meanwhile; wf_waited, seconds from the first to the end.
wf_start() {
  local folder=$1 starter words tee_process patience=1000 tries=0
  shift
  [ -n "${SLURM_JOB_ID:-}" ] || patience=1 # at a terminal, the second Ctrl-C ends the run at once
  wf_signals=0
  wf_signal_time=
  wf_waited=0
  wf_started=
  if [ -n "$wf_early_signal" ]; then
    wf_code=3
    return
  fi
  touch "$folder/jobs/begun" || { wf_code=1; return; }
  exec {words}> >(trap '' INT TERM USR1; exec tee "$folder/jobs/last_words.txt" >&2)
  tee_process=$!
  # A starter answers TERM and INT by killing its ranks at once but passes USR1 on, so it is told USR1. It has a process group of
  # its own (set -m), out of a terminal's reach.
  set -m
  "${wf_launcher[@]}" "$wf_program" "$@" </dev/null 2>&"$words" {words}>&- &
  starter=$!
  set +m
  exec {words}>&-
  trap 'wf_signals=$((wf_signals + 1))
    : "${wf_signal_time:=$(date +%s)}"
    if [ "$wf_signals" -le "$patience" ]; then kill -USR1 "$starter"; else kill -TERM "$starter"; fi 2>/dev/null' USR1 TERM INT
  while :; do # wait is cut short by a signal
    wf_code=0
    wait "$starter" || wf_code=$?
    kill -0 "$starter" 2>/dev/null || break
  done
  trap 'wf_early_signal=1' USR1 TERM INT # it concerns the next command
  while kill -0 "$tee_process" 2>/dev/null && [ $tries -lt 50 ]; do
    sleep 0.1
    tries=$((tries + 1))
  done
  [ -z "$wf_signal_time" ] || wf_waited=$(($(date +%s) - wf_signal_time))
  wf_code_settle "$folder"
}

# What the program says of itself in status.txt has the last word. A clean stop counts as one, whatever became of the ranks in the
# moment after; and a starter that fails to start anything may still answer 0, as srun does.
wf_code_settle() {
  local state=
  [ ! "$1/status.txt" -nt "$1/jobs/begun" ] || state=$(sed -n 's/^state: //p' "$1/status.txt")
  wf_started=${state:+yes}
  case $wf_code.$state in
    0.complete | [234].*) ;;
    0.*) wf_code=1 ;;
    *.stopped) wf_code=3 ;;
  esac
}

# Did the file `stop` end this start?
wf_stop_file_asked() { grep -qF "since the file \`stop\` asked for it" "$1/jobs/last_words.txt" 2>/dev/null; }

# Is a lost start of this job, on a node that Slurm does not reach, still at work in the folder?
wf_folder_is_busy() { grep -q 'another run is at work in this folder' "$1/jobs/last_words.txt" 2>/dev/null; }

# --- one job ---

# Name of this job: of an array's task, both numbers.
wf_job_name() {
  if [ -n "${SLURM_ARRAY_JOB_ID:-}" ]; then echo "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
  else echo "${SLURM_JOB_ID:-local}"; fi
}

# Say which jobs wait for this one: Slurm cancels them without a word when it fails.
wf_tell_dependents() {
  local waiting
  [ -n "${SLURM_JOB_ID:-}" ] || return 0
  waiting=$(squeue -h -t PENDING -o '%i %j %E' 2>/dev/null | awk -v id="${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}" '
    { job[NR] = $1; name[NR] = $2; on[NR] = $3; lost[id] = 1 }
    END {
      do { # those that wait for a lost one are lost, too
        found = 0
        for (i = 1; i <= NR; i++) {
          if (job[i] in lost) continue
          n = split(on[i], word, /[^0-9]+/)
          for (k = 1; k <= n && !(job[i] in lost); k++)
            if (word[k] != "" && word[k] in lost) { lost[job[i]] = 1; found = 1; text = text ", " job[i] " (" name[i] ")" }
        }
      } while (found)
      print substr(text, 3) }')
  [ -z "$waiting" ] || wf_say "jobs that wait for this one are cancelled: $waiting"
}

# wf_job_end FOLDER WHAT TEXT: note how the start ended, say it, leave.
wf_job_end() {
  wf_history_add "$1" "$(wf_job_name)" "$wf_start_number" "$wf_code" "$(($(date +%s) - wf_begun))" "$wf_waited" \
    "$(wf_fingerprint "$1")" "$2"
  wf_say "$3"
  if [ "$2" != complete ] && [ "$2" != requeued ]; then
    wf_tell_dependents
    [ "$2" = mistake ] || wf_say "to go on, submit the same again: what is complete is skipped"
  fi
}

# wf_job_settle FOLDER: all commands are through, or one ended early: complete, back into the queue, or an end. Leaves the script.
wf_job_settle() {
  local folder=$1 before job
  job=$(wf_job_name)
  before=$(wf_history_last "$folder" "$job")
  case $wf_code in
    0) wf_job_end "$folder" complete "complete: $folder"; exit 0 ;;
    2) wf_job_end "$folder" mistake "exit code 2: a mistake in the input, see the lines above; nothing was run"; exit 2 ;;
    4) wf_job_end "$folder" damaged "exit code 4: a file is damaged, see the lines above: remove it, or run the stage that makes it"
      exit 4 ;;
  esac
  if wf_stop_file_asked "$folder"; then
    wf_job_end "$folder" stopped "stopped with a checkpoint, as the file \`stop\` asked"
  elif [ -z "${SLURM_JOB_ID:-}" ]; then
    wf_job_end "$folder" stopped "exit code $wf_code$([ "$wf_code" -ne 3 ] || echo ': stopped with a checkpoint')"
  elif [ "$before" = "$(wf_fingerprint "$folder")" ]; then
    wf_job_end "$folder" stuck "exit code $wf_code, and no newer checkpoint than at the end of the start before: not requeued.$(
      [ "$wf_code" -ne 3 ] || echo ' One step may need more than the time limit: ask for more time.')"
  elif [ "${SLURM_RESTART_COUNT:-0}" -ge "${WF_REQUEUES:-100}" ]; then
    wf_job_end "$folder" exhausted \
      "exit code $wf_code after $wf_start_number starts: WF_REQUEUES = ${WF_REQUEUES:-100} allows no more"
  else
    wf_job_end "$folder" requeued "exit code $wf_code: back into the queue"
    trap - USR1 TERM
    if scontrol requeue "$job"; then sleep 120; fi # the batch system ends this script
    wf_say "job $job could not be requeued: submit the same again, what is complete is skipped"
  fi
  [ "$wf_code" -ne 0 ] || wf_code=1
  exit "$wf_code"
}

# wf_job COMMAND[,COMMAND...] PARAMETERS OPTION...: a whole job script. Does not return.
wf_job() {
  local commands=$1 parameters=$2 folder command stop
  shift 2
  wf_begun=$(date +%s)
  wf_start_number=$((${SLURM_RESTART_COUNT:-0} + 1))
  wf_machine_load && wf_program_find && wf_launcher_choose && wf_parameters_read "$parameters" "$@" || exit 2
  folder=$(wf_parameter run out)
  if [ -n "${SLURM_JOB_ID:-}" ] && [ "$(wf_parameter run force)" = true ]; then
    wf_complain "run.force = true: a job that resumes itself would begin anew each time:" \
      "remove the products to be made anew instead"
    exit 2
  fi
  stop=$(wf_stop_minutes "$folder")
  [ -z "$stop" ] || set -- "$@" -stop_minutes "$stop"
  wf_say "job $(wf_job_name), start $wf_start_number, $(date), machine $WF_MACHINE: ${wf_launcher[*]}"
  wf_say "commands $commands in $folder${stop:+, to end within $stop minutes}"
  mkdir -p "$folder/jobs" || exit 2
  for command in ${commands//,/ }; do
    wf_start "$folder" "$command" "$parameters" "$@"
    while [ "$wf_code" -eq 2 ] && [ "$wf_start_number" -gt 1 ] && wf_folder_is_busy "$folder"; do
      wf_say "a lost start of this job is still at work in $folder: waiting for it"
      sleep "${WF_BUSY:-30}"
      wf_start "$folder" "$command" "$parameters" "$@"
    done
    if [ "$wf_code" -ne 0 ] && [ "$wf_code" -ne 2 ] && [ -z "$wf_started" ] && [ -z "$wf_early_signal" ]; then
      # What a lost start left on the node can be in the way of the first step of the next one, and of that one only.
      wf_say "exit code $wf_code: ${wf_launcher[0]} did not get the program going; once more"
      wf_start "$folder" "$command" "$parameters" "$@"
    fi
    [ "$wf_code" -eq 0 ] || break
  done
  wf_job_settle "$folder"
}
