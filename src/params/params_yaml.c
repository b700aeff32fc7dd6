/* Parameters from a YAML file, by libyaml's events, since these carry line numbers.

   The file is one mapping of groups, each a mapping of names to values; a list is accepted where a text is wanted, and its items
   are joined with commas. Every mistake is noted with its line and reading goes on, so that the user sees all of them at once; only
   a syntax error ends the reading. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>
#include "params_impl.h"

enum { JOINED_SIZE = WF_PARAM_TEXT_SIZE + 8 };

typedef struct {
  yaml_parser_t parser;
  yaml_event_t  event;                    /* the current one; valid while has_event */
  bool          has_event, failed, taken; /* taken: the last value was good */
  const char   *file;
  wf_params    *params;
  wf_mistakes  *mistakes;
  int           group_line[16], row_line[MAX_PARAMS]; /* where it was given; 0: not yet */
} reader;

static int line_of(const reader *r) { return (int)r->event.start_mark.line + 1; }

/* Step to the next event. Returns false after a syntax error, which has been noted. */
static bool advance(reader *r)
{
  if (r->has_event) yaml_event_delete(&r->event);
  r->has_event = false;
  if (r->failed) return false;
  if (yaml_parser_parse(&r->parser, &r->event)) {
    r->has_event = true;
    return true;
  }
  r->failed = true;
  wf_mistakes_spoil(r->mistakes, -1);
  const yaml_parser_t *p = &r->parser;
  if (p->error == YAML_READER_ERROR)
    wf_mistakes_add(r->mistakes, "%s: byte %zu: %s: write UTF-8 text", r->file, p->problem_offset, p->problem);
  else if (p->error == YAML_MEMORY_ERROR)
    wf_mistakes_add(r->mistakes, "%s: memory is short", r->file);
  else
    wf_mistakes_add(r->mistakes, "%s:%zu:%zu: not valid YAML: %s%s%s", r->file, p->problem_mark.line + 1,
                    p->problem_mark.column + 1, p->problem, p->context ? ", " : "", p->context ? p->context : "");
  return false;
}

/* Step past the current value, however deep. */
static void skip_value(reader *r)
{
  int depth = 0;
  do {
    yaml_event_type_t type = r->event.type;
    if (type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT) depth++;
    if (type == YAML_MAPPING_END_EVENT || type == YAML_SEQUENCE_END_EVENT) depth--;
  } while (depth > 0 && advance(r));
}

static const char *scalar_text(const reader *r) { return (const char *)r->event.data.scalar.value; }

/* No value at all: `key:` or `key: ~`, as against `key: ""`. */
static bool is_null(const reader *r)
{
  const char *text = scalar_text(r);
  return r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE && (!*text || !strcmp(text, "~") || !strcmp(text, "null"));
}

static void set_value(reader *r, const wf_param_row *row, int line, const char *text, size_t length)
{
  char why[WHY_SIZE], shown[NAME_SIZE];
  if (wf_param_set(r->params, row, text, length, why))
    r->taken = true;
  else
    wf_mistakes_add(r->mistakes, "%s:%d: %s.%s = %s: %s", r->file, line, row->group, row->name, wf_value_shorten(text, shown), why);
}

/* A list for a text: its items joined with commas. */
static void read_list(reader *r, const wf_param_row *row)
{
  char   joined[JOINED_SIZE] = "";
  size_t used                = 0;
  int    line                = line_of(r);
  bool   good                = row->kind == WF_PARAM_KIND_TEXT || row->kind == WF_PARAM_KIND_INDICES;
  if (!good) wf_mistakes_add(r->mistakes, "%s:%d: %s.%s: takes one value, not a list", r->file, line, row->group, row->name);
  for (int item = 0; advance(r) && r->event.type != YAML_SEQUENCE_END_EVENT; item++) {
    if (r->event.type != YAML_SCALAR_EVENT) {
      if (good)
        wf_mistakes_add(r->mistakes, "%s:%d: %s.%s: nested too deep: list plain values", r->file, line_of(r), row->group,
                        row->name);
      good = false;
      skip_value(r);
      continue;
    }
    size_t length = r->event.data.scalar.length, room = sizeof joined - 1 - used;
    if (item && room) joined[used++] = ',', room--;
    if (length > room) length = room; /* by now longer than any text may be, and refused as such */
    memcpy(joined + used, scalar_text(r), length);
    used += length;
  }
  joined[used] = 0;
  if (good && !r->failed) set_value(r, row, line, joined, used);
}

