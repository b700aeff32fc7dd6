/* Command `help`: usage, and a command with its parameters. */
#include <string.h>
#include "stages.h"

void wf_usage_print(FILE *stream, int n_commands, const wf_command *commands)
{
  fprintf(stream, "usage: weightflow COMMAND [PARAMETERS.yaml] [-OPTION VALUE]...\n\n"
                  "Learn the probability density of a stochastic system from snapshots.\n\ncommands:\n");
  for (int i = 0; i < n_commands; i++) fprintf(stream, "  %-9s %s\n", commands[i].name, commands[i].summary);
  fprintf(stream,
          "\n`weightflow help COMMAND` lists a command's parameters; `weightflow params` prints all as a YAML file.\n"
          "exit codes: 0 complete; 2 a mistake in what was asked, nothing done; 3 stopped early with a checkpoint, run again\n"
          "to go on; 4 a file is damaged; others: an error of the machine or of the program\n");
}

/* Is the word among those of a blank-separated list? */
static bool lists(const char *words, const char *word)
{
  size_t length = strlen(word);
  for (const char *at = words; (at = strstr(at, word)); at += length)
    if ((at == words || at[-1] == ' ') && (!at[length] || at[length] == ' ')) return true;
  return false;
}

void wf_help_print(FILE *stream, const wf_command *command)
{
  int                 n_rows;
  const wf_param_row *rows  = wf_params_rows(&n_rows);
  const char         *group = "";
  static wf_params    defaults;
  wf_params_set_defaults(&defaults);
  fprintf(stream, "usage: weightflow %s%s%s\n\n%s\n", command->name, *command->arguments ? " " : "", command->arguments,
          command->summary);
  if (*command->groups)
    fprintf(stream, "\nThe option -train_iterations 10 is in YAML  train: {iterations: 10}; the command line wins.\n");
  for (int i = 0; i < n_rows; i++) {
    char value[2 * WF_PARAM_TEXT_SIZE + 3], range[128], option[96];
    if (!lists(command->groups, rows[i].group)) continue;
    if (rows[i].of_command && !strcmp(rows[i].group, "run") && !lists(command->groups, "sweep")) continue;
    if (strcmp(group, rows[i].group)) fprintf(stream, "\n%s:\n", rows[i].group);
    group           = rows[i].group;
    bool short_name = !strcmp(group, "run");
    snprintf(option, sizeof option, "-%s%s%s", short_name ? "" : group, short_name ? "" : "_", rows[i].name);
    wf_params_value_text(&defaults, &rows[i], value, sizeof value);
    wf_param_range_text(&rows[i], range, sizeof range);
    fprintf(stream, "  %-30s default %s%s%s%s%s%s\n      %s\n", option, value, *rows[i].unit ? " " : "", rows[i].unit,
            *range ? " (" : "", range, *range ? ")" : "", rows[i].help);
  }
}
