/* Inside of command `collect`: what is known of the runs. */
#ifndef WEIGHTFLOW_COLLECT_IMPL_H
#define WEIGHTFLOW_COLLECT_IMPL_H
#include <weightflow/io.h>
#include <weightflow/params.h>

enum { COLLECT_MAX_ROWS = 1024, COLLECT_MAX_SWEPT = 16, COLLECT_KEY_SIZE = 512, COLLECT_WORD_SIZE = 64 };

/* A row of metrics.tsv, without its numbers. */
typedef struct {
  char   method[COLLECT_WORD_SIZE], metric[COLLECT_WORD_SIZE];
  double from, to;
} score_row;

typedef struct {
  const char *folder;
  int64_t     seed;
  int         group;
} collected_run;

typedef struct {
  const wf_params    *params; /* of the command */
  int                 n_swept;
  const wf_param_row *swept[COLLECT_MAX_SWEPT]; /* parameters that runs may differ in */
  int                 n_runs, n_left_out, n_groups, n_rows;
  collected_run      *runs;           /* [n_runs] */
  char (*left_out)[COLLECT_KEY_SIZE]; /* [n_left_out] folder and why */
  char (*groups)[COLLECT_KEY_SIZE];   /* [n_groups] the swept values, between tabs */
  score_row *rows;                    /* [n_rows] */
  double    *values;                  /* [n_runs, COLLECT_MAX_ROWS], NaN where there is none */
  /* the first run, with which the others are compared */
  wf_params reference;
  char      version[256];
} collection;

/* Read one more run folder into the collection: complete and like the others, left out, or a mistake. Not collective. */
PetscErrorCode wf_collect_read(collection *c, const char *folder, wf_mistakes *mistakes);

/* Mean, standard deviation, minimum, maximum of a row over a group's runs; returns the number of runs that have it. */
int wf_collect_summary(const collection *c, int group, int row, double result[4]);
#endif