/* The value of a known key; the current event is its first. */
static void read_value(reader *r, const wf_param_row *row)
{
  int line = line_of(r);
  switch (r->event.type) {
  case YAML_SCALAR_EVENT:
    if (is_null(r))
      wf_mistakes_add(r->mistakes, "%s:%d: %s.%s: has no value%s", r->file, line, row->group, row->name,
                      row->kind >= WF_PARAM_KIND_TEXT ? ": write \"\" for an empty one" : "");
    else
      set_value(r, row, line, scalar_text(r), r->event.data.scalar.length);
    break;
  case YAML_SEQUENCE_START_EVENT:
    read_list(r, row);
    break;
  case YAML_ALIAS_EVENT:
    wf_mistakes_add(r->mistakes, "%s:%d: %s.%s: aliases are not known here", r->file, line, row->group, row->name);
    break;
  default:
    wf_mistakes_add(r->mistakes, "%s:%d: %s.%s: nested too deep: write %s: {%s: value}", r->file, line, row->group, row->name,
                    row->group, row->name);
    skip_value(r);
  }
}

static void note_unknown_key(reader *r, const char *group, const char *key)
{
  int                 n_rows, n_names = 0;
  const wf_param_row *rows = wf_params_rows(&n_rows);
  const char         *names[MAX_PARAMS], *elsewhere = NULL;
  char                shown[NAME_SIZE];
  for (int i = 0; i < n_rows; i++) {
    if (!strcmp(rows[i].group, group))
      names[n_names++] = rows[i].name;
    else if (!strcmp(rows[i].name, key) && !elsewhere)
      elsewhere = rows[i].group;
  }
  const char *nearest = wf_name_nearest(key, n_names, names);
  wf_value_shorten(key, shown);
  if (nearest)
    wf_mistakes_add(r->mistakes, "%s:%d: %s.%s: unknown parameter, did you mean %s.%s?", r->file, line_of(r), group, shown, group,
                    nearest);
  else if (elsewhere)
    wf_mistakes_add(r->mistakes, "%s:%d: %s.%s: unknown parameter, did you mean %s.%s?", r->file, line_of(r), group, shown,
                    elsewhere, key);
  else
    wf_mistakes_add(r->mistakes, "%s:%d: %s.%s: unknown parameter: `weightflow params` lists them", r->file, line_of(r), group,
                    shown);
}

static void note_unknown_group(reader *r, const char *key)
{
  int                 n_groups, n_rows;
  const char *const  *groups  = wf_params_groups(&n_groups);
  const wf_param_row *rows    = wf_params_rows(&n_rows);
  const char         *nearest = wf_name_nearest(key, n_groups, groups);
  char                shown[NAME_SIZE];
  for (int i = 0; i < n_rows; i++) {
    if (strcmp(rows[i].name, key)) continue;
    wf_mistakes_add(r->mistakes, "%s:%d: %s: belongs into a group: write %s: {%s: value}", r->file, line_of(r), key, rows[i].group,
                    key);
    return;
  }
  wf_mistakes_add(r->mistakes, "%s:%d: %s: unknown group%s%s%s", r->file, line_of(r), wf_value_shorten(key, shown),
                  nearest ? ", did you mean " : ": `weightflow params` lists them", nearest ? nearest : "", nearest ? "?" : "");
}

