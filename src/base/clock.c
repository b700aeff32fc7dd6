/* Clocks, see clock.h. */
#include <math.h>
#include <stdio.h>
#include <time.h>
#include <weightflow/clock.h>

double wf_clock_seconds(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void wf_clock_date(char *text, size_t size)
{
  time_t    now = time(NULL);
  struct tm calendar;
  if (!strftime(text, size, "%Y-%m-%d %H:%M:%S", localtime_r(&now, &calendar)) && size) text[0] = '\0';
}

void wf_clock_duration(double seconds, char *text, size_t size)
{
  double whole = floor(seconds + 0.5), minutes = floor(whole / 60), hours = floor(minutes / 60);
  if (seconds < 59.95) snprintf(text, size, seconds < 10 ? "%.2f s" : "%.1f s", seconds);
  else if (hours < 1) snprintf(text, size, "%.0f min %02.0f s", minutes, whole - 60 * minutes);
  else snprintf(text, size, "%.0f h %02.0f min", hours, minutes - 60 * hours);
}
