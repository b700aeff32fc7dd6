/* Command `help`: usage, and a command with its parameters; and which commands only print. */
#include <string.h>
#include <weightflow/launcher.h>
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

/* Is the word -what or --what, or -h for help? */
static bool is_flag(const char *word, const char *what)
{
  if (*word != '-') return false;
  word += 1 + (word[1] == '-');
  return !strcmp(word, what) || (*what == 'h' && !strcmp(word, "h"));
}

const wf_command *wf_command_find(const char *name, int n_commands, const wf_command *commands)
{
  for (int i = 0; i < n_commands; i++)
    if (!strcmp(commands[i].name, name) || (!commands[i].stage && is_flag(name, commands[i].name))) return &commands[i];
  return NULL;
}

typedef enum { PRINT_NOTHING, PRINT_USAGE, PRINT_HELP, PRINT_MANUAL, PRINT_VERSION, PRINT_STATUS } printed;

/* What is asked for, where that is only to print something; *command out: about what. */
static printed find_printed(int argc, char **argv, int n_commands, const wf_command *commands, const wf_command **command)
{
  *command = argc > 1 ? wf_command_find(argv[1], n_commands, commands) : NULL;
  if (argc < 2) return PRINT_USAGE;
  if (!*command) return PRINT_NOTHING;
  if (!strcmp((*command)->name, "help")) {
    if (argc < 3) return PRINT_USAGE;
    *command = wf_command_find(argv[2], n_commands, commands);
    if (!strcmp(argv[2], "man")) return PRINT_MANUAL;
    return *command ? PRINT_HELP : PRINT_NOTHING;
  }
  for (int i = 2; i < argc; i++)
    if (is_flag(argv[i], "help")) return PRINT_HELP;
  if (!strcmp((*command)->name, "status")) return PRINT_STATUS;
  return strcmp((*command)->name, "version") ? PRINT_NOTHING : PRINT_VERSION;
}

bool wf_command_print(int argc, char **argv, int n_commands, const wf_command *commands, int *code)
{
  const wf_command *command;
  printed           what = find_printed(argc, argv, n_commands, commands, &command);
  *code                  = argc < 2 ? WF_EXIT_USER : WF_EXIT_COMPLETE;
  if (what == PRINT_NOTHING) return false;
  if (wf_launcher_rank() > 0) return true;
  if (what == PRINT_USAGE) wf_usage_print(argc < 2 ? stderr : stdout, n_commands, commands);
  if (what == PRINT_HELP) wf_help_print(stdout, command);
  if (what == PRINT_MANUAL) wf_manual_print(stdout, n_commands, commands);
  if (what == PRINT_VERSION) wf_version_print(stdout);
  if (what == PRINT_STATUS) *code = wf_status_print(argc - 2, argv + 2);
  return true;
}
