/* Lists in one text: indices "0:100:10", numbers "0,0.5,2". */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "params_impl.h"

enum { ITEM_SIZE = 64 };

/* Cut the next item off at a comma, without the blanks around it. Returns false with a reason if it is empty or too long. */
static bool take_item(const char **text, char *item, char *why, size_t why_size)
{
  const char *start = *text + strspn(*text, " ");
  size_t      all = strcspn(start, ","), length = all;
  while (length && start[length - 1] == ' ') length--;
  *text = start + all + (start[all] == ',');
  if (!length) {
    snprintf(why, why_size, "has an empty item");
    return false;
  }
  if (length >= ITEM_SIZE) {
    snprintf(why, why_size, "has an item that is no number");
    return false;
  }
  memcpy(item, start, length);
  item[length] = 0;
  if (start[all] != ',' || (*text)[strspn(*text, " ")]) return true;
  snprintf(why, why_size, "ends with a comma");
  return false;
}

/* Split "a:b:c" into its numbers; returns how many (1..3), or 0. */
static int split_colons(char *item, double *numbers)
{
  int n = 0;
  for (char *part = item, *next; part; part = next) {
    next = strchr(part, ':');
    if (next) *next++ = 0;
    if (n == 3 || !wf_number_parse(part, &numbers[n++])) return 0;
  }
  return n;
}

/* One item of indices: first, last and stride. */
static bool parse_range(char *item, int n, int after, int *range, char *why, size_t why_size)
{
  double numbers[3] = {0, 0, 1};
  char   shown[ITEM_SIZE];
  snprintf(shown, sizeof shown, "%s", item);
  int count = split_colons(item, numbers);
  for (int i = 0; i < count; i++)
    if (numbers[i] != floor(numbers[i]) || numbers[i] < 0 || numbers[i] > INT_MAX) count = 0;
  if (!count) {
    snprintf(why, why_size, "%s is not an index: write all, first:last:stride, or a list such as 0,5,9", shown);
    return false;
  }
  if (count == 1) numbers[1] = numbers[0];
  if (numbers[2] < 1)
    snprintf(why, why_size, "%s: the stride must be at least 1", shown);
  else if (numbers[1] < numbers[0])
    snprintf(why, why_size, "%s: the last index is below the first", shown);
  else if (numbers[0] <= after)
    snprintf(why, why_size, "%s: indices must increase", shown);
  else {
    for (int i = 0; i < 3; i++) range[i] = (int)numbers[i];
    range[1] -= (range[1] - range[0]) % range[2];
    if (range[1] < n) return true;
    snprintf(why, why_size, "index %d does not exist: there are %d, counted from 0", range[1], n);
  }
  return false;
}

int wf_indices_parse(const char *text, int n, int *indices, char *why, size_t why_size)
{
  int count = 0, after = -1;
  if (!strcmp(text, "all")) {
    for (int i = 0; indices && i < n; i++) indices[i] = i;
    return n;
  }
  if (!*text) {
    snprintf(why, why_size, "is empty: write all, first:last:stride, or a list such as 0,5,9");
    return -1;
  }
  while (*text) {
    char item[ITEM_SIZE];
    int  range[3];
    if (!take_item(&text, item, why, why_size)) return -1;
    if (!parse_range(item, n, after, range, why, why_size)) return -1;
    int items = (range[1] - range[0]) / range[2] + 1; /* increasing and below n, so that the sum is at most n */
    for (int i = 0; indices && i < items; i++) indices[count + i] = range[0] + i * range[2];
    count += items;
    after = range[1];
  }
  return count;
}

/* One item of numbers as a range: first, step and how many. */
static bool parse_numbers(char *item, double *first, double *step, double *items, char *why, size_t why_size)
{
  double numbers[3] = {0};
  char   shown[ITEM_SIZE];
  snprintf(shown, sizeof shown, "%s", item);
  int count = split_colons(item, numbers);
  *first    = numbers[0];
  *step     = count == 3 ? numbers[2] : 0;
  *items    = 1;
  if (count == 1) return true;
  if (count != 3)
    snprintf(why, why_size, "%s: write a list of numbers such as 0,0.5,2, or first:last:step", shown);
  else if (!(*step > 0))
    snprintf(why, why_size, "%s: the step must be above 0", shown);
  else if (numbers[1] < numbers[0])
    snprintf(why, why_size, "%s: the last number is below the first", shown);
  else {
    *items = floor((numbers[1] - numbers[0]) / *step * (1 + 1e-12) + 1e-9) + 1; /* 0:0.3:0.1 has four, whatever the rounding */
    return true;
  }
  return false;
}

int wf_numbers_parse(const char *text, int max_values, double *values, char *why, size_t why_size)
{
  int count = 0;
  if (!*text) {
    snprintf(why, why_size, "is empty");
    return -1;
  }
  while (*text) {
    char   item[ITEM_SIZE];
    double first, step, items;
    if (!take_item(&text, item, why, why_size)) return -1;
    if (!parse_numbers(item, &first, &step, &items, why, why_size)) return -1;
    if (items > max_values - count) {
      snprintf(why, why_size, "holds too many numbers: at most %d", max_values);
      return -1;
    }
    for (int i = 0; values && i < (int)items; i++) values[count + i] = first + i * step;
    count += (int)items;
  }
  return count;
}
