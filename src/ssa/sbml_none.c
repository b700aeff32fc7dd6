/* In place of the reader in a build without libsbml. */
#include <stdio.h>
#include <weightflow/sbml.h>

wf_network *wf_sbml_read_text(const char *name, const char *text, size_t length, const char *record, wf_sbml_report *report,
                              void *context)
{
  char line[400];
  snprintf(line, sizeof line,
           "%.200s: this build cannot read SBML: install libsbml (Debian: libsbml5-dev), configure and build once more", name);
  report(context, line);
  return NULL;
}

wf_network *wf_sbml_read(const char *path, const char *record, wf_sbml_report *report, void *context)
{
  return wf_sbml_read_text(path, "", 0, record, report, context);
}
