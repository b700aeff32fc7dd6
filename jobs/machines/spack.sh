#!/usr/bin/env bash
# Libraries built with Spack. WF_SPACK_ENVIRONMENT names the environment (or its folder) that the program was built in; else
# WF_SPACK_SPECS is loaded. SPACK_ROOT says where Spack is, if `spack` is not in PATH.
if [ -n "${SPACK_ROOT:-}" ] && [ -r "$SPACK_ROOT/share/spack/setup-env.sh" ]; then
  # shellcheck disable=SC1091
  . "$SPACK_ROOT/share/spack/setup-env.sh"
fi
if ! command -v spack >/dev/null 2>&1; then
  echo "machines/spack.sh: no spack: set SPACK_ROOT to its folder" >&2
  return 2
fi
if [ -n "${WF_SPACK_ENVIRONMENT:-}" ]; then
  spack env activate "$WF_SPACK_ENVIRONMENT" || return 2
else
  # shellcheck disable=SC2086
  spack load ${WF_SPACK_SPECS:-openmpi petsc hdf5 openblas} || return 2
fi
