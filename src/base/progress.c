/* The progress line, see progress.h. */
#include <stdio.h>
#include <string.h>
#include <weightflow/clock.h>
#include <weightflow/progress.h>

enum { MAX_WIDTH = 60 };

double wf_progress_remaining(int64_t first, int64_t done, int64_t total, double seconds)
{
  if (done <= first || total < done || seconds <= 0) return -1;
  return seconds * (double)(total - done) / (double)(done - first);
}

void wf_progress_line(int64_t done, int64_t total, double remaining, int width, const char *note, char *text, size_t size)
{
  char   bar[MAX_WIDTH + 4] = "", left[64] = "", duration[48];
  double share = total > 0 ? (double)done / (double)total : 1;
  if (share > 1) share = 1;
  if (width > MAX_WIDTH) width = MAX_WIDTH;
  if (width > 0) {
    int full = (int)(share * width);
    bar[0]   = '[';
    for (int i = 0; i < width; i++) bar[1 + i] = i < full ? '=' : i == full ? '>' : ' ';
    memcpy(bar + 1 + width, "] ", 3);
  }
  if (remaining >= 0 && done < total) {
    wf_clock_duration(remaining, duration, sizeof(duration));
    snprintf(left, sizeof(left), "  %s left", duration);
  }
  snprintf(text, size, "%s%3d %%%s%s%s", bar, (int)(100 * share), note[0] ? "  " : "", note, left);
}
