/* User mistakes, collected so that all are shown at once, and the nearest name for a misspelt one. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <weightflow/base.h>
#include "params_impl.h"

enum { LINE_SIZE = 2048 };

struct wf_mistakes {
  int    count, n_kept, capacity; /* where memory is short a mistake still counts, but its text is lost */
  char **lines;
  bool   spoilt[MAX_PARAMS];
};

wf_mistakes *wf_mistakes_create(void) { return wf_calloc(1, sizeof(wf_mistakes)); }

void wf_mistakes_destroy(wf_mistakes **mistakes)
{
  if (!mistakes || !*mistakes) return;
  for (int i = 0; i < (*mistakes)->n_kept; i++) wf_free((*mistakes)->lines[i]);
  free((*mistakes)->lines);
  wf_free(*mistakes);
  *mistakes = NULL;
}

void wf_mistakes_spoil(wf_mistakes *mistakes, int row)
{
  for (int i = 0; i < MAX_PARAMS; i++)
    if (row < 0 || i == row) mistakes->spoilt[i] = true;
}

bool wf_mistakes_is_sound(const wf_mistakes *mistakes, const char *group, const char *name)
{
  return !mistakes->spoilt[wf_param_find(group, name)];
}

static bool make_room(wf_mistakes *mistakes)
{
  if (mistakes->n_kept < mistakes->capacity) return true;
  int    capacity = mistakes->capacity ? 2 * mistakes->capacity : 16;
  char **lines    = realloc(mistakes->lines, (size_t)capacity * sizeof *lines);
  if (!lines) return false;
  mistakes->lines    = lines;
  mistakes->capacity = capacity;
  return true;
}

void wf_mistakes_add(wf_mistakes *mistakes, const char *format, ...)
{
  char    line[LINE_SIZE];
  va_list arguments;

  mistakes->count++;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  /* the text holds what a user typed: nothing in it may steer the terminal or break the line */
  for (char *c = line; *c; c++)
    if ((unsigned char)*c < 32 || *c == 127) *c = '?';
  if (!make_room(mistakes)) return;
  size_t size = strlen(line) + 1;
  char  *copy = wf_calloc(size, 1);
  if (!copy) return;
  memcpy(copy, line, size);
  mistakes->lines[mistakes->n_kept++] = copy;
}

int wf_mistakes_count(const wf_mistakes *mistakes) { return mistakes->count; }

void wf_mistakes_print(const wf_mistakes *mistakes, FILE *stream)
{
  for (int i = 0; i < mistakes->n_kept; i++) fprintf(stream, "%s\n", mistakes->lines[i]);
  if (mistakes->n_kept < mistakes->count) fprintf(stream, "and %d more\n", mistakes->count - mistakes->n_kept);
}

const char *wf_value_shorten(const char *value, char *shown)
{
  enum { SHOWN = 60 };
  if (strlen(value) <= SHOWN)
    snprintf(shown, NAME_SIZE, "%s", value);
  else
    snprintf(shown, NAME_SIZE, "%.*s...", SHOWN - 3, value);
  return shown;
}

/* Smallest number of insertions, deletions, replacements and swaps of neighbours (Damerau 1964, Comm. ACM 7, 171). */
static int count_edits(const char *a, const char *b)
{
  int rows[3][NAME_SIZE + 1];
  int n_a = (int)strlen(a), n_b = (int)strlen(b);
  if (n_a > NAME_SIZE || n_b > NAME_SIZE) return NAME_SIZE;
  for (int j = 0; j <= n_b; j++) rows[0][j] = j;
  for (int i = 1; i <= n_a; i++) {
    int *row = rows[i % 3], *above = rows[(i - 1) % 3], *higher = rows[(i + 1) % 3];
    row[0] = i;
    for (int j = 1; j <= n_b; j++) {
      int edits = above[j - 1] + (a[i - 1] != b[j - 1]);
      if (above[j] + 1 < edits) edits = above[j] + 1;
      if (row[j - 1] + 1 < edits) edits = row[j - 1] + 1;
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && higher[j - 2] + 1 < edits) edits = higher[j - 2] + 1;
      row[j] = edits;
    }
  }
  return rows[n_a % 3][n_b];
}

const char *wf_name_nearest(const char *name, int n_names, const char *const *names)
{
  int         best    = (int)strlen(name) / 3 > 2 ? (int)strlen(name) / 3 : 2; /* farther away it is another word */
  const char *nearest = NULL;
  for (int i = 0; i < n_names; i++) {
    int edits = count_edits(name, names[i]);
    if (edits < best || (edits == best && !nearest)) {
      best    = edits;
      nearest = names[i];
    }
  }
  return nearest;
}
