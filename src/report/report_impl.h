/* Inside of report/: what the figures and pages are made of. All ranks hold it (it is small); rank 0 writes. */
#ifndef WEIGHTFLOW_REPORT_IMPL_H
#define WEIGHTFLOW_REPORT_IMPL_H
#include <stdio.h>
#include <weightflow/report.h>

enum { WF_REPORT_MAX_PANELS = 6, WF_REPORT_MAX_SPECIES = 6 };

/* A product that the report is made of, as its file tells. */
typedef struct {
  char    path[64], digest[WF_DIGEST_SIZE], date[32], command[1024];
  int64_t ranks;
} wf_report_product;

struct wf_report {
  wf_run       *run;
  wf_snapshots *data; /* what is scored: held-out trajectories, or all */
  wf_anchors   *anchors;
  bool          held_out;

  int      n_predicted, n_levels;
  double  *predicted_times; /* [n_predicted] */
  double  *marginals;       /* [n_predicted, n_species, n_levels] */
  wf_real *theta;           /* [n_predicted, n_param] */

  int      n_methods, n_metrics, n_ranges, n_scored;
  char   **methods, **notes, **metrics, **ranges;
  double  *scores, *score_times;      /* [n_methods, n_metrics, n_scored], [n_scored] */
  double  *summary_mean, *summary_sd; /* [n_methods, n_metrics, n_ranges] */
  int32_t *summary_n;

  char truth[512], noise[512];   /* what the scores are measured against, in words */
  char origin[1024];             /* where an imported model comes from, else empty */
  wf_report_product products[5]; /* of the stages before */
  char version[64];              /* of the program that scored, with its precision */

  int     n_fine, n_control; /* control path; n_fine = 0: none */
  int     n_clocks;          /* its last components: time, or the local clocks that time is split into */
  double *path_times, *path_value;
  int     n_history, n_columns; /* training history; 0: none */
  double *history;
  char  **columns;
};

/* A figure: <name>.tsv and <name>.gp are written, gnuplot makes <name>.svg. write returns false where there is nothing to draw. */
typedef struct {
  const char *name, *title, *caption;
  bool (*write)(const wf_report *report, FILE *data, FILE *script);
} wf_report_figure;

const wf_report_figure *wf_report_figures(int *n_figures);

/* Draw folder/<name>.gp in that folder by gnuplot; why is set where it cannot be found or fails. Not collective. */
bool wf_gnuplot_run(const char *folder, const char *script, char *why, size_t why_size);

/* Text inside '...' of a gnuplot script, and inside HTML. */
void wf_print_quoted(FILE *stream, const char *text);
void wf_print_html(FILE *stream, const char *text);

/* Coordinates [n, 2] of rows x [n, size] on the first two principal axes of `base` [n_base, size]; share [2] of its variance. false
   if memory is short. */
bool wf_principal_plane(int n_base, int size, const wf_real *base, int n, const wf_real *x, double *coordinates, double *share);

/* The pages; drawn [n_figures] says which figures there are. */
void wf_report_print_text(const wf_report *report, const bool *drawn, FILE *stream);
void wf_report_print_html(const wf_report *report, const bool *drawn, FILE *stream);

/* One cell of the summary: method, metric and range by name; false where there is no such score. */
bool wf_report_summary(const wf_report *report, const char *method, const char *metric, const char *range, double *mean, double *sd,
                       int *n);
#endif
