#!/bin/sh
# The manual page is the one that the tables make, names every option, and troff has nothing to say against it.
program=${abs_top_builddir:?}/weightflow
page=${abs_top_srcdir:?}/doc/weightflow.1
[ -x "$program" ] || { echo "$program is not built"; exit 99; }
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
"$program" help man >"$scratch/made.1" || exit 1
diff "$page" "$scratch/made.1" || { echo "make it anew: ./weightflow help man > doc/weightflow.1"; exit 1; }
"$program" help run | sed -n 's/^  -\([a-z_]*\) .*/\1/p' >"$scratch/options"
[ "$(wc -l <"$scratch/options")" -gt 40 ] || { echo "help run lists too few options"; exit 1; }
while read -r option; do
  grep -qF "\\-$option\\fR" "$page" || { echo "-$option is not in the manual page"; exit 1; }
done <"$scratch/options"
if command -v groff >/dev/null; then
  groff -man -Tutf8 -ww -z "$page" 2>"$scratch/warnings"
  [ ! -s "$scratch/warnings" ] || { cat "$scratch/warnings"; exit 1; }
fi
echo "manual page checked"
