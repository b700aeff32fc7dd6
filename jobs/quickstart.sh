#!/usr/bin/env bash
# Install what is missing, build in ./build, and run the main job on all cores.
#
#   jobs/quickstart.sh [PARAMETERS.yaml] [-option value ...]      default: inputs/epidemic.yaml
#
# Call it again to resume a run that was stopped, or to see that a complete one has nothing left to do.
# Exit code: that of the program.
set -euo pipefail
here=$PWD
# shellcheck source=jobs/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
root=$(wf_path_without_blanks "$(wf_root_folder)")
wf_setup_packages
wf_setup_mpi
(wf_build "$root" build)

parameters=$root/inputs/epidemic.yaml
if [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; then
  parameters=$1
  [ "${1#/}" != "$1" ] || parameters=$here/$1
  shift
fi
cd "$root" # run folders are relative to the project
WF_PROGRAM=$root/build/weightflow exec "$root/jobs/local.sh" "$parameters" "$@"
