/* A look over the text of an SBML file before libsbml reads it, which trusts its input: nesting that would overflow its stack,
   entities and foreign encodings are refused here. Pure. */
#ifndef WEIGHTFLOW_SSA_SBML_SCAN_H
#define WEIGHTFLOW_SSA_SBML_SCAN_H
#include <stdbool.h>
#include <stddef.h>

/* Check text [length], and overwrite notes and annotations, which mean nothing to a simulator, with blanks (line ends stay). false:
   why [why_size] says in one line what is wrong, and *line where (0: everywhere). Linear in length. */
bool wf_sbml_scan(char *text, size_t length, int *line, char *why, size_t why_size);
#endif
