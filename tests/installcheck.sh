#!/bin/sh
# Compile a program against the installed library as a user would, by pkg-config, and run it. Called by `make installcheck`.
set -eu
: "${libdir:?}" "${bindir:?}" "${CC:?}" "${WF_REAL:?}" "${PKG_CONFIG:?}"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cat >"$scratch/user.c" <<'C'
#include <stdio.h>
#include <weightflow/base.h>
#include <weightflow/exact_sum_mpi.h>
#include <weightflow/random.h>
int main(void)
{
  wf_exact_sum *sum = wf_exact_sum_create(1);
  wf_real       tenth = 0.5, total = 0;
  uint32_t      words[4];
  if (!sum) return 1;
  for (int i = 0; i < 10; i++) wf_exact_sum_add(sum, 0, 1, &tenth);
  wf_exact_sum_get(sum, 0, 1, 1, &total);
  wf_exact_sum_destroy(&sum);
  wf_random_words(0, (wf_random_purpose)0, 0, 0, words);
  printf("%s %g %08x\n", WF_REAL_NAME, (double)total, words[0]);
  return 0;
}
C
destination=${DESTDIR:-}
if [ -n "$destination" ]; then
  PKG_CONFIG_SYSROOT_DIR=$destination
  export PKG_CONFIG_SYSROOT_DIR
fi
PKG_CONFIG_PATH=$destination$libdir/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
LD_LIBRARY_PATH=$destination$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
ASAN_OPTIONS=detect_leaks=0
export PKG_CONFIG_PATH LD_LIBRARY_PATH ASAN_OPTIONS
# shellcheck disable=SC2046,SC2086
$CC $CFLAGS -o "$scratch/user" "$scratch/user.c" $($PKG_CONFIG --cflags --libs weightflow)
answer=$("$scratch/user")
[ "$answer" = "$WF_REAL 5 6627e8d5" ] || { echo "installcheck: got '$answer' instead of '$WF_REAL 5 6627e8d5'"; exit 1; }
[ -x "$destination$bindir/weightflow" ] || { echo "installcheck: $destination$bindir/weightflow is not there"; exit 1; }
echo "installcheck: a program links and runs against the installed library"
