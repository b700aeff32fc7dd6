/* All parameters as a commented YAML file that can be read back. */
#include <string.h>
#include "params_impl.h"

void wf_param_range_text(const wf_param_row *row, char *text, size_t size)
{
  text[0] = 0;
  if (row->choices)
    snprintf(text, size, "%s", row->choices);
  else if (row->kind == WF_PARAM_KIND_INT)
    snprintf(text, size, "%.16g .. %.16g", row->minimum, row->maximum);
  else if (row->kind == WF_PARAM_KIND_REAL)
    snprintf(text, size, "%.15g .. %.15g", row->minimum, row->maximum);
  else if (row->kind == WF_PARAM_KIND_BOOL)
    snprintf(text, size, "true|false");
}

void wf_params_write_yaml(const wf_params *params, FILE *stream)
{
  enum { COLUMN = 34 };
  int                 n_rows;
  const wf_param_row *rows  = wf_params_rows(&n_rows);
  const char         *group = "";
  for (int i = 0; i < n_rows; i++) {
    char value[2 * WF_PARAM_TEXT_SIZE + 3], range[128];
    if (rows[i].of_command) continue;
    if (strcmp(group, rows[i].group)) fprintf(stream, "%s%s:\n", i ? "\n" : "", rows[i].group);
    group = rows[i].group;
    wf_params_value_text(params, &rows[i], value, sizeof value);
    wf_param_range_text(&rows[i], range, sizeof range);
    int used = fprintf(stream, "  %s: %s", rows[i].name, value);
    fprintf(stream, "%*s # %s", used < COLUMN ? COLUMN - used : 0, "", rows[i].help);
    if (*rows[i].unit) fprintf(stream, " [%s]", rows[i].unit);
    if (*range) fprintf(stream, " (%s)", range);
    fputc('\n', stream);
  }
}
