/* The table as rows, defaults, and one value from text and to text. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "params_impl.h"

/* The default as text. A quoted default is its own text; the others are turned into text before the preprocessor can replace a
   `false` by what the standard header makes of it. */
#define DEFAULT_INT(value, text) text
#define DEFAULT_REAL(value, text) text
#define DEFAULT_BOOL(value, text) text
#define DEFAULT_CHOICE(value, text) value
#define DEFAULT_TEXT(value, text) value
#define DEFAULT_PATH(value, text) value
#define DEFAULT_INDICES(value, text) value
#define RESTART_FIXED true
#define RESTART_FREE false
#define RESTART_COMMAND false
#define COMMAND_FIXED false
#define COMMAND_FREE false
#define COMMAND_COMMAND true
#define ROW(g, n, type, value, low, high, choice_list, the_unit, restart, the_help)                                                \
  {.group            = #g,                                                                                                         \
   .name             = #n,                                                                                                         \
   .choices          = choice_list,                                                                                                \
   .unit             = the_unit,                                                                                                   \
   .help             = the_help,                                                                                                   \
   .default_text     = DEFAULT_##type(value, #value),                                                                              \
   .kind             = WF_PARAM_KIND_##type,                                                                                       \
   .offset           = offsetof(wf_params, g.n),                                                                                   \
   .minimum          = low,                                                                                                        \
   .maximum          = high,                                                                                                       \
   .fixed_on_restart = RESTART_##restart,                                                                                          \
   .of_command       = COMMAND_##restart},

static const wf_param_row table[] = {WF_PARAMS_ALL(ROW)};
enum { N_ROWS = sizeof table / sizeof table[0] };
_Static_assert((int)N_ROWS <= (int)MAX_PARAMS, "raise MAX_PARAMS");

const wf_param_row *wf_params_rows(int *n_rows)
{
  *n_rows = N_ROWS;
  return table;
}

const char *const *wf_params_groups(int *n_groups)
{
  static const char *const groups[] = {"run",     "data",     "simulate", "pretrain", "train",
                                       "predict", "evaluate", "report",   "sweep",    "collect"};
  *n_groups                         = sizeof groups / sizeof groups[0];
  return groups;
}

int wf_param_find(const char *group, const char *name)
{
  for (int i = 0; i < N_ROWS; i++)
    if (!strcmp(table[i].group, group) && !strcmp(table[i].name, name)) return i;
  return -1;
}

int wf_params_find_fixed(const char *name)
{
  char   group[NAME_SIZE];
  size_t length = strcspn(name, "._"); /* no group has an underscore in its name */
  if (!name[length] || length >= sizeof group) return -1;
  snprintf(group, sizeof group, "%.*s", (int)length, name);
  int row = wf_param_find(group, name + length + 1);
  return row >= 0 && table[row].fixed_on_restart ? row : -1;
}

bool wf_params_set(wf_params *params, const wf_param_row *row, const char *text, char *why, size_t why_size)
{
  char reason[WHY_SIZE];
  if (wf_param_set(params, row, text, strlen(text), reason)) return true;
  snprintf(why, why_size, "%s", reason);
  return false;
}

void wf_params_set_defaults(wf_params *params)
{
  char why[WHY_SIZE];
  memset(params, 0, sizeof *params); /* padding too: the struct is broadcast as bytes */
  for (int i = 0; i < N_ROWS; i++) {
    bool ok = wf_param_set(params, &table[i], table[i].default_text, strlen(table[i].default_text), why);
    assert(ok && "a default of the table breaks the table's own rule");
    (void)ok;
  }
}

PetscErrorCode wf_params_broadcast(MPI_Comm comm, wf_params *params)
{
  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Bcast(params, (int)sizeof *params, MPI_BYTE, 0, comm));
  PetscFunctionReturn(0);
}

