/* Parameters of a run: one struct made from the table in params_table.h.

   Values come from the defaults, then the YAML file, then the command line (`-group_name value`); last one wins. Options of PETSc
   itself (anything under the prefixes -wf_, -log_, -ts_, -tao_, -malloc_, -options_, -on_error_, -info ...) are passed on. The
   parameters of the group `run` are written with or without the prefix: -out and -run_out, -seed and -run_seed. */
#ifndef WEIGHTFLOW_PARAMS_H
#define WEIGHTFLOW_PARAMS_H
#include <petscsys.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <weightflow/params_table.h>

enum { WF_PARAM_TEXT_SIZE = 1024 };

typedef int64_t wf_param_INT;
typedef double  wf_param_REAL;
typedef bool    wf_param_BOOL;
typedef char    wf_param_CHOICE[WF_PARAM_TEXT_SIZE];
typedef char    wf_param_TEXT[WF_PARAM_TEXT_SIZE];
typedef char    wf_param_PATH[WF_PARAM_TEXT_SIZE];
typedef char    wf_param_INDICES[WF_PARAM_TEXT_SIZE];
#define WF_PARAM_MEMBER(group, name, type, ...) wf_param_##type name;

typedef struct {
  struct { WF_PARAMS_RUN(WF_PARAM_MEMBER) } run;
  struct { WF_PARAMS_DATA(WF_PARAM_MEMBER) } data;
  struct { WF_PARAMS_SIMULATE(WF_PARAM_MEMBER) } simulate;
  struct { WF_PARAMS_PRETRAIN(WF_PARAM_MEMBER) } pretrain;
  struct { WF_PARAMS_TRAIN(WF_PARAM_MEMBER) } train;
  struct { WF_PARAMS_PREDICT(WF_PARAM_MEMBER) } predict;
  struct { WF_PARAMS_EVALUATE(WF_PARAM_MEMBER) } evaluate;
  struct { WF_PARAMS_REPORT(WF_PARAM_MEMBER) } report;
  struct { WF_PARAMS_SWEEP(WF_PARAM_MEMBER) } sweep;
  struct { WF_PARAMS_COLLECT(WF_PARAM_MEMBER) } collect;
} wf_params;

/* One table row, for code that walks over all parameters. `offset` is the member's place in wf_params. */
typedef enum { WF_PARAM_KIND_INT, WF_PARAM_KIND_REAL, WF_PARAM_KIND_BOOL, WF_PARAM_KIND_CHOICE, WF_PARAM_KIND_TEXT,
               WF_PARAM_KIND_PATH, WF_PARAM_KIND_INDICES } wf_param_kind;
typedef struct {
  const char   *group, *name, *choices, *unit, *help, *default_text;
  wf_param_kind kind;
  size_t        offset;
  double        minimum, maximum;
  bool          fixed_on_restart, of_command; /* of_command: of one that is no stage, and so not in files of parameters */
} wf_param_row;

/* The table [*n_rows], static. Not collective. */
const wf_param_row *wf_params_rows(int *n_rows);

/* All defaults. Not collective. */
void wf_params_set_defaults(wf_params *params);

/* User mistakes, collected so that all can be shown at once: one line each, "where: key = value: what to do". */
typedef struct wf_mistakes wf_mistakes;
wf_mistakes *wf_mistakes_create(void); /* NULL if memory is short. Not collective, as all of these. */
void         wf_mistakes_destroy(wf_mistakes **mistakes);
void         wf_mistakes_add(wf_mistakes *mistakes, const char *format, ...) __attribute__((format(printf, 2, 3)));
int          wf_mistakes_count(const wf_mistakes *mistakes);
void         wf_mistakes_print(const wf_mistakes *mistakes, FILE *stream);

/* Read a YAML file (NULL: none) and command-line arguments into params. Not collective: rank 0 calls it and broadcasts params
   with wf_params_broadcast. Unknown (nearest known name is offered), duplicate, malformed and out-of-range keys are added to
   mistakes with the file's line numbers; params then holds the valid rest. Options that belong to PETSc are left alone.
   argv [argc] are the words after the program and the command; bare words (file names) are skipped: see wf_params_find_words. */
void wf_params_read(wf_params *params, const char *yaml_file, int argc, char **argv, wf_mistakes *mistakes);

/* As wf_params_read, but of the file only the parameters that are fixed on restart are kept: the used_parameters.yaml of an older
   run says what its results depend on, and not when this one is to stop. */
void wf_params_read_resumed(wf_params *params, const char *yaml_file, int argc, char **argv, wf_mistakes *mistakes);

/* The words of argv [argc] that are neither options nor values of options, in their order: file names. Returns how many there are;
   the first max_words of them are left in words, borrowed from argv. Not collective. */
int wf_params_find_words(int argc, char **argv, int max_words, const char **words);

/* The row of a parameter that results depend on, by its name "group.name" or "group_name"; -1 if it is unknown or another one.
   Not collective. */
int wf_params_find_fixed(const char *name);

/* Set the parameter of a row from text. Returns false with a reason in why [why_size], and params as it was, if the text is
   malformed or out of range. Not collective. */
bool wf_params_set(wf_params *params, const wf_param_row *row, const char *text, char *why, size_t why_size);

/* What one parameter alone cannot tell: index lists against the number of samples, the hold-out against the number of trajectories,
   lists of times and thresholds. groups: those that the command uses ("run simulate"); what only others need is not looked at.
   Mistakes are added. Looks at no file. Not collective. */
void wf_params_check(const wf_params *params, const char *groups, wf_mistakes *mistakes);

/* Copy rank 0's params to all ranks of comm. Collective. */
PetscErrorCode wf_params_broadcast(MPI_Comm comm, wf_params *params);

/* One parameter's value as text, as it stands in YAML. Not collective. */
void wf_params_value_text(const wf_params *params, const wf_param_row *row, char *text, size_t size);

/* What may stand for a parameter, as text: "1 .. 100", "cde|ode", "true|false"; empty for texts. Not collective. */
void wf_param_range_text(const wf_param_row *row, char *text, size_t size);

/* Write all parameters of a run as YAML with unit and help as comments: used_parameters.yaml, and `weightflow params`. */
void wf_params_write_yaml(const wf_params *params, FILE *stream);

/* Make the member of a CHOICE an index into the choices "a|b|c" of its row; asserts that it is one of them. */
int wf_params_choice(const char *group, const char *name, const char *value);

/* Expand an INDICES text ("0:100:10", "0,5,9", "all") into increasing indices below n; returns their number, at most n, or -1 with
   a one-line reason in why [why_size]. indices [n] out. Not collective. */
int wf_indices_parse(const char *text, int n, int *indices, char *why, size_t why_size);

/* Expand a list of numbers ("0,0.5,2") or a range ("first:last:step", both ends included up to rounding) into values, as in
   predict.times and predict.tails; returns their number, or -1 with a one-line reason in why [why_size]. values [max_values] out,
   may be NULL to count only; more than max_values numbers are an error. Not collective. */
int wf_numbers_parse(const char *text, int max_values, double *values, char *why, size_t why_size);

/* The known name nearest to `name` by edit distance, or NULL where none is near. names [n_names]. Not collective. */
const char *wf_name_nearest(const char *name, int n_names, const char *const *names);
#endif
