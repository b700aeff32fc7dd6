/* gnuplot as a child process, without a shell, and what goes into its scripts. */
#define _GNU_SOURCE /* posix_spawn_file_actions_addchdir_np */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include "report_impl.h"

extern char **environ;

bool wf_gnuplot_run(const char *folder, const char *script, char *why, size_t why_size)
{
  char                       name[256];
  char                      *arguments[] = {(char[]){"gnuplot"}, name, NULL};
  posix_spawn_file_actions_t actions;
  pid_t                      child;
  int                        status;

  snprintf(name, sizeof name, "%s", script);
  if (posix_spawn_file_actions_init(&actions)) return false;
  int error = posix_spawn_file_actions_addchdir_np(&actions, folder);
  if (!error) error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  if (!error) error = posix_spawn_file_actions_addopen(&actions, 1, "gnuplot.log", O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (!error) error = posix_spawn_file_actions_adddup2(&actions, 1, 2);
  if (!error) error = posix_spawnp(&child, "gnuplot", &actions, NULL, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error) {
    snprintf(why, why_size, "gnuplot cannot be started: %s", strerror(error));
    return false;
  }
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return false;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
    snprintf(why, why_size, "gnuplot is not installed");
  else
    snprintf(why, why_size, "gnuplot failed on %s, see gnuplot.log", script);
  return false;
}

void wf_print_quoted(FILE *stream, const char *text)
{
  fputc('\'', stream);
  for (; *text; text++) {
    if (*text == '\'') fputc('\'', stream);
    fputc((unsigned char)*text < ' ' ? ' ' : *text, stream);
  }
  fputc('\'', stream);
}

void wf_print_html(FILE *stream, const char *text)
{
  for (; *text; text++) switch (*text) {
    case '&':
      fputs("&amp;", stream);
      break;
    case '<':
      fputs("&lt;", stream);
      break;
    case '>':
      fputs("&gt;", stream);
      break;
    case '"':
      fputs("&quot;", stream);
      break;
    default:
      fputc(*text, stream);
    }
}
