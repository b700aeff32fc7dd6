/* Checks for test programs. Each failed check prints where and what; the program's exit code is WF_TEST_END(). */
#ifndef WEIGHTFLOW_TESTS_CHECK_H
#define WEIGHTFLOW_TESTS_CHECK_H
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int checks_done, checks_failed;

__attribute__((format(printf, 4, 5))) static inline void check_failure(const char *file, int line, const char *condition,
                                                                       const char *format, ...)
{
  va_list arguments;
  fprintf(stderr, "%s:%d: %s:", file, line, condition);
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
}

#define WF_CHECK(condition, ...)                                                                  \
  do {                                                                                            \
    checks_done++;                                                                                \
    if (!(condition)) {                                                                           \
      checks_failed++;                                                                            \
      check_failure(__FILE__, __LINE__, #condition, " " __VA_ARGS__);                              \
    }                                                                                             \
  } while (0)

/* |a - b| <= tolerance * max(1, |b|), and neither is NaN. */
#define WF_CHECK_CLOSE(a, b, tolerance)                                                           \
  WF_CHECK(fabs((double)(a) - (double)(b)) <= (tolerance) * fmax(1, fabs((double)(b))),           \
           "%.15g against %.15g, tolerance %g", (double)(a), (double)(b), (double)(tolerance))

/* End a test that lacks what it needs. */
#define WF_TEST_SKIP(...)                                                                         \
  do {                                                                                            \
    printf("skipped: " __VA_ARGS__);                                                              \
    putchar('\n');                                                                                \
    exit(77);                                                                                     \
  } while (0)

/* Path of a file of real data ($WF_TEST_DATA), or a skip. */
static inline const char *test_data(const char *name)
{
  static char path[4096];
  const char *folder = getenv("WF_TEST_DATA");
  snprintf(path, sizeof path, "%s/%s", folder ? folder : "../shared/data", name);
  FILE *file = fopen(path, "rb");
  if (!file) WF_TEST_SKIP("%s is not there (set WF_TEST_DATA)", path);
  fclose(file);
  return path;
}

static inline int test_end(void)
{
  if (checks_failed) fprintf(stderr, "%d of %d checks failed\n", checks_failed, checks_done);
  return checks_failed || !checks_done;
}
#define WF_TEST_END() test_end()
#endif
