/* Not there yet. */
#include <weightflow/sbml.h>

wf_network *wf_sbml_read(const char *path, const char *record, wf_sbml_report *report, void *context) { return NULL; }
wf_network *wf_sbml_read_text(const char *name, const char *text, size_t length, const char *record, wf_sbml_report *report,
                              void *context)
{
  return NULL;
}
