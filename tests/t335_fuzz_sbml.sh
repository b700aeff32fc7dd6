#!/usr/bin/env bash
# Read mutated SBML for some minutes (WF_FUZZ_SECONDS, 180) under AddressSanitizer and UndefinedBehaviorSanitizer, by libFuzzer: no
# crash, no hang (20 s), no more than 2 GiB. Seeds are the models of t330, t331 and inputs/. What was found stays in
# tests/fuzz_sbml.found of the build folder.
set -uo pipefail
cd "${abs_top_builddir:-.}" || exit 99
source=${abs_top_srcdir:-..}
seconds=${WF_FUZZ_SECONDS:-180}
folder=$PWD/tests/fuzz_sbml.work
found=$PWD/tests/fuzz_sbml.found
rm -rf "$folder" "$found"
mkdir -p "$folder/seeds" "$folder/corpus" "$found" || exit 99

if ! grep -q '^#define HAVE_LIBSBML' config.h; then
  echo "skipped: built without libsbml"
  exit 77
fi
compiler=$(command -v clang || true)
printf 'int LLVMFuzzerTestOneInput(const char *d, long n) { return 0; }\n' >"$folder/probe.c"
if [ -z "$compiler" ] || ! "$compiler" -w -fsanitize=fuzzer,address "$folder/probe.c" -o "$folder/probe" 2>/dev/null; then
  echo "skipped: no clang with libFuzzer (Debian: clang, libclang-rt-dev)"
  exit 77
fi

# All of ssa/ and what it needs of base/: MPI, PETSc and HDF5 are not in it. An empty array may be NULL + 0.
flags=$(pkg-config --cflags libsbml 2>/dev/null)
libraries=$(pkg-config --libs libsbml 2>/dev/null || echo -lsbml)
sources=("$source/tests/fuzz_sbml.c" "$source/src/base/memory.c" "$source/src/base/random.c" "$source/src/base/exact_sum.c")
for file in "$source"/src/ssa/*.c; do
  case $file in */sbml_none.c) ;; *) sources+=("$file") ;; esac
done
# shellcheck disable=SC2086
"$compiler" -g -O1 -std=gnu11 -w -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
  -fno-sanitize=float-divide-by-zero,pointer-overflow -I. -Iinclude -I"$source/include" -I"$source/src" $flags "${sources[@]}" \
  -o "$folder/fuzz" $libraries -lm || exit 1

for program in t330_sbml t331_sbml_refused; do
  make -s "tests/$program" >/dev/null && "tests/$program" seeds "$folder/seeds/$program-" || exit 1
done
cp "$source"/inputs/models/*.xml "$folder/seeds/"
for word in '<apply>' '</apply>' '<ci>' '<cn>' '<cn type=\"rational\">1<sep/>0</cn>' '<csymbol' '<piecewise>' '<piece>' \
  '<lambda>' '<bvar>' '<listOf' 'boundaryCondition=\"true\"' 'constant=\"false\"' 'hasOnlySubstanceUnits=\"false\"' \
  '<stoichiometryMath>' '<assignmentRule' '<rateRule' '<initialAssignment' '<event' '<delay>' '<trigger' '<priority>' \
  'conversionFactor=\"' 'NaN' 'INF' '-1' '1e308' '0'; do
  printf '"%s"\n' "$word"
done >"$folder/words"
# libsbml keeps some memory to the end.
ASAN_OPTIONS=detect_leaks=0 "$folder/fuzz" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=30000 -seed=1 \
  -print_final_stats=1 -dict="$folder/words" -artifact_prefix="$found/" "$folder/corpus" "$folder/seeds" >"$folder/log" 2>&1
code=$?
grep -E 'SUMMARY|stat::(number_of_executed_units|peak_rss_mb|slowest_unit_time_sec)|Done' "$folder/log"
[ $code -eq 0 ] || { grep -E '^ *#[0-9]+ ' "$folder/log" | head -n 20; echo "found: $(ls "$found")"; exit 1; }
grep -q 'stat::number_of_executed_units: [1-9][0-9][0-9]' "$folder/log" || { echo "too few executions"; exit 1; }
