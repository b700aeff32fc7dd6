/* See sbml_scan.h. This is no XML parser: whether names match and attributes are well formed, libxml2 says later. Pure. */
#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "ssa/sbml_scan.h"

/* libsbml makes a chain of two-operand sums of a sum of many operands and walks it by recursion, as it walks the elements: a
   formula's height counts both. Its stack holds more than ten times these. */
enum { MAX_DEPTH = 1000, MAX_HEIGHT = 10000, SHOWN = 60 };

static const char sbml_names[] = "http://www.sbml.org/sbml/level";

/* For each rule, libsbml looks through all quantities: so many steps take it ten seconds. */
static const int64_t MAX_RULE_STEPS = 1000000000;

typedef struct {
  char   *text, *end, *place;
  char   *why;
  size_t  why_size;
  int     depth, math_depth, blank_depth; /* elements open; depth of the outermost <math>, <notes> or <annotation>, or 0 */
  char   *blank_start;
  int32_t n_children[MAX_DEPTH + 1], height[MAX_DEPTH + 1]; /* of the open elements; height: of the highest child so far */
  int64_t n_rules, n_quantities;
  bool    has_root;
  char    name_space[64]; /* of core SBML, by the level and version */
} scan_state;

/* An element's tag: where its name (without prefix) and its attributes are. */
typedef struct {
  const char *name, *attributes;
  size_t      name_length, attributes_length;
  bool        is_empty; /* <name/> */
} scan_tag;

typedef struct {
  const char *name, *value;
  size_t      name_length, value_length;
} scan_attribute;

__attribute__((format(printf, 2, 3))) static bool refuse(scan_state *scan, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(scan->why, scan->why_size, format, arguments);
  va_end(arguments);
  return false;
}

static bool begins_with(const scan_state *scan, const char *words)
{
  size_t length = strlen(words);
  return (size_t)(scan->end - scan->place) >= length && !memcmp(scan->place, words, length);
}

/* Go behind the next occurrence of the mark. */
static bool skip_past(scan_state *scan, const char *mark)
{
  size_t length = strlen(mark);
  for (char *found = scan->place; (size_t)(scan->end - found) >= length; found++) {
    found = memchr(found, mark[0], (size_t)(scan->end - found) - length + 1);
    if (!found) break;
    if (memcmp(found, mark, length)) continue;
    scan->place = found + length;
    return true;
  }
  return refuse(scan, "the file ends in the middle: a \"%s\" is missing; is the file complete?", mark);
}

/* Read a tag from behind its '<' (or '</') to behind its '>'; a '>' inside quotes is text. */
static bool read_tag(scan_state *scan, scan_tag *tag)
{
  char *at = scan->place, quote = 0;
  *tag = (scan_tag){.name = at};
  while (at < scan->end && !isspace((unsigned char)*at) && *at != '>' && *at != '/') {
    if (*at++ == ':') tag->name = at;
  }
  tag->name_length = (size_t)(at - tag->name);
  tag->attributes  = at;
  for (; at < scan->end && (quote || *at != '>'); at++) {
    if (quote && *at == quote)
      quote = 0;
    else if (!quote && (*at == '"' || *at == '\''))
      quote = *at;
  }
  if (at == scan->end) return refuse(scan, "the file ends in the middle of an element; is it complete?");
  tag->attributes_length = (size_t)(at - tag->attributes);
  tag->is_empty          = at[-1] == '/';
  scan->place            = at + 1;
  return true;
}

static bool is_named(const scan_tag *tag, const char *name)
{
  return tag->name_length == strlen(name) && !memcmp(tag->name, name, tag->name_length);
}

/* The next attribute of a tag; *at goes on to the end of the tag's attributes. false: there is none. */
static bool next_attribute(const char **at, const char *end, scan_attribute *attribute)
{
  while (*at < end && (isspace((unsigned char)**at) || **at == '/')) ++*at;
  attribute->name = *at;
  while (*at < end && **at != '=' && !isspace((unsigned char)**at)) ++*at;
  attribute->name_length = (size_t)(*at - attribute->name);
  while (*at < end && **at != '"' && **at != '\'') ++*at;
  if (*at >= end) return false;
  char quote       = *(*at)++;
  attribute->value = *at;
  while (*at < end && **at != quote) ++*at;
  attribute->value_length = (size_t)(*at - attribute->value);
  if (*at < end) ++*at;
  return attribute->name_length > 0;
}

