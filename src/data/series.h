/* Short series a user gives beside the data: sample times and species names. Plain file access: not collective. */
#ifndef WEIGHTFLOW_DATA_SERIES_H
#define WEIGHTFLOW_DATA_SERIES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sample times from "first:step" (t_k = first + k step; empty = "0:1"), or from an .npy or text file of numbers.
   times [n_time] out. false: a one-line reason in why [why_size]. */
bool wf_times_read(const char *text, int64_t n_time, double *times, char *why, size_t why_size);
/* Is the text a file's name rather than first:step? */
bool wf_times_is_file(const char *text);
/* "" or what is wrong with times [n_time], into why. */
void wf_times_check(int64_t n_time, const double *times, char *why, size_t why_size);

/* Split "S, I ,R" into n names; names [n] (pointers into text, which is cut up). false: a one-line reason in why. */
bool wf_names_split(char *text, int64_t n, char **names, char *why, size_t why_size);
#endif