int wf_params_choice(const char *group, const char *name, const char *value)
{
  int row = wf_param_find(group, name);
  assert(row >= 0 && table[row].kind == WF_PARAM_KIND_CHOICE);
  if (row < 0 || !table[row].choices) return -1;
  const char *choice = table[row].choices;
  size_t      length = strlen(value);
  for (int i = 0;; i++) {
    size_t size = strcspn(choice, "|");
    if (size == length && !strncmp(choice, value, size)) return i;
    assert(choice[size] && "not one of the choices");
    if (!choice[size]) return -1;
    choice += size + 1;
  }
}

/* --- from text --- */

bool wf_bool_parse(const char *text, bool *value)
{
  static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
  for (int i = 0; i < 8; i++) {
    if (strcasecmp(text, words[i])) continue;
    *value = i % 2;
    return true;
  }
  return false;
}

bool wf_number_parse(const char *text, double *value)
{
  char *end;
  if (!*text || text[strspn(text, "0123456789+-.eE")]) return false; /* neither hexadecimal, nor nan, nor spaces */
  *value = strtod(text, &end);
  return !*end && isfinite(*value);
}

static bool set_integer(int64_t *member, const wf_param_row *row, const char *text, char *why)
{
  double  real;
  int64_t value;
  if (!text[strspn(text, "0123456789+-")]) { /* digits: exact beyond 2^53, so that the range check is exact */
    char *end;
    errno = 0;
    value = strtoll(text, &end, 10);
    if (end == text || *end) goto malformed;
  } else {
    if (!wf_number_parse(text, &real) || real != floor(real)) goto malformed;
    value = fabs(real) < 0x1p62 ? (int64_t)real : real < 0 ? INT64_MIN : INT64_MAX;
  }
  if (value < (int64_t)row->minimum)
    snprintf(why, WHY_SIZE, "must be at least %" PRId64, (int64_t)row->minimum);
  else if (value > (int64_t)row->maximum)
    snprintf(why, WHY_SIZE, "must be at most %" PRId64, (int64_t)row->maximum);
  else {
    *member = value;
    return true;
  }
  return false;
malformed:
  snprintf(why, WHY_SIZE, "must be a whole number");
  return false;
}

static bool set_real(double *member, const wf_param_row *row, const char *text, char *why)
{
  double value;
  if (!wf_number_parse(text, &value)) {
    char *end;
    value = strtod(text, &end);
    snprintf(why, WHY_SIZE, !*end && end != text && !isfinite(value) ? "must be a finite number" : "must be a number");
    return false;
  }
  if (value < row->minimum)
    snprintf(why, WHY_SIZE, "must be at least %.15g", row->minimum);
  else if (value > row->maximum)
    snprintf(why, WHY_SIZE, "must be at most %.15g", row->maximum);
  else {
    *member = value;
    return true;
  }
  return false;
}

static bool check_choice(const wf_param_row *row, const char *text, char *why)
{
  size_t length = strlen(text), used;
  for (const char *choice = row->choices;; choice += strcspn(choice, "|") + 1) {
    if (strcspn(choice, "|") == length && !strncmp(choice, text, length)) return true;
    if (!strchr(choice, '|')) break;
  }
  used = (size_t)snprintf(why, WHY_SIZE, strchr(row->choices, '|') ? "must be one of " : "must be ");
  for (const char *c = row->choices; *c && used + 3 < WHY_SIZE; c++) {
    if (*c != '|')
      why[used++] = *c;
    else
      used += (size_t)snprintf(why + used, WHY_SIZE - used, ", ");
  }
  why[used] = 0;
  return false;
}

/* Valid UTF-8 without control characters: what a YAML file can hold on one line, so that parameters can be written and read back.
 */
static bool is_one_line_of_utf8(const unsigned char *text, size_t length)
{
  for (size_t i = 0; i < length;) {
    unsigned char c = text[i++];
    if (c < 32 || c == 127) return false;
    if (c < 128) continue;
    int      follow = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    unsigned code   = c & (0x3f >> follow);
    if (c < 0xc2 || c > 0xf4) return false;
    for (int k = 0; k < follow; k++, i++) {
      if (i >= length || (text[i] & 0xc0) != 0x80) return false;
      code = code << 6 | (text[i] & 0x3f);
    }
    static const unsigned smallest[] = {0, 0x80, 0x800, 0x10000};
    if (code < smallest[follow] || code < 0xa0 || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff) return false;
  }
  return true;
}

