/* Reading a model in SBML: from the file to libsbml, through the steps of sbml_impl.h, to a finished network. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <weightflow/base.h>
#include "ssa/sbml_impl.h"
#include "ssa/sbml_scan.h"

enum {
  MAX_FILE_SIZE = 64 << 20,
  MAX_TOLD      = WF_SBML_MAX_TOLD,
  LINE_SIZE     = 512,
  MAX_DETAIL    = 240,
  FEW_RULES     = 20,
  FEW_ENTRIES   = 2000
};

/* --- problems --- */

/* Text from the file goes into messages: one line without control characters. */
static void tidy_line(char *line)
{
  for (char *c = line; *c; c++)
    if (iscntrl((unsigned char)*c)) *c = ' ';
}

void wf_sbml_complain(wf_sbml_reader *reader, const wf_sbml_where *where, const char *format, ...)
{
  char    line[LINE_SIZE], place[160] = "";
  int     used = 0;
  va_list arguments;
  if (reader->n_problems++ >= MAX_TOLD) return;
  if (where && where->what) snprintf(place, sizeof place, "%s %.60s: ", where->what, where->id ? where->id : "");
  if (where && where->line)
    used = snprintf(line, sizeof line, "%.200s: line %d: %s", reader->name, where->line, place);
  else
    used = snprintf(line, sizeof line, "%.200s: %s", reader->name, place);
  va_start(arguments, format);
  vsnprintf(line + used, sizeof line - (size_t)used, format, arguments);
  va_end(arguments);
  tidy_line(line);
  reader->report(reader->context, line);
}

void wf_sbml_end_complaints(wf_sbml_reader *reader)
{
  char line[LINE_SIZE];
  if (reader->n_problems <= MAX_TOLD) return;
  snprintf(line, sizeof line, "%.200s: and %d more problems", reader->name, reader->n_problems - MAX_TOLD);
  tidy_line(line);
  reader->report(reader->context, line);
}

void *wf_sbml_grow(wf_sbml_reader *reader, void *array, int count, int *capacity, size_t size)
{
  if (count < *capacity) return array;
  int   larger = *capacity ? 2 * *capacity : 64;
  void *memory = larger > count ? wf_calloc((size_t)larger, size) : NULL;
  if (!memory) {
    wf_sbml_complain(reader, NULL, "memory is short");
    return NULL;
  }
  if (count) memcpy(memory, array, (size_t)count * size);
  wf_free(array);
  *capacity = larger;
  return memory;
}

/* --- libsbml --- */

/* libsbml's message in one line: it quotes the specification first, says where it stands there, then what is the matter here. */
static void shorten_message(const XMLError_t *error, char *text, size_t size)
{
  const char *message = XMLError_getMessage(error), *reference = strstr(message ? message : "", "Reference: ");
  const char *detail = reference ? strchr(reference, '\n') : message;
  const char *brief  = XMLError_getShortMessage(error);
  size_t      used   = 0;
  if (brief && *brief) used = (size_t)snprintf(text, size, "%.100s: ", brief);
  size_t begin = used;
  for (bool blank = true; detail && *detail && used < begin + MAX_DETAIL && used + 2 < size; detail++) {
    bool space = isspace((unsigned char)*detail);
    if (!space || !blank) text[used++] = space ? ' ' : *detail;
    blank = space;
  }
  while (used && (text[used - 1] == ' ' || text[used - 1] == ':')) used--;
  text[used] = 0;
}

/* Pass errors on; false: there are some. */
static bool pass_errors_on(wf_sbml_reader *reader)
{
  for (unsigned i = 0; i < SBMLDocument_getNumErrors(reader->document); i++) {
    const XMLError_t *error = (const XMLError_t *)SBMLDocument_getError(reader->document, i);
    char              text[MAX_DETAIL + 120];
    if (!XMLError_isError(error) && !XMLError_isFatal(error)) continue;
    if (XMLError_getErrorId(error) == UndeclaredSpeciesRef) continue; /* a modifier that is not listed as one: no matter */
    shorten_message(error, text, sizeof text);
    wf_sbml_complain(reader, &(wf_sbml_where){.line = (int)XMLError_getLine(error)}, "%s", text);
  }
  return !reader->n_problems;
}

/* What libsbml finds beyond our own checks, which come first since it does not survive every circle. Small models only: the time
   grows with the square of a model's size, and that of the general checks with a high power of the number of rules. */
static bool check_consistency(wf_sbml_reader *reader)
{
  static const SBMLErrorCategory_t unwanted[] = {LIBSBML_CAT_UNITS_CONSISTENCY, LIBSBML_CAT_MODELING_PRACTICE,
                                                 LIBSBML_CAT_SBO_CONSISTENCY, LIBSBML_CAT_OVERDETERMINED_MODEL};
  if (reader->n_entries > FEW_ENTRIES) return true;
  for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++)
    SBMLDocument_setConsistencyChecks(reader->document, unwanted[i], 0);
  if (Model_getNumRules(reader->model) + Model_getNumInitialAssignments(reader->model) > FEW_RULES)
    SBMLDocument_setConsistencyChecks(reader->document, LIBSBML_CAT_GENERAL_CONSISTENCY, 0);
  SBMLDocument_checkConsistency(reader->document);
  return pass_errors_on(reader);
}

