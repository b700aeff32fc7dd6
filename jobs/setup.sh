#!/usr/bin/env bash
# Set-up shared by jobs/quickstart.sh, tests/run.sh and the other job scripts: packages, build folder, MPI environment.
#
#   jobs/setup.sh            install what is missing (Debian, as root or with sudo), or check that everything is there
#   . jobs/setup.sh          define the functions below and change nothing
#
# On a cluster nothing is installed: load the modules of a compiler, MPI, PETSc, parallel HDF5 and OpenBLAS first, or name them in
# WF_MODULES ("gcc openmpi petsc hdf5 openblas"). WF_MPIEXEC overrides the MPI starter, WF_CONFIGURE adds arguments to configure.

WF_PACKAGES="build-essential autoconf automake libtool pkg-config libopenmpi-dev openmpi-bin libpetsc-real-dev"
WF_PACKAGES="$WF_PACKAGES libhdf5-openmpi-dev libopenblas-dev librandom123-dev libyaml-dev libsbml5-dev"
WF_PACKAGES_WANTED="gnuplot-nox hdf5-tools shellcheck"

wf_root_folder() { (cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd); }

wf_say() { printf '== %s\n' "$*"; }

# Names of the given Debian packages that are not installed.
wf_missing_packages() {
  local name
  for name in "$@"; do
    dpkg-query -W -f '${Status}\n' "$name" 2>/dev/null | grep -q '^install ok installed$' || printf '%s ' "$name"
  done
}

# What a build needs and this machine lacks, in words; empty where all is there. Looks for libraries by pkg-config, by the compiler
# wrapper and by the variables that configure knows; configure has the last word.
wf_missing_requirements() {
  local tool
  for tool in autoconf automake libtoolize make sed; do command -v "$tool" >/dev/null 2>&1 || printf '%s ' "$tool"; done
  if ! command -v pkg-config >/dev/null 2>&1 && ! command -v pkgconf >/dev/null 2>&1; then
    printf 'pkg-config '
    return
  fi
  command -v "${CC:-cc}" >/dev/null 2>&1 || printf 'C-compiler '
  command -v mpicc >/dev/null 2>&1 || pkg-config --exists ompi-c || [ -n "${MPI_LIBS:-}" ] || printf 'MPI '
  pkg-config --exists petsc || pkg-config --exists PETSc || [ -n "${PETSC_DIR:-}${PETSC_LIBS:-}" ] || printf 'PETSc '
  pkg-config --exists hdf5-openmpi || pkg-config --exists hdf5-mpi || pkg-config --exists hdf5 ||
    [ -n "${HDF5_DIR:-}${HDF5_LIBS:-}" ] || printf 'parallel-HDF5 '
  pkg-config --exists openblas || pkg-config --exists flexiblas || pkg-config --exists cblas ||
    [ -n "${BLAS_LIBS:-}" ] || printf 'OpenBLAS '
  pkg-config --exists yaml-0.1 || [ -n "${YAML_LIBS:-}" ] || printf 'libyaml '
  # shellcheck disable=SC2086
  printf '#include <Random123/philox.h>\n' | ${CC:-cc} ${CPPFLAGS:-} -E - >/dev/null 2>&1 || printf 'Random123 '
}

# Install the given packages; another installation that is under way is waited for.
wf_install_packages() {
  local as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  wf_say "installing: $*"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=900 update >/dev/null || return 1
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=900 -o Dpkg::Use-Pty=0 \
    install --no-install-recommends "$@" >/dev/null
}

wf_may_install() {
  command -v apt-get >/dev/null 2>&1 && command -v dpkg-query >/dev/null 2>&1 || return 1
  [ "$(id -u)" -eq 0 ] && return 0
  command -v sudo >/dev/null 2>&1 || return 1
  sudo -n true 2>/dev/null || [ -t 0 ]
}