bool wf_param_set(wf_params *params, const wf_param_row *row, const char *text, size_t length, char *why)
{
  void *member = (char *)params + row->offset;
  if (!is_one_line_of_utf8((const unsigned char *)text, length)) {
    snprintf(why, WHY_SIZE, "must be one line of UTF-8 text without control characters");
    return false;
  }
  switch (row->kind) {
  case WF_PARAM_KIND_INT:
    return set_integer(member, row, text, why);
  case WF_PARAM_KIND_REAL:
    return set_real(member, row, text, why);
  case WF_PARAM_KIND_BOOL:
    if (wf_bool_parse(text, member)) return true;
    snprintf(why, WHY_SIZE, "must be true or false");
    return false;
  case WF_PARAM_KIND_CHOICE:
    if (!check_choice(row, text, why)) return false;
    break;
  case WF_PARAM_KIND_INDICES:
    if (length && length < WF_PARAM_TEXT_SIZE && wf_indices_parse(text, INT_MAX, NULL, why, WHY_SIZE) < 0) return false;
    break;
  case WF_PARAM_KIND_TEXT:
  case WF_PARAM_KIND_PATH:
    break;
  }
  if (length >= WF_PARAM_TEXT_SIZE) {
    snprintf(why, WHY_SIZE, "is too long: %zu bytes, at most %d", length, WF_PARAM_TEXT_SIZE - 1);
    return false;
  }
  memset(member, 0, WF_PARAM_TEXT_SIZE);
  memcpy(member, text, length);
  return true;
}

/* --- to text --- */

/* The shortest decimal that reads back as the same number, and as a number by readers of YAML 1.1, which want a point before an e.
 */
static void print_real(double value, char *text, size_t size)
{
  char digits[40];
  if (value == floor(value) && fabs(value) < 1e6) {
    snprintf(text, size, "%.0f", value);
    return;
  }
  for (int n = 1; n <= 17; n++) {
    snprintf(digits, sizeof digits, "%.*g", n, value);
    if (strtod(digits, NULL) == value) break;
  }
  const char *e = strchr(digits, 'e');
  if (e && !strchr(digits, '.'))
    snprintf(text, size, "%.*s.0%s", (int)(e - digits), digits, e);
  else
    snprintf(text, size, "%s", digits);
}

/* Plain where every YAML reader takes it for text, else in double quotes. */
static void print_quoted(const char *value, char *text, size_t size)
{
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  bool              ignored, plain = isalpha((unsigned char)*value) || *value == '/' || *value == '.';
  char              kept[sizeof letters + 16];
  snprintf(kept, sizeof kept, "%s0123456789_./-", letters);
  plain = plain && !value[strspn(value, kept)] && value[strspn(value, ".0123456789eE-")] && !wf_bool_parse(value, &ignored) &&
          strcasecmp(value, "null") && strcasecmp(value, ".nan") && strcasecmp(value, ".inf");
  if (plain) {
    snprintf(text, size, "%s", value);
    return;
  }
  size_t used = 0;
  if (size < 3) return;
  text[used++] = '"';
  for (; *value && used + 3 < size; value++) {
    if (*value == '"' || *value == '\\') text[used++] = '\\';
    text[used++] = *value;
  }
  text[used++] = '"';
  text[used]   = 0;
}

void wf_params_value_text(const wf_params *params, const wf_param_row *row, char *text, size_t size)
{
  const void *member = (const char *)params + row->offset;
  switch (row->kind) {
  case WF_PARAM_KIND_INT:
    snprintf(text, size, "%" PRId64, *(const int64_t *)member);
    break;
  case WF_PARAM_KIND_REAL:
    print_real(*(const double *)member, text, size);
    break;
  case WF_PARAM_KIND_BOOL:
    snprintf(text, size, "%s", *(const bool *)member ? "true" : "false");
    break;
  default:
    print_quoted(member, text, size);
    break;
  }
}
