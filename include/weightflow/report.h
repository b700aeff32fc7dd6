/* The report of a run: text, an HTML page and figures, made from the files of its folder. */
#ifndef WEIGHTFLOW_REPORT_H
#define WEIGHTFLOW_REPORT_H
#include <weightflow/anchors.h>
#include <weightflow/run.h>
#include <weightflow/snapshots.h>

enum { WF_REPORT_MAX_FILES = 16 };

typedef struct wf_report wf_report;

/* Read what the report shows from the run folder. Collective. A file that is not as expected: *report = NULL and why is set. */
PetscErrorCode wf_report_read(wf_run *run, wf_report **report, char *why, size_t why_size);
PetscErrorCode wf_report_destroy(wf_report **report);

/* Write report.txt, report.html and, if figures is true, each figure as <name>.tsv (data), <name>.gp (gnuplot script) and
   <name>.svg into the folder of stage `report`. Without gnuplot the rest is written, and one line of the log says so. Collective;
   rank 0 writes. */
PetscErrorCode wf_report_write(wf_report *report, bool figures);

/* Names of the files written, [*n] <= WF_REPORT_MAX_FILES static strings, their sizes in bytes and fingerprints (FNV-1a, 64 bit);
   sizes and fingerprints [WF_REPORT_MAX_FILES] out. Collective. */
PetscErrorCode wf_report_index(wf_report *report, int *n, const char *const **names, int64_t *sizes, int64_t *fingerprints);
#endif
