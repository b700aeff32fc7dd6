/* The files of the report: rank 0 writes them, each as .part first, and all ranks learn how it went. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <weightflow/base.h>
#include "report_impl.h"

enum { MAX_FIGURES = 16 };

static FILE *open_part(const wf_report *r, const char *name, const char *extension)
{
  char part[256], path[PETSC_MAX_PATH_LEN];
  snprintf(part, sizeof part, "%.100s%s.part", name, extension);
  wf_run_path(r->run, "report", part, path, sizeof path);
  return fopen(path, "w");
}

/* Close and rename to the final name, or remove where `keep` is false. Returns errno of a failure. */
static int close_part(const wf_report *r, const char *name, const char *extension, FILE *stream, bool keep)
{
  char part[256], whole[256], from[PETSC_MAX_PATH_LEN], to[PETSC_MAX_PATH_LEN];
  snprintf(whole, sizeof whole, "%.100s%s", name, extension);
  snprintf(part, sizeof part, "%.100s%s.part", name, extension);
  wf_run_path(r->run, "report", part, from, sizeof from);
  wf_run_path(r->run, "report", whole, to, sizeof to);
  int failure = ferror(stream) ? EIO : 0;
  if (fclose(stream)) failure = errno;
  if (!keep)
    remove(from);
  else if (!failure && rename(from, to))
    failure = errno;
  return failure;
}

/* Data and script of a figure; *there tells whether it has any. */
static int write_figure(const wf_report *r, const wf_report_figure *figure, bool *there)
{
  FILE *data = open_part(r, figure->name, ".tsv");
  if (!data) return errno;
  FILE *script = open_part(r, figure->name, ".gp");
  if (!script) {
    fclose(data);
    return errno;
  }
  *there        = figure->write(r, data, script);
  int failure   = close_part(r, figure->name, ".tsv", data, *there);
  int failure_2 = close_part(r, figure->name, ".gp", script, *there);
  return failure ? failure : failure_2;
}

static int write_figures(const wf_report *r, bool *drawn, char *why, size_t why_size)
{
  int                     n, failure = 0;
  const wf_report_figure *figures = wf_report_figures(&n);
  char                    folder[PETSC_MAX_PATH_LEN], script[128];
  wf_run_path(r->run, "report", "", folder, sizeof folder);
  for (int i = 0; i < n && !failure; i++) {
    bool there = false;
    failure    = write_figure(r, &figures[i], &there);
    snprintf(script, sizeof script, "%.100s.gp", figures[i].name);
    drawn[i] = !failure && there && wf_gnuplot_run(folder, script, why, why_size);
  }
  return failure;
}

static int write_page(const wf_report *r, const bool *drawn, const char *extension,
                      void (*print)(const wf_report *, const bool *, FILE *))
{
  FILE *stream = open_part(r, "report", extension);
  if (!stream) return errno;
  print(r, drawn, stream);
  return close_part(r, "report", extension, stream, true);
}

PetscErrorCode wf_report_write(wf_report *report, bool figures)
{
  bool     drawn[MAX_FIGURES] = {false};
  char     why[512]           = "";
  int      failure            = 0;
  MPI_Comm comm               = wf_run_comm(report->run);

  PetscFunctionBeginUser;
  if (wf_run_rank(report->run) == 0) {
    if (figures) failure = write_figures(report, drawn, why, sizeof why);
    if (!failure) failure = write_page(report, drawn, ".txt", wf_report_print_text);
    if (!failure) failure = write_page(report, drawn, ".html", wf_report_print_html);
  }
  PetscCallMPI(MPI_Bcast(&failure, 1, MPI_INT, 0, comm));
  PetscCallMPI(MPI_Bcast(why, (int)sizeof why, MPI_CHAR, 0, comm));
  PetscCheck(!failure, comm, PETSC_ERR_FILE_WRITE, "writing the report: %s", strerror(failure));
  if (why[0]) PetscCall(wf_run_log(report->run, "  %s: not all figures were drawn; their data and scripts are there", why));
  PetscFunctionReturn(0);
}

/* Fowler, Noll and Vo's hash 1a of a file; size -1 where it is not there. */
static void fingerprint_file(const char *path, int64_t *size, int64_t *fingerprint)
{
  uint64_t hash   = 0xcbf29ce484222325u;
  FILE    *stream = fopen(path, "rb");
  *size           = -1;
  if (!stream) return;
  *size = 0;
  for (int c = getc(stream); c != EOF; c = getc(stream)) {
    hash = (hash ^ (uint64_t)c) * 0x100000001b3u;
    ++*size;
  }
  fclose(stream);
  *fingerprint = (int64_t)hash;
}

PetscErrorCode wf_report_index(wf_report *report, int *n, const char *const **names, int64_t *sizes, int64_t *fingerprints)
{
  static const char *const candidates[] = {"report.txt",  "report.html", "density.tsv", "scores.tsv", "path.tsv", "loss.tsv",
                                           "weights.tsv", "density.svg", "scores.svg",  "path.svg",   "loss.svg", "weights.svg"};
  static const char       *found[WF_REPORT_MAX_FILES];
  int64_t                  values[2];

  PetscFunctionBeginUser;
  *n     = 0;
  *names = found;
  for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
    char path[PETSC_MAX_PATH_LEN];
    wf_run_path(report->run, "report", candidates[i], path, sizeof path);
    if (wf_run_rank(report->run) == 0) fingerprint_file(path, &values[0], &values[1]);
    PetscCallMPI(MPI_Bcast(values, 2, MPI_INT64_T, 0, wf_run_comm(report->run)));
    if (values[0] < 0) continue;
    sizes[*n]        = values[0];
    fingerprints[*n] = values[1];
    found[(*n)++]    = candidates[i];
  }
  PetscFunctionReturn(0);
}
