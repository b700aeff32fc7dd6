#!/usr/bin/env bash
# Run a parameter file on this machine, without a batch system; a run that stops early with a checkpoint is resumed.
#
#   jobs/local.sh [-n RANKS] [-s STAGE[,STAGE...]] PARAMETERS.yaml [-option value ...]
#
# RANKS defaults to the number of cores, the stages to all. WF_PROGRAM names the program (default: ./build/weightflow, then the
# one in PATH), WF_RESUMES how often to resume (default 1000). Ctrl-C (or TERM), or a file `stop` in the run folder, asks for a
# clean stop with a checkpoint; a second Ctrl-C ends the run at once. Exit code: that of the program.
set -uo pipefail
# shellcheck source=jobs/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
wf_script=jobs/local.sh
commands=run
mistakes=0
while [ $# -gt 0 ]; do
  case $1 in
    -n) WF_RANKS=${2:-}
      case $WF_RANKS in
        '' | *[!0-9]* | 0*) wf_complain "-n = $WF_RANKS: give a number of ranks of at least 1"; mistakes=1 ;;
      esac ;;
    -s) commands=${2:-}
      [ -n "$commands" ] || { wf_complain "-s: name a stage, or several with commas"; mistakes=1; } ;;
    *) break ;;
  esac
  shift $(($# > 1 ? 2 : 1))
done
parameters=${1:-}
if [ -z "$parameters" ]; then
  wf_complain "name a parameter file, such as inputs/epidemic.yaml"
  mistakes=1
elif [ ! -r "$parameters" ]; then
  wf_complain "$parameters: cannot be read: name a parameter file, such as inputs/epidemic.yaml"
  mistakes=1
fi
[ "$mistakes" -eq 0 ] || exit 2
shift
unset SLURM_JOB_ID # a shell inside an allocation is served by mpiexec as any other
wf_program_find && wf_setup_mpi && wf_launcher_choose && wf_parameters_read "$parameters" "$@" || exit 2
folder=$(wf_parameter run out)
mkdir -p "$folder/jobs" || exit 2

resumes=0
while :; do
  before=$(wf_fingerprint "$folder")
  for command in ${commands//,/ }; do
    wf_start "$folder" "$command" "$parameters" "$@"
    [ "$wf_code" -eq 0 ] || break
  done
  if [ "$wf_code" -ne 3 ] || [ "$wf_signals" -gt 0 ] || wf_stop_file_asked "$folder"; then break; fi
  [ "$resumes" -lt "${WF_RESUMES:-1000}" ] || break
  if [ "$before" = "$(wf_fingerprint "$folder")" ]; then
    wf_say "no newer checkpoint than before: not resumed. One step may need more than stop_minutes"
    break
  fi
  resumes=$((resumes + 1))
  wf_say "stopped with a checkpoint: resuming ($resumes)"
done

report=$folder/report/report.html
if [ "$wf_code" -eq 0 ] && [ -f "$report" ]; then wf_say "report: $(cd "$(dirname "$report")" && pwd)/report.html"; fi
if [ "$wf_code" -ne 0 ]; then
  wf_say "exit code $wf_code (0 complete, 2 mistake in the input, 3 stopped: call again to resume, 4 a file is damaged)"
fi
exit "$wf_code"
