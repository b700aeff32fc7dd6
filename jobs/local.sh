#!/usr/bin/env bash
# Run a parameter file on this machine, without a batch system; a run that stops early with a checkpoint is resumed.
#
#   jobs/local.sh [-n RANKS] PARAMETERS.yaml [-option value ...]
#
# RANKS defaults to the number of cores. WF_PROGRAM names the program (default: ./build/weightflow, then the one in PATH),
# WF_RESUMES how often to resume (default 1000). Ctrl-C (or TERM) asks for a clean stop with a checkpoint; a second one ends the
# run at once. Exit code: that of the program.
set -euo pipefail
# shellcheck source=jobs/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
ranks=$(wf_cores)
if [ "${1:-}" = -n ]; then
  ranks=${2:?jobs/local.sh: -n needs a number of ranks}
  shift 2
fi
parameters=${1:?jobs/local.sh: name a parameter file, such as inputs/epidemic.yaml}
shift
wf_setup_mpi
program=${WF_PROGRAM:-$(wf_root_folder)/build/weightflow}
[ -x "$program" ] || program=$(command -v weightflow) ||
  { echo "jobs/local.sh: no weightflow program: run jobs/quickstart.sh or set WF_PROGRAM" >&2; exit 2; }
[ -r "$parameters" ] || { echo "jobs/local.sh: $parameters: cannot be read" >&2; exit 2; }

# mpiexec answers Ctrl-C by killing its ranks within a second, before they could write a checkpoint, but passes USR1 on. So it
# runs in a process group of its own (set -m), out of the terminal's reach, and this script decides what it is told.
interrupts=0
resumes=0
while :; do
  set -m
  # shellcheck disable=SC2086
  $WF_MPIEXEC -n "$ranks" "$program" run "$parameters" "$@" </dev/null &
  starter=$!
  set +m
  trap 'interrupts=$((interrupts + 1))
    if [ "$interrupts" -eq 1 ]; then kill -USR1 "$starter"; else kill -TERM "$starter"; fi' INT TERM
  while :; do # wait is cut short by a signal
    code=0
    wait "$starter" || code=$?
    kill -0 "$starter" 2>/dev/null || break
  done
  if [ "$code" -ne 3 ] || [ "$interrupts" -gt 0 ] || [ "$resumes" -ge "${WF_RESUMES:-1000}" ]; then break; fi
  resumes=$((resumes + 1))
  wf_say "stopped with a checkpoint: resuming ($resumes)"
done

# The last -out on the line wins, then the file's; the default is the parameter table's.
folder=$(sed -n 's/^  *out: *["'\'']\{0,1\}\([^"'\''#]*[^"'\''# ]\).*/\1/p' "$parameters" | head -n 1)
previous=
for argument in "$@"; do
  case $previous in -out | -run_out) folder=$argument ;; esac
  previous=$argument
done
report=${folder:-outputs/run}/report/report.html
if [ "$code" -eq 0 ] && [ -f "$report" ]; then wf_say "report: $(cd "$(dirname "$report")" && pwd)/report.html"; fi
if [ "$code" -ne 0 ]; then
  wf_say "exit code $code (0 complete, 2 mistake in the input, 3 stopped: call again to resume, 4 a file is damaged)"
fi
exit "$code"