static int show(size_t length) { return (int)(length < SHOWN ? length : SHOWN); }

static bool equals(const char *text, size_t length, const char *word)
{
  return length == strlen(word) && !memcmp(text, word, length);
}

/* The root element: <sbml>, of a level that is read, without packages that change what a model means. Its namespace goes with its
   level and version: libsbml relies on that. */
static bool check_root(scan_state *scan, const scan_tag *tag)
{
  const char    *at = tag->attributes, *end = at + tag->attributes_length;
  char           level = '?', version = '?';
  scan_attribute attribute;
  if (!is_named(tag, "sbml"))
    return refuse(scan, "the outermost element is <%.*s>: this is no SBML file", show(tag->name_length), tag->name);
  while (next_attribute(&at, end, &attribute)) {
    const char *colon = memchr(attribute.name, ':', attribute.name_length);
    size_t      rest  = colon ? attribute.name_length - (size_t)(colon + 1 - attribute.name) : 0;
    if (equals(attribute.name, attribute.name_length, "level")) level = attribute.value_length == 1 ? *attribute.value : '?';
    if (equals(attribute.name, attribute.name_length, "version")) version = attribute.value_length == 1 ? *attribute.value : '?';
    if (colon && equals(colon + 1, rest, "required") &&
        (equals(attribute.value, attribute.value_length, "true") || equals(attribute.value, attribute.value_length, "1")))
      return refuse(scan, "package \"%.*s\" is required: only core SBML can be simulated; export the model without it",
                    show((size_t)(colon - attribute.name)), attribute.name);
  }
  if ((level != '2' || version < '1' || version > '5') && (level != '3' || version < '1' || version > '2'))
    return refuse(scan,
                  "SBML Level %c Version %c: Level 2 Versions 1 to 5 and Level 3 Versions 1 and 2 are read; convert the model",
                  level, version);
  if (level == '2' && version == '1')
    snprintf(scan->name_space, sizeof scan->name_space, "%s2", sbml_names);
  else
    snprintf(scan->name_space, sizeof scan->name_space, "%s%c/version%c%s", sbml_names, level, version,
             level == '3' ? "/core" : "");
  return true;
}

/* Core SBML's namespace, where it is declared, is that of the level and version; libsbml ends the program where it is another.
   Namespaces of packages pass. */
static bool check_namespaces(scan_state *scan, const scan_tag *tag, bool is_root)
{
  const char    *at = tag->attributes, *end = at + tag->attributes_length;
  bool           declared = false;
  scan_attribute attribute;
  while (next_attribute(&at, end, &attribute)) {
    const char *value = attribute.value;
    size_t      n = attribute.value_length, begin = strlen(sbml_names);
    if (attribute.name_length < 5 || memcmp(attribute.name, "xmlns", 5)) continue;
    bool good    = equals(value, n, scan->name_space);
    bool ours    = n > begin && !memcmp(value, sbml_names, begin);
    bool is_core = ours && (value[begin] != '3' || (n > 5 && !memcmp(value + n - 5, "/core", 5)));
    if ((is_core && !good) || memchr(value, '&', n))
      return refuse(scan, "namespace \"%.*s\": it must be \"%s\" here", show(n), value, scan->name_space);
    declared |= good;
  }
  if (is_root && !declared)
    return refuse(scan, "the namespace of SBML is missing: write xmlns=\"%s\" into <sbml>", scan->name_space);
  return true;
}

/* Make the element that begins at blank_start and ends here blank. */
static void blank_element(scan_state *scan)
{
  for (char *at = scan->blank_start; at < scan->place; at++)
    if (*at != '\n') *at = ' ';
  scan->blank_depth = 0;
}

static bool close_element(scan_state *scan)
{
  if (!scan->depth) return refuse(scan, "an element ends that did not begin");
  int32_t height = scan->height[scan->depth] + scan->n_children[scan->depth] + 1;
  if (scan->math_depth && height > MAX_HEIGHT)
    return refuse(scan, "a formula is nested too deeply, or has too many operands: more than %d in all; split it up", MAX_HEIGHT);
  if (scan->depth == scan->blank_depth) blank_element(scan);
  if (scan->depth == scan->math_depth) scan->math_depth = 0;
  scan->depth--;
  if (height > scan->height[scan->depth]) scan->height[scan->depth] = height;
  return true;
}

