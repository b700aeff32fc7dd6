/* Stage report: text, an HTML page and figures from the files of the run folder.

     all products  ->  report/report.txt, report.html, <figure>.tsv, .gp, .svg, and report.h5, the index of these files */
#include <weightflow/report.h>
#include "stages.h"

static PetscErrorCode write_index(wf_report *report, wf_file *file)
{
  int                n;
  int64_t            sizes[WF_REPORT_MAX_FILES], fingerprints[WF_REPORT_MAX_FILES];
  const char *const *names;

  PetscFunctionBeginUser;
  PetscCall(wf_report_index(report, &n, &names, sizes, fingerprints));
  wf_dataset size       = {.name        = "/size",
                           .type        = WF_TYPE_INT64,
                           .rank        = 1,
                           .shape       = {n},
                           .description = "size of the file",
                           .unit        = "byte",
                           .axes        = "file"};
  wf_dataset hash       = {.name        = "/fingerprint",
                           .type        = WF_TYPE_INT64,
                           .rank        = 1,
                           .shape       = {n},
                           .description = "FNV-1a hash of the file, 64 bit",
                           .unit        = "",
                           .axes        = "file"};
  size.volatile_content = hash.volatile_content = true; /* figures depend on the version of gnuplot */
  PetscCall(wf_file_write_names(file, "/files", n, names));
  PetscCall(wf_file_write(file, &size, sizes));
  PetscCall(wf_file_write(file, &hash, fingerprints));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_stage_report(wf_run *run)
{
  const char *const parents[5] = {"simulate/ensemble.h5", "pretrain/anchors.h5", "train/flow.h5", "predict/prediction.h5",
                                  "evaluate/metrics.h5"};
  wf_report        *report;
  wf_file          *file;
  bool              needed;
  char              why[1024] = "", path[PETSC_MAX_PATH_LEN];

  PetscFunctionBeginUser;
  PetscCall(wf_run_stage_begin(run, "report", "report.h5", 5, parents, "data report", &needed));
  if (!needed) PetscFunctionReturn(0);
  PetscCall(wf_report_read(run, &report, why, sizeof why));
  if (!report) {
    PetscCall(wf_run_fail(run, WF_EXIT_USER, "report: %s", why));
    PetscFunctionReturn(0);
  }
  PetscCall(wf_report_write(report, wf_run_params(run)->report.figures));
  PetscCall(wf_run_product_create(run, "report", &file));
  PetscCall(write_index(report, file));
  wf_run_path(run, "report", "report.html", path, sizeof path);
  PetscCall(wf_run_log(run, "  open %s", path));
  PetscCall(wf_report_destroy(&report));
  PetscCall(wf_run_stage_end(run, &file));
  PetscFunctionReturn(0);
}
