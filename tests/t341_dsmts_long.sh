#!/usr/bin/env bash
# The stochastic cases of the SBML Test Suite, and ours, with 10 000 trajectories each.
cd "${abs_top_builddir:-.}" && make tests/t340_dsmts tests/t345_conformance >/dev/null || exit 99
./tests/t340_dsmts 10000 && ./tests/t345_conformance 10000
