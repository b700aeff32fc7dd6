/* Parameters from the command line: -group_name value. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "params_impl.h"

typedef enum { WORD_PLAIN, WORD_OURS, WORD_PETSC, WORD_UNKNOWN } word_kind;

/* One step over the arguments. */
typedef struct {
  word_kind   kind;
  const char *word, *value; /* value NULL: none is there */
  int         row;
} argument;

/* What belongs to PETSc: names that begin so, and names that are so. */
static bool belongs_to_petsc(const char *name)
{
  static const char *const prefixes[] = {"wf_",     "log_",     "ts_",     "tao_",    "malloc_",   "options_", "on_error_",
                                         "info_",   "vec_",     "mat_",    "ksp_",    "pc_",       "snes_",    "is_",
                                         "sf_",     "dm_",      "viewer_", "memory_", "debugger_", "petsc_",   "draw_",
                                         "fp_trap", "objects_", "saws_",   "random_", "mpi_",      NULL};
  static const char *const names[]    = {"malloc",
                                         "info",
                                         "start_in_debugger",
                                         "stop_for_debugger",
                                         "no_signal_handler",
                                         "get_total_flops",
                                         "skip_petscrc",
                                         "nox",
                                         "nox_warning",
                                         "display",
                                         "shared_tmp",
                                         "not_shared_tmp",
                                         "tmp",
                                         "check_pointer_intensity",
                                         "citations",
                                         "error_output_stdout",
                                         "error_output_none",
                                         NULL};
  for (int i = 0; prefixes[i]; i++)
    if (!strncmp(name, prefixes[i], strlen(prefixes[i]))) return true;
  for (int i = 0; names[i]; i++)
    if (!strcmp(name, names[i])) return true;
  return false;
}

/* Is the word an option? A negative number is a value. */
static bool is_option(const char *word) { return word[0] == '-' && word[1] && !isdigit((unsigned char)word[1]) && word[1] != '.'; }

static const char *skip_dashes(const char *word) { return word + 1 + (word[1] == '-'); }

/* The row an option's name [length] stands for, or -1. */
static int find_option(const char *name, size_t length)
{
  char text[NAME_SIZE], *underscore;
  if (length >= sizeof text) return -1;
  memcpy(text, name, length);
  text[length] = 0;
  int row      = wf_param_find("run", text);
  if (row >= 0 || !(underscore = strchr(text, '_'))) return row;
  *underscore = 0; /* no group has an underscore in its name */
  return wf_param_find(text, underscore + 1);
}

/* Read the word at *place, and its value, and step past them. */
static argument next_argument(int argc, char **argv, int *place)
{
  int                 n_rows;
  const wf_param_row *rows = wf_params_rows(&n_rows);
  argument            a    = {.word = argv[(*place)++], .row = -1};
  const char         *next = *place < argc && !is_option(argv[*place]) ? argv[*place] : NULL;
  bool                ignored;

  if (!is_option(a.word)) return a;
  const char *name = skip_dashes(a.word);
  a.row            = find_option(name, strlen(name));
  a.kind           = a.row >= 0 ? WORD_OURS : belongs_to_petsc(name) ? WORD_PETSC : WORD_UNKNOWN;
  if (a.kind == WORD_OURS && rows[a.row].kind == WF_PARAM_KIND_BOOL && next && !wf_bool_parse(next, &ignored)) return a;
  if (a.kind == WORD_UNKNOWN && strchr(name, '=')) return a;
  a.value = next;
  if (next) (*place)++;
  return a;
}

static void note_unknown_option(const argument *a, wf_mistakes *mistakes)
{
  static char         options[2 * MAX_PARAMS][NAME_SIZE]; /* filled once; the command line is read by one thread */
  const char         *names[2 * MAX_PARAMS], *name = skip_dashes(a->word), *nearest, *bare = NULL;
  int                 n_rows, n_names = 0;
  const wf_param_row *rows   = wf_params_rows(&n_rows);
  size_t              before = strcspn(name, "=");
  char                shown[NAME_SIZE];

  wf_value_shorten(a->word, shown);
  if (name[before] && find_option(name, before) >= 0) {
    wf_mistakes_add(mistakes, "command line: %s: write -%.*s, a space, and the value", shown, (int)before, name);
    return;
  }
  for (int i = 0; i < n_rows; i++) {
    if (!strcmp(rows[i].group, "run")) snprintf(options[n_names++], NAME_SIZE, "-%s", rows[i].name);
    snprintf(options[n_names++], NAME_SIZE, "-%s_%s", rows[i].group, rows[i].name);
    if (!strcmp(rows[i].name, name) && !bare) bare = options[n_names - 1];
  }
  for (int i = 0; i < n_names; i++) names[i] = options[i];
  nearest = bare ? bare : wf_name_nearest(a->word, n_names, names);
  if (nearest)
    wf_mistakes_add(mistakes, "command line: %s: unknown option, did you mean %s?", shown, nearest);
  else
    wf_mistakes_add(mistakes, "command line: %s: unknown option: `weightflow help run` lists them", shown);
}

void wf_params_read_options(wf_params *params, int argc, char **argv, wf_mistakes *mistakes)
{
  int                 n_rows;
  const wf_param_row *rows = wf_params_rows(&n_rows);
  for (int place = 0; place < argc;) {
    char     why[WHY_SIZE], shown[NAME_SIZE];
    argument a = next_argument(argc, argv, &place);
    if (a.kind == WORD_UNKNOWN) note_unknown_option(&a, mistakes);
    if (a.kind != WORD_OURS) continue;
    const wf_param_row *row = &rows[a.row];
    if (!a.value && row->kind == WF_PARAM_KIND_BOOL) a.value = "true";
    if (a.value && wf_param_set(params, row, a.value, strlen(a.value), why)) continue;
    if (!a.value)
      wf_mistakes_add(mistakes, "command line: %s: needs a value", a.word);
    else
      wf_mistakes_add(mistakes, "command line: %s %s: %s", a.word, wf_value_shorten(a.value, shown), why);
    wf_mistakes_spoil(mistakes, a.row);
  }
}

int wf_params_find_words(int argc, char **argv, int max_words, const char **words)
{
  int n_words = 0;
  for (int place = 0; place < argc;) {
    argument a = next_argument(argc, argv, &place);
    if (a.kind != WORD_PLAIN) continue;
    if (n_words < max_words) words[n_words] = a.word;
    n_words++;
  }
  return n_words;
}

void wf_params_read(wf_params *params, const char *yaml_file, int argc, char **argv, wf_mistakes *mistakes)
{
  wf_params_set_defaults(params);
  if (yaml_file) wf_params_read_yaml(params, yaml_file, mistakes);
  wf_params_read_options(params, argc, argv, mistakes);
}

void wf_params_read_resumed(wf_params *params, const char *yaml_file, int argc, char **argv, wf_mistakes *mistakes)
{
  int                 n_rows;
  const wf_param_row *rows = wf_params_rows(&n_rows);
  char                why[WHY_SIZE];
  wf_params_set_defaults(params);
  wf_params_read_yaml(params, yaml_file, mistakes);
  for (int i = 0; i < n_rows; i++)
    if (!rows[i].fixed_on_restart) (void)wf_param_set(params, &rows[i], rows[i].default_text, strlen(rows[i].default_text), why);
  wf_params_read_options(params, argc, argv, mistakes);
}
