#!/usr/bin/env bash
# The tree against its own rules: layers, pure modules, forbidden calls, documented prototypes, plain text, shell scripts.
# Each broken rule is one line "file:line: what"; the number of rules tried is printed, so that an empty tree does not pass.
set -uo pipefail
cd "${abs_top_srcdir:-$(dirname "$0")/..}" || exit 99
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
findings=$scratch/findings
: >"$findings"
rules=0

# Bottom to top. A module includes only itself and what stands before it.
layers="base params io data ssa nn metrics backbone graph flow meta shift report stages main"
pure_modules="nn backbone graph metrics"
# Public headers that pure code may not use: they bring in MPI, PETSc or files.
impure_headers="params.h io.h run.h snapshots.h exact_sum_mpi.h"

rule() {
  rules=$((rules + 1))
  echo "rule: $1"
}

# The sources, each with comments and texts blanked out (line numbers kept), in $scratch/code/<path>.
blank_comments_and_texts() {
  local file
  while read -r file; do
    mkdir -p "$scratch/code/$(dirname "$file")"
    awk '
      { line = $0; out = ""
        if (line ~ /^[ ]*#[ ]*include/) { print line; next }
        for (i = 1; i <= length(line); i++) {
          c = substr(line, i, 1); two = substr(line, i, 2)
          if (comment) { if (two == "*/") { comment = 0; i++ } }
          else if (text != "") { if (c == "\\") i++; else if (c == text) { text = ""; out = out c } }
          else if (two == "/*") { comment = 1; i++; out = out " " }
          else if (two == "//") break
          else { if (c == "\"" || c == "\047") text = c; out = out c }
        }
        text = ""; print out }' "$file" >"$scratch/code/$file"
  done
}

c_files=$(find src include -name '*.c' -o -name '*.h' -o -name '*.inc' | sort)
sources=$(find src -name '*.c' -o -name '*.h' -o -name '*.inc' | sort)
headers=$(find include -name '*.h' | sort)
test_files=$(find tests -name '*.c' -o -name '*.h' | sort)
scripts=$(find jobs tests .ci bootstrap -type f \( -name '*.sh' -o -name '*.sbatch' -o -name bootstrap -o -path '*.ci/run' \
  -o -path jobs/submit \) 2>/dev/null | sort)
if [ -z "$c_files" ] || [ -z "$headers" ]; then
  echo "no sources found in $PWD"
  exit 99
fi
printf '%s\n' "$c_files" "$test_files" | blank_comments_and_texts

# Which module a public header belongs to: the one whose module.am installs it.
module_of_header() {
  awk -v header="include/weightflow/$1" '
    FNR == 1 { inside = 0 }
    { inside = inside || /^wfinclude_HEADERS/
      if (inside) for (i = 1; i <= NF; i++) if ($i == header) { split(FILENAME, part, "/"); print part[2]; exit }
      if (!/\\$/) inside = 0 }' src/*/module.am
}
# ... and before it is installed, the one it is meant for.
intended_module() {
  case $1 in
    base.h | real.h | blas.h | random.h | exact_sum.h | exact_sum_mpi.h) echo base ;;
    params.h | params_table.h) echo params ;;
    io.h | run.h) echo io ;;
    snapshots.h) echo data ;;
    network.h) echo ssa ;;
    hypernet.h) echo flow ;;
    *) [ -d "src/${1%.h}" ] && echo "${1%.h}" ;;
  esac
}
for header in $headers include/weightflow/real.h; do
  name=${header#include/weightflow/}
  module=$(module_of_header "$name")
  [ -n "$module" ] || module=$(intended_module "$name")
  echo "$name $module"
done >"$scratch/owners"
height() {
  local n=0 layer
  for layer in $layers; do
    n=$((n + 1))
    if [ "$layer" = "$1" ]; then
      echo $n
      return
    fi
  done
  echo 0
}

module_of_file() {
  case $1 in
    src/main.c) echo main ;;
    src/*/*) echo "$1" | cut -d / -f 2 ;;
    include/weightflow.h) echo stages ;;
    include/weightflow/*) awk -v name="${1#include/weightflow/}" '$1 == name { print $2 }' "$scratch/owners" ;;
  esac
}

rule "a module includes only its own headers and those of modules below it"
for file in $c_files; do
  module=$(module_of_file "$file")
  level=$(height "$module")
  [ "$level" -gt 0 ] || { echo "$file:1: belongs to no module" >>"$findings"; continue; }
  grep -n -o -E '^ *# *include *[<"][a-z_0-9]+/[a-z_0-9/]+\.h' "$scratch/code/$file" | sed 's/: *# *include *[<"]/ /' |
  while read -r line include; do
    case $include in
      weightflow/*) used=$(awk -v name="${include#weightflow/}" '$1 == name { print $2 }' "$scratch/owners") ;;
      *) used=${include%%/*}; [ -d "src/$used" ] || continue ;;
    esac
    depth=$(height "$used")
    if [ "$depth" -eq 0 ]; then echo "$file:$line: $include belongs to no module"
    elif [ "$depth" -gt "$level" ]; then echo "$file:$line: $module includes $include of $used, which is above it"; fi
  done >>"$findings"
done

rule "every public header is installed by its module"
for header in $headers; do
  [ "$header" != include/weightflow.h ] || continue
  module=$(module_of_file "$header")
  if [ -n "$(module_of_header "${header#include/weightflow/}")" ]; then continue; fi
  if [ -n "$module" ] && ! grep -q '\.c' "src/$module/module.am"; then continue; fi # a module without sources yet
  echo "$header:1: not in wfinclude_HEADERS of src/${module:-?}/module.am" >>"$findings"
done

rule "pure modules know nothing of MPI, PETSc, HDF5 and files"
pure_files=$(for module in $pure_modules; do
  find "src/$module" -name '*.[ch]' -o -name '*.inc'
  awk -v module="$module" '$2 == module { print "include/weightflow/" $1 }' "$scratch/owners"
done; find src/ssa src/flow -name '*kernel*.[ch]' -o -name '*kernel*.inc')
for file in $pure_files; do
  [ -f "$file" ] || continue
  grep -n -E '# *include *([<"](mpi|petsc|hdf5|H5|yaml)|"(params|io|data|stages|report)/)' "$scratch/code/$file" |
    sed "s|^\([0-9]*\):.*|$file:\1: a pure module includes a library or module of the outside|"
  for header in $impure_headers; do
    grep -n "include *<weightflow/$header>" "$scratch/code/$file" | sed "s|^\([0-9]*\):.*|$file:\1: a pure module includes $header|"
  done
  grep -n -E '(^|[^a-zA-Z_0-9])(f?printf|puts|fopen|fread|fwrite|MPI_[A-Z]|Petsc[A-Z])' "$scratch/code/$file" |
    sed "s|^\([0-9]*\):.*|$file:\1: a pure module prints, reads or calls MPI or PETSc|"
done >>"$findings"

# forbid WHAT PATTERN EXEMPT FILES...: no call matching PATTERN, except in files matching the extended expression EXEMPT.
forbid() {
  local what=$1 pattern=$2 exempt=$3 file
  shift 3
  rule "no $what"
  for file in "$@"; do
    if [[ $file =~ $exempt ]]; then continue; fi
    grep -n -E "$pattern" "$scratch/code/$file" | sed "s|^\([0-9]*\):.*|$file:\1: $what|"
  done >>"$findings"
}
before='(^|[^a-zA-Z_0-9])'
# shellcheck disable=SC2086
{
  forbid "sprintf, strcpy, strcat, strncpy, gets" "$before(v?sprintf|strcpy|strcat|strncpy|strncat|gets) *\\(" '^$' \
    $c_files $test_files
  forbid "rand, random, drand48, time as a seed" "$before(s?rand|s?random|[de]rand48|rand_r) *\\(" '^$' $c_files $test_files
  forbid "exit or abort outside main.c" "$before(_?exit|abort|_Exit) *\\(" '^src/main\.c$' $c_files
  forbid "H5 outside src/io" "$before(H5[A-Za-z_]+|hid_t|herr_t|hsize_t)|include *<(hdf5|H5)" '^src/io/' $c_files
  forbid "getenv outside src/base" "$before(secure_)?getenv *\\(" '^src/base/' $c_files
  forbid "system or popen" "$before(system|popen) *\\(" '^$' $c_files
  forbid "clock or time of day as an input of the numbers" "$before(srand|time\\(NULL\\))" '^src/(base|io)/' $c_files
  forbid "typedef of a pointer" '^ *typedef +(struct +)?[a-zA-Z_]+ *\*+ *[a-zA-Z_]+;' '^$' $c_files
}

rule "every public prototype has a doc block"
# A paragraph (lines up to an empty one) with prototypes begins with a comment, or has one above the prototype; a getter whose one
# argument is a constant object speaks for itself, and what follows it in its paragraph shares that.
for header in $headers; do
  awk -v file="$header" '
    /^[ ]*$/ { documented = 0; next }
    /\/\*/ { documented = 1 }
    /^[a-zA-Z].*[ *]wf_[a-z0-9_]+\(/ && !/^(typedef|static|#)/ {
      if (!documented && $0 ~ /\(const wf_[a-z_]+ \*[a-z_]+\);/) documented = 1
      if (!documented) print file ":" NR ": no doc block above " $0
    }' "$header"
done >>"$findings"

rule "functions and files are short"
for file in $sources; do
  awk -v file="$file" '
    /^[a-zA-Z].*[^;,]$/ && /\(/ || /^[a-zA-Z_].*,$/ { if (!inside) head = NR }
    /^\{/ { inside = 1; if (!head) head = NR; start = NR }
    /^\}/ {
      if (inside && NR - start > 80) print file ":" start ": function of " NR - start " lines (about 60 is the aim)"
      inside = 0; head = 0 }
    END { if (NR > 700) print file ":1: " NR " lines (about 600 is the aim)" }' "$file"
done >>"$findings"

rule "plain text: no tabs, no trailing blanks, lines of at most 132 characters (tests/reflow.sh wraps them), a newline at the end"
# shellcheck disable=SC2086
{
  grep -n -P '\t' $c_files $test_files $scripts | sed 's/^\([^:]*:[0-9]*\):.*/\1: tab/'
  grep -n -E ' +$' $c_files $test_files $scripts Makefile.am configure.ac src/*/module.am tests/module.am m4/wf_*.m4 |
    sed 's/^\([^:]*:[0-9]*\):.*/\1: trailing blank/'
  LC_ALL=C.UTF-8 grep -n -E '^.{133}' $c_files $test_files $scripts | sed 's/^\([^:]*:[0-9]*\):.*/\1: longer than 132 characters/'
  for file in $c_files $test_files $scripts; do
    [ -z "$(tail -c 1 "$file")" ] || echo "$file:1: no newline at the end"
  done
} >>"$findings"

rule "nothing names a folder of one machine"
homes='(^|[^a-zA-Z_0-9.])/(home|root|work|Users|scratch)/[a-zA-Z]'
find src include tests jobs doc inputs m4 outputs/README README.md NEWS Makefile.am configure.ac weightflow.pc.in -type f |
  grep -v -e '/lt.*\.m4$' -e '/libtool\.m4$' -e 'tests/t900_style\.sh' | xargs grep -n -I -E "$homes" 2>/dev/null |
  sed 's/^\([^:]*:[0-9]*\):.*/\1: path of one machine/' >>"$findings"

rule "scripts are executable and begin with a shebang"
for script in $scripts; do
  case $script in *.sbatch) ;; *) [ -x "$script" ] || echo "$script:1: not executable" ;; esac
  head -n 1 "$script" | grep -q '^#!' || echo "$script:1: no shebang"
done >>"$findings"

if command -v shellcheck >/dev/null 2>&1; then
  rule "shellcheck finds nothing"
  # shellcheck disable=SC2086
  shellcheck -x -f gcc $scripts >>"$findings"
else
  echo "shellcheck is not installed: its rule is left out"
fi

sort -u "$findings"
n=$(sort -u "$findings" | wc -l)
echo "$rules rules, $(echo "$c_files" | wc -l) source files, $n findings"
[ "$n" -eq 0 ] && [ "$rules" -ge 14 ]