/* The body of a group; the current event is its start. */
static void read_group(reader *r, const char *group)
{
  while (advance(r) && r->event.type != YAML_MAPPING_END_EVENT) {
    if (r->event.type != YAML_SCALAR_EVENT) {
      wf_mistakes_add(r->mistakes, "%s:%d: %s: a name is wanted here", r->file, line_of(r), group);
      skip_value(r);
      if (advance(r)) skip_value(r);
      continue;
    }
    int row = wf_param_find(group, scalar_text(r)), line = line_of(r);
    if (row < 0)
      note_unknown_key(r, group, scalar_text(r));
    else if (r->row_line[row])
      wf_mistakes_add(r->mistakes, "%s:%d: %s.%s: given twice, first in line %d", r->file, line, group, scalar_text(r),
                      r->row_line[row]);
    if (!advance(r)) return;
    if (row < 0 || r->row_line[row]) {
      skip_value(r);
      continue;
    }
    int n_rows;
    r->row_line[row] = line;
    r->taken         = false;
    read_value(r, &wf_params_rows(&n_rows)[row]);
    if (!r->taken) wf_mistakes_spoil(r->mistakes, row);
  }
}

/* One key of the file's mapping and what belongs to it; the current event is the key. */
static void read_group_entry(reader *r)
{
  int                n_groups, group = 0;
  const char *const *groups = wf_params_groups(&n_groups);
  if (r->event.type != YAML_SCALAR_EVENT) {
    wf_mistakes_add(r->mistakes, "%s:%d: the name of a group is wanted here", r->file, line_of(r));
    skip_value(r);
    if (advance(r)) skip_value(r);
    return;
  }
  while (group < n_groups && strcmp(groups[group], scalar_text(r))) group++;
  if (group == n_groups) {
    note_unknown_group(r, scalar_text(r));
    if (advance(r)) skip_value(r);
    return;
  }
  int line = line_of(r);
  if (r->group_line[group])
    wf_mistakes_add(r->mistakes, "%s:%d: %s: given twice, first in line %d", r->file, line, groups[group], r->group_line[group]);
  else
    r->group_line[group] = line;
  if (!advance(r)) return;
  if (r->event.type == YAML_MAPPING_START_EVENT)
    read_group(r, groups[group]);
  else if (r->event.type != YAML_SCALAR_EVENT || !is_null(r)) { /* a group whose lines are all commented out is fine */
    wf_mistakes_add(r->mistakes, "%s:%d: %s: is a group: write names and values under it", r->file, line_of(r), groups[group]);
    skip_value(r);
  }
}

static void read_document(reader *r)
{
  if (!advance(r) || !advance(r) || r->event.type == YAML_STREAM_END_EVENT) return; /* an empty file changes nothing */
  if (!advance(r)) return;
  if (r->event.type == YAML_SCALAR_EVENT && is_null(r)) return;
  if (r->event.type != YAML_MAPPING_START_EVENT) {
    wf_mistakes_add(r->mistakes, "%s:%d: holds no parameters: write groups such as train: {iterations: 100}", r->file, line_of(r));
    return;
  }
  while (advance(r) && r->event.type != YAML_MAPPING_END_EVENT) read_group_entry(r);
  if (!r->failed && advance(r) && advance(r) && r->event.type != YAML_STREAM_END_EVENT)
    wf_mistakes_add(r->mistakes, "%s:%d: holds a second document: write all groups in one", r->file, line_of(r));
}

void wf_params_read_yaml(wf_params *params, const char *yaml_file, wf_mistakes *mistakes)
{
  struct stat status;
  reader      r      = {.file = yaml_file, .params = params, .mistakes = mistakes};
  FILE       *stream = fopen(yaml_file, "rb");
  if (!stream) {
    wf_mistakes_add(mistakes, "%s: cannot be read: %s", yaml_file, strerror(errno));
    wf_mistakes_spoil(mistakes, -1);
    return;
  }
  if (fstat(fileno(stream), &status) || S_ISDIR(status.st_mode)) {
    wf_mistakes_add(mistakes, "%s: is a folder: name a YAML file", yaml_file);
    wf_mistakes_spoil(mistakes, -1);
  } else if (!yaml_parser_initialize(&r.parser))
    wf_mistakes_add(mistakes, "%s: memory is short", yaml_file);
  else {
    yaml_parser_set_input_file(&r.parser, stream);
    read_document(&r);
    if (r.has_event) yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
  }
  fclose(stream);
}
