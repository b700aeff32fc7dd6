/* Reading models in SBML, the Systems Biology Markup Language, Levels 2 and 3 (Hucka et al., Level 3 Version 2 Core, 2019).

   Read as a stochastic model: species are amounts (counts of items), a reaction fires once for each unit of extent, and its kinetic
   law is its propensity. What cannot be simulated so is refused with the element's id and line. Needs libsbml; pure otherwise (no
   MPI, no PETSc); nothing is collective. */
#ifndef WEIGHTFLOW_SBML_H
#define WEIGHTFLOW_SBML_H
#include <weightflow/network.h>

/* Called once for each thing that is wrong: "model.xml: line 12: reaction R1: ..." */
typedef void wf_sbml_report(void *context, const char *line);

/* A finished network from a file. record: comma-separated ids of the variables to put out; "": all species. NULL if the file cannot
   be read or simulated; then report was called at least once. Free with wf_network_destroy. */
wf_network *wf_sbml_read(const char *path, const char *record, wf_sbml_report *report, void *context);
/* The same from memory; name stands for the file in the messages. */
wf_network *wf_sbml_read_text(const char *name, const char *text, size_t length, const char *record, wf_sbml_report *report,
                              void *context);
#endif
