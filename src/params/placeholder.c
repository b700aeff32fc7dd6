/* Stands in for the parameter module until it is there: defaults, texts and mistakes, no reading. */
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <weightflow/base.h>
#include <weightflow/params.h>

#define FIXED true
#define FREE false
#define ROW(group_, name_, type, default_, minimum, maximum, choices, unit, restart, help)                                        \
  {#group_, #name_, choices, unit, help, #default_, WF_PARAM_KIND_##type, offsetof(wf_params, group_.name_), minimum, maximum, restart},
static const wf_param_row ROWS[] = {WF_PARAMS_ALL(ROW)};

const wf_param_row *wf_params_rows(int *n_rows)
{
  *n_rows = sizeof(ROWS) / sizeof(ROWS[0]);
  return ROWS;
}

#define SET_INT(place, value) (place) = value
#define SET_REAL(place, value) (place) = value
#define SET_BOOL(place, value) (place) = value
#define SET_CHOICE(place, value) snprintf(place, sizeof(place), "%s", value)
#define SET_TEXT SET_CHOICE
#define SET_PATH SET_CHOICE
#define SET_INDICES SET_CHOICE
#define SET(group, name, type, default_, ...) SET_##type(params->group.name, default_);

void wf_params_set_defaults(wf_params *params)
{
  memset(params, 0, sizeof(*params));
  WF_PARAMS_ALL(SET)
}

void wf_params_value_text(const wf_params *params, const wf_param_row *row, char *text, size_t size)
{
  const char *place = (const char *)params + row->offset;
  if (row->kind == WF_PARAM_KIND_INT) snprintf(text, size, "%" PRId64, *(const int64_t *)(const void *)place);
  else if (row->kind == WF_PARAM_KIND_REAL) snprintf(text, size, "%.17g", *(const double *)(const void *)place);
  else if (row->kind == WF_PARAM_KIND_BOOL) snprintf(text, size, "%s", *(const bool *)(const void *)place ? "true" : "false");
  else snprintf(text, size, "%s", place);
}

void wf_params_write_yaml(const wf_params *params, FILE *stream)
{
  for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
    char text[WF_PARAM_TEXT_SIZE];
    wf_params_value_text(params, &ROWS[i], text, sizeof(text));
    if (i == 0 || strcmp(ROWS[i].group, ROWS[i - 1].group)) fprintf(stream, "%s:\n", ROWS[i].group);
    fprintf(stream, "  %s: %s\n", ROWS[i].name, text);
  }
}

struct wf_mistakes { int n; char line[16][512]; };
wf_mistakes *wf_mistakes_create(void) { return wf_calloc(1, sizeof(wf_mistakes)); }
int          wf_mistakes_count(const wf_mistakes *mistakes) { return mistakes->n; }

void wf_mistakes_destroy(wf_mistakes **mistakes)
{
  wf_free(*mistakes);
  *mistakes = NULL;
}

void wf_mistakes_add(wf_mistakes *mistakes, const char *format, ...)
{
  va_list arguments;
  if (mistakes->n == 16) return;
  va_start(arguments, format);
  vsnprintf(mistakes->line[mistakes->n++], sizeof(mistakes->line[0]), format, arguments);
  va_end(arguments);
}

void wf_mistakes_print(const wf_mistakes *mistakes, FILE *stream)
{
  for (int i = 0; i < mistakes->n; i++) fprintf(stream, "%s\n", mistakes->line[i]);
}

int wf_indices_parse(const char *text, int n, int *indices, char *why, size_t why_size)
{
  int first, last, stride = 1;
  if (strcmp(text, "all") == 0) {
    for (int i = 0; i < n; i++) indices[i] = i;
    return n;
  }
  if (sscanf(text, "%d:%d:%d", &first, &last, &stride) < 2 || stride < 1 || first < 0 || last >= n) {
    snprintf(why, why_size, "index beyond 0..%d", n - 1);
    return -1;
  }
  int count = 0;
  for (int i = first; i <= last; i += stride) indices[count++] = i;
  return count;
}
