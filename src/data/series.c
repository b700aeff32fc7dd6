/* Times and names, see series.h. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "npy.h"
#include "series.h"

/* Number of values of "first:step" found in text: 2 if it is one. */
static int parse_step(const char *text, double *first, double *step)
{
  int length = 0;
  if (!*text) text = "0:1";
  return sscanf(text, "%lf:%lf%n", first, step, &length) == 2 && text[length] == '\0' ? 2 : 0;
}

bool wf_times_is_file(const char *text)
{
  double first, step;
  return parse_step(text, &first, &step) != 2;
}

static bool read_npy(const char *path, int64_t n_time, double *times, char *why, size_t why_size)
{
  wf_npy npy;
  char   reason[256];
  bool   ok = false;
  if (!wf_npy_open(path, &npy, reason, sizeof(reason))) {
    snprintf(why, why_size, "%s: %s", path, reason);
    return false;
  }
  if (npy.rank != 1) snprintf(why, why_size, "%s: has %d axes, a list of times has one", path, npy.rank);
  else if (npy.shape[0] != n_time)
    snprintf(why, why_size, "%s: holds %lld times, the ensemble has %lld", path, (long long)npy.shape[0], (long long)n_time);
  else if (!wf_npy_read_rows(&npy, 0, n_time, times)) snprintf(why, why_size, "%s: cannot be read", path);
  else ok = true;
  wf_npy_close(&npy);
  return ok;
}

/* Numbers with blanks or commas between them; # begins a comment. */
static bool read_text(FILE *file, const char *path, int64_t n_time, double *times, char *why, size_t why_size)
{
  int64_t n = 0;
  char    line[4096];
  for (int number = 1; fgets(line, sizeof(line), file); number++) {
    line[strcspn(line, "#")] = '\0';
    for (char *p = line, *end;; p = end) {
      while (*p && (isspace((unsigned char)*p) || *p == ',')) p++;
      if (!*p) break;
      double value = strtod(p, &end);
      if (end == p) {
        snprintf(why, why_size, "%s:%d: no number: %.40s", path, number, p);
        return false;
      }
      if (n < n_time) times[n] = value;
      n++;
    }
  }
  if (n != n_time) snprintf(why, why_size, "%s: holds %lld times, the ensemble has %lld", path, (long long)n, (long long)n_time);
  return n == n_time;
}

bool wf_times_read(const char *text, int64_t n_time, double *times, char *why, size_t why_size)
{
  double first, step;
  size_t length = strlen(text);
  if (parse_step(text, &first, &step) == 2) {
    for (int64_t k = 0; k < n_time; k++) times[k] = first + (double)k * step;
    return true;
  }
  if (length > 4 && strcmp(text + length - 4, ".npy") == 0) return read_npy(text, n_time, times, why, why_size);
  FILE *file = fopen(text, "r");
  if (!file) {
    snprintf(why, why_size, "%s: %s (wanted is first:step, or a file of times)", text, strerror(errno));
    return false;
  }
  bool ok = read_text(file, text, n_time, times, why, why_size);
  fclose(file);
  return ok;
}

void wf_times_check(int64_t n_time, const double *times, char *why, size_t why_size)
{
  why[0] = '\0';
  for (int64_t k = 0; k < n_time; k++) {
    if (!isfinite(times[k])) snprintf(why, why_size, "time %lld is %g", (long long)k, times[k]);
    else if (k > 0 && times[k] <= times[k - 1])
      snprintf(why, why_size, "times must increase: time %lld is %.10g, after %.10g", (long long)k, times[k], times[k - 1]);
    if (why[0]) return;
  }
}

bool wf_names_split(char *text, int64_t n, char **names, char *why, size_t why_size)
{
  int64_t found = 0;
  for (char *p = text, *end; p; p = end) {
    end = strchr(p, ',');
    if (end) *end++ = '\0';
    while (isspace((unsigned char)*p)) p++;
    size_t length = strlen(p);
    while (length && isspace((unsigned char)p[length - 1])) p[--length] = '\0';
    if (!length) {
      snprintf(why, why_size, "name %lld is empty", (long long)found + 1);
      return false;
    }
    for (int64_t i = 0; i < found && i < n; i++)
      if (strcmp(names[i], p) == 0) {
        snprintf(why, why_size, "the name %.60s comes twice", p);
        return false;
      }
    if (found < n) names[found] = p;
    found++;
  }
  if (found != n) snprintf(why, why_size, "%lld names for %lld species", (long long)found, (long long)n);
  return found == n;
}