static bool parse_text(wf_sbml_reader *reader, const char *text)
{
  reader->document = readSBMLFromString(text);
  if (!reader->document) {
    wf_sbml_complain(reader, NULL, "memory is short");
    return false;
  }
  if (!pass_errors_on(reader)) return false;
  reader->level   = SBMLDocument_getLevel(reader->document);
  reader->version = SBMLDocument_getVersion(reader->document);
  reader->model   = SBMLDocument_getModel(reader->document);
  if (!reader->model) wf_sbml_complain(reader, NULL, "the file holds no model");
  return reader->model != NULL;
}

/* --- reading --- */

static bool make_network(wf_sbml_reader *reader, const char *record)
{
  const char *id = Model_isSetId(reader->model) ? Model_getId(reader->model) : reader->name;
  char        why[256];
  bool        good = wf_sbml_fill_table(reader);
  good             = good && wf_sbml_mark_changes(reader);
  good             = reader->net && wf_sbml_mark_recorded(reader, record) && good;
  good             = reader->net && wf_sbml_check_formulas(reader) && good;
  if (!good) return false;
  reader->network = wf_network_create(id);
  if (!reader->network) {
    wf_sbml_complain(reader, NULL, "memory is short");
    return false;
  }
  if (!wf_sbml_solve_initial(reader) || !wf_sbml_build_network(reader) || !wf_sbml_add_events(reader)) return false;
  if (!check_consistency(reader)) return false;
  if (!wf_network_finish(reader->network, why, sizeof why)) {
    wf_sbml_complain(reader, NULL, "%s", why);
    return false;
  }
  return wf_sbml_check_reversible(reader);
}

/* The network of a text [length] that ends with a 0 and is written to. */
static wf_network *read_text(wf_sbml_reader *reader, char *text, size_t length, const char *record)
{
  wf_sbml_where where = {0};
  char          why[256];
  bool          good = wf_sbml_scan(text, length, &where.line, why, sizeof why);
  if (!good) wf_sbml_complain(reader, &where, "%s", why);
  good = good && parse_text(reader, text) && make_network(reader, record);
  wf_sbml_end_complaints(reader);
  if (!good) wf_network_destroy(&reader->network);
  if (reader->document) SBMLDocument_free(reader->document);
  wf_free(reader->entries);
  wf_free(reader->names);
  wf_free(reader->net);
  wf_free(reader->pending);
  return reader->network;
}

wf_network *wf_sbml_read_text(const char *name, const char *text, size_t length, const char *record, wf_sbml_report *report,
                              void *context)
{
  wf_sbml_reader reader = {.name = name, .report = report, .context = context};
  if (length > MAX_FILE_SIZE) {
    wf_sbml_complain(&reader, NULL, "the model has %zu bytes: at most %d are read", length, (int)MAX_FILE_SIZE);
    return NULL;
  }
  char *copy = wf_calloc(length + 1, 1);
  if (!copy) {
    wf_sbml_complain(&reader, NULL, "memory is short");
    return NULL;
  }
  memcpy(copy, text, length);
  wf_network *network = read_text(&reader, copy, length, record);
  wf_free(copy);
  return network;
}

/* All of a file; NULL (reported) if it cannot be read. */
static char *load_file(wf_sbml_reader *reader, const char *path, size_t *length)
{
  struct stat status;
  char       *text = NULL;
  FILE       *file = NULL;
  if (stat(path, &status))
    wf_sbml_complain(reader, NULL, "cannot be read: %s", strerror(errno));
  else if (!S_ISREG(status.st_mode))
    wf_sbml_complain(reader, NULL, "is no file");
  else if (status.st_size > MAX_FILE_SIZE)
    wf_sbml_complain(reader, NULL, "the file has %lld bytes: at most %d are read", (long long)status.st_size, (int)MAX_FILE_SIZE);
  else if (!(file = fopen(path, "rb")))
    wf_sbml_complain(reader, NULL, "cannot be read: %s", strerror(errno));
  else if (!(text = wf_calloc((size_t)status.st_size + 1, 1)))
    wf_sbml_complain(reader, NULL, "memory is short");
  else
    *length = fread(text, 1, (size_t)status.st_size, file);
  if (text && ferror(file)) {
    wf_sbml_complain(reader, NULL, "cannot be read: %s", strerror(errno));
    wf_free(text);
    text = NULL;
  }
  if (file) fclose(file);
  return text;
}

wf_network *wf_sbml_read(const char *path, const char *record, wf_sbml_report *report, void *context)
{
  wf_sbml_reader reader = {.name = path, .report = report, .context = context};
  size_t         length = 0;
  char          *text   = load_file(&reader, path, &length);
  if (!text) return NULL;
  wf_network *network = read_text(&reader, text, length, record);
  wf_free(text);
  return network;
}