# Make sure that everything a build needs is there. Installs only on Debian and its kin, and only what is missing.
wf_setup_packages() {
  local lacking packages
  # shellcheck disable=SC2086
  if [ -n "${WF_MODULES:-}" ]; then module load $WF_MODULES || return 2; fi
  lacking=$(wf_missing_requirements)
  if wf_may_install && { [ -n "$lacking" ] || [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; }; then
    # Where modules or variables already give everything, only the wanted extras may come from Debian.
    packages=$WF_PACKAGES_WANTED
    [ -z "$lacking" ] || packages="$WF_PACKAGES $packages"
    # shellcheck disable=SC2086
    packages=$(wf_missing_packages $packages)
    if [ -n "$packages" ]; then
      # shellcheck disable=SC2086
      wf_install_packages $packages || [ -z "$lacking" ] ||
        { echo "setup: packages could not be installed: $packages" >&2; return 2; }
    fi
    lacking=$(wf_missing_requirements)
  fi
  if [ -n "$lacking" ]; then
    cat >&2 <<MESSAGE
setup: missing: $lacking
  Debian or Ubuntu: run this script as root or with sudo, or ask for the packages
    $WF_PACKAGES
  Cluster: load the modules of a C compiler, MPI, PETSc, parallel HDF5 and OpenBLAS (or name them in WF_MODULES), and set
    PKG_CONFIG_PATH, PETSC_DIR, HDF5_DIR or the variables that \`configure --help\` lists; Random123 is header files only.
MESSAGE
    return 2
  fi
}

# Environment of MPI runs: as many ranks as asked for, on any machine, also as root; waiting ranks give their core away; one BLAS
# thread a rank. Sets WF_MPIEXEC.
wf_setup_mpi() {
  if [ -z "${WF_MPIEXEC:-}" ]; then
    WF_MPIEXEC=$(command -v mpiexec || command -v mpirun || true)
    [ -n "$WF_MPIEXEC" ] || { echo "setup: no mpiexec found: set WF_MPIEXEC to your MPI starter (such as srun)" >&2; return 2; }
  fi
  export WF_MPIEXEC OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
  # shellcheck disable=SC2086
  case $($WF_MPIEXEC --version 2>&1 | head -n 3) in
    *"Open MPI"* | *OpenRTE* | *PRTE*)
      export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_hwloc_base_binding_policy=none
      export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe OMPI_MCA_orte_execute_quiet=1 # exit code 3 is no accident
      if [ "$(id -u)" -eq 0 ]; then
        export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1
      fi ;;
  esac
}

# Cores that this process may use.
# nproc would answer 1 where the environment holds threads to one a process.
wf_cores() { env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1; }

# libtool and make cannot work in a folder with blanks in its name; then the build goes through a link without any.
# Prints the path to use.
wf_path_without_blanks() {
  local path=$1 folder link
  case $path in
    *[[:space:]]*)
      folder=${XDG_RUNTIME_DIR:-/tmp}
      case $folder in *[[:space:]]*) folder=/tmp ;; esac
      link=$folder/weightflow-$(id -u)-$(printf '%s' "$path" | cksum | cut -d ' ' -f 1)
      if [ ! -L "$link" ]; then ln -s "$path" "$link" || return 1; fi
      if [ "$(readlink "$link")" != "$path" ]; then
        echo "setup: $link is in the way: remove it" >&2
        return 1
      fi
      printf '%s\n' "$link" ;;
    *) printf '%s\n' "$path" ;;
  esac
}

# wf_build ROOT FOLDER ARGUMENTS: bootstrap, configure and build in ROOT/FOLDER, each only where needed.
wf_build() {
  local root=$1 folder=$2
  shift 2
  cd "$root" || return 1
  if [ ! -x configure ] || [ configure.ac -nt configure ] || [ ! -f Makefile.in ]; then
    wf_say "bootstrap"
    ./bootstrap >bootstrap.log 2>&1 || { cat bootstrap.log; return 1; }
  fi
  mkdir -p "$folder" && cd "$folder" || return 1
  if [ ! -x config.status ] || [ ../configure -nt config.status ]; then
    wf_say "configure in $folder"
    # shellcheck disable=SC2086
    ../configure -q "$@" ${WF_CONFIGURE:-} || return 1
  fi
  make -s -j "$(wf_cores)" || return 1
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -eu
  wf_setup_packages
  wf_setup_mpi
  wf_say "everything that a build needs is there"
fi