static bool open_element(scan_state *scan, char *start)
{
  scan_tag tag = {0};
  scan->place  = start + 1;
  if (!read_tag(scan, &tag)) return false;
  if (!tag.name_length) return refuse(scan, "an element without a name: this is no XML; is it meant to be &lt;?");
  if (!scan->depth && scan->has_root) return refuse(scan, "text goes on behind the end of </sbml>");
  bool is_root   = !scan->has_root;
  scan->has_root = true;
  if ((is_root && !check_root(scan, &tag)) || !check_namespaces(scan, &tag, is_root)) return false;
  scan->n_children[scan->depth]++;
  scan->n_rules += is_named(&tag, "assignmentRule") || is_named(&tag, "rateRule");
  scan->n_quantities += is_named(&tag, "compartment") || is_named(&tag, "species") || is_named(&tag, "parameter");
  if (scan->n_rules * scan->n_quantities > MAX_RULE_STEPS) return refuse(scan, "there are too many rules for so large a model");
  if (++scan->depth > MAX_DEPTH) return refuse(scan, "elements are nested more than %d deep", MAX_DEPTH);
  scan->n_children[scan->depth] = scan->height[scan->depth] = 0;
  if (!scan->math_depth && is_named(&tag, "math")) scan->math_depth = scan->depth;
  if (!scan->blank_depth && (is_named(&tag, "notes") || is_named(&tag, "annotation"))) {
    scan->blank_depth = scan->depth;
    scan->blank_start = start;
  }
  return tag.is_empty ? close_element(scan) : true;
}

/* What stands at a '<'. */
static bool scan_markup(scan_state *scan)
{
  char    *start = scan->place;
  scan_tag tag   = {0};
  if (begins_with(scan, "<!--")) return skip_past(scan, "-->");
  if (begins_with(scan, "<![CDATA[")) return skip_past(scan, "]]>");
  if (begins_with(scan, "<!")) return refuse(scan, "a document type or entity is declared: remove the <!DOCTYPE ...>");
  if (begins_with(scan, "<?")) return skip_past(scan, "?>");
  if (!begins_with(scan, "</")) return open_element(scan, start);
  scan->place += 2;
  return read_tag(scan, &tag) && close_element(scan);
}

/* SBML is in UTF-8. In another encoding, "<!DOCTYPE" could hide from us. */
static bool check_encoding(scan_state *scan)
{
  if (scan->end - scan->text >= 3 && !memcmp(scan->text, "\xef\xbb\xbf", 3)) scan->place += 3;
  while (scan->place < scan->end && isspace((unsigned char)*scan->place)) scan->place++;
  if (scan->place == scan->end) return refuse(scan, "the file is empty");
  if (memchr(scan->text, 0, (size_t)(scan->end - scan->text)))
    return refuse(scan, "the file is not text in UTF-8: it has bytes of value 0");
  if (*scan->place != '<') return refuse(scan, "the file is no XML: it does not begin with \"<\"");
  if (!begins_with(scan, "<?xml")) return true;
  const char    *at = scan->place + 5;
  scan_attribute encoding;
  if (!skip_past(scan, "?>")) return false;
  while (next_attribute(&at, scan->place - 2, &encoding)) {
    if (!equals(encoding.name, encoding.name_length, "encoding")) continue;
    if ((encoding.value_length != 5 || strncasecmp(encoding.value, "utf-8", 5)) &&
        (encoding.value_length != 8 || strncasecmp(encoding.value, "us-ascii", 8)))
      return refuse(scan, "the encoding is \"%.*s\": SBML must be in UTF-8; convert the file", show(encoding.value_length),
                    encoding.value);
  }
  return true;
}

bool wf_sbml_scan(char *text, size_t length, int *line, char *why, size_t why_size)
{
  scan_state scan = {.text = text, .end = text + length, .place = text, .why = why, .why_size = why_size};
  char      *at   = text;
  bool       good = check_encoding(&scan);
  *line           = 0;
  while (good) {
    at = memchr(scan.place, '<', (size_t)(scan.end - scan.place));
    if (!at) break;
    scan.place = at;
    good       = scan_markup(&scan);
  }
  if (good && scan.depth) {
    at   = scan.end;
    good = refuse(&scan, "the file ends in the middle: %d elements are not closed; is it complete?", scan.depth);
  }
  if (good && !scan.has_root) return refuse(&scan, "the file holds no <sbml> element: this is no SBML file");
  if (good || at == text) return good;
  *line = 1;
  for (const char *c = text; c < at; c++) *line += *c == '\n';
  return false;
}
