/* From the words of the command line to parameters that are checked, and how mistakes end a command. */
#include <string.h>
#include <unistd.h>
#include <weightflow/base.h>
#include "stages.h"

enum { MAX_WORDS = 8, MAX_PETSC_WORDS = 4096, MAX_COMMANDS = 64 };

static bool is_yaml(const char *word)
{
  const char *ending = strrchr(word, '.');
  return ending && (!strcmp(ending, ".yaml") || !strcmp(ending, ".yml"));
}

/* Sort the words that are no options into the YAML file and, for `import`, the data file. */
static void sort_words(const wf_command *command, int argc, char **argv, const char **yaml, const char **data,
                       wf_mistakes *mistakes)
{
  const char *words[MAX_WORDS];
  bool        imports = !strcmp(command->name, "import");
  int         n_words = wf_params_find_words(argc, argv, MAX_WORDS, words);
  *yaml = *data = NULL;
  for (int i = 0; i < n_words && i < MAX_WORDS; i++) {
    if (imports && !is_yaml(words[i]) && !*data)
      *data = words[i];
    else if (!is_yaml(words[i]))
      wf_mistakes_add(mistakes, "command line: %.200s: not an option, nor a file of parameters, which would end in .yaml",
                      words[i]);
    else if (*yaml)
      wf_mistakes_add(mistakes, "command line: %.200s: one file of parameters is enough, and %.200s is one", words[i], *yaml);
    else
      *yaml = words[i];
  }
  if (n_words > MAX_WORDS) wf_mistakes_add(mistakes, "command line: %d words that are no options are too many", n_words);
}

/* Has a run in this folder come as far as a first result? The parameters of one that was refused must not come back. */
static bool holds_results(const char *out)
{
  const char *const signs[] = {"simulate/ensemble.h5", "simulate/ckpt"};
  char              path[WF_SOURCE_SIZE];
  for (int i = 0; i < 2; i++) {
    snprintf(path, sizeof path, "%s/%s", out, signs[i]);
    if (!access(path, F_OK)) return true;
  }
  return false;
}

void wf_command_read_params(const wf_command *command, int argc, char **argv, wf_params *params, char *source, size_t size,
                            wf_mistakes *mistakes)
{
  const char *yaml, *data;
  char      **options = wf_calloc((size_t)argc + 2, sizeof *options), option[] = "-data_file";
  int         n_options = argc;
  source[0]             = 0;
  if (!options) {
    wf_mistakes_add(mistakes, "command line: memory is short");
    return;
  }
  sort_words(command, argc, argv, &yaml, &data, mistakes);
  for (int i = 0; i < argc; i++) options[i] = argv[i];
  if (data) {
    options[n_options++] = option;
    options[n_options++] = (char *)data;
  }
  wf_params_read(params, yaml, n_options, options, mistakes);
  if (yaml)
    snprintf(source, size, "%s", yaml);
  else if (command->stage && !wf_mistakes_count(mistakes)) {
    snprintf(source, size, "%s/used_parameters.yaml", params->run.out);
    if (!access(source, F_OK) && holds_results(params->run.out))
      wf_params_read_resumed(params, source, n_options, options, mistakes);
    else
      source[0] = 0;
  }
  if (!strcmp(command->name, "import") && !*params->data.file)
    wf_mistakes_add(mistakes, "command line: import: name the file to import");
  if (params->run.teams > 1 && strcmp(command->name, "sweep"))
    wf_mistakes_add(mistakes, "command line: -teams: `%s` has one run, and so all ranks are one team: leave it out, or sweep",
                    command->name);
  wf_model_path_resolve(params, yaml);
  wf_params_check(params, command->groups, mistakes);
  if (strstr(command->groups, "simulate") && !*params->data.file && wf_mistakes_count(mistakes) == 0 &&
      strcmp(command->name, "params"))
    wf_simulate_check(params, !strcmp(command->name, "run"), mistakes);
  wf_free(options);
}

void wf_command_note_unknown(const char *name, int n_commands, const wf_command *commands, wf_mistakes *mistakes)
{
  const char *names[MAX_COMMANDS];
  for (int i = 0; i < n_commands && i < MAX_COMMANDS; i++) names[i] = commands[i].name;
  const char *nearest = wf_name_nearest(name, n_commands < MAX_COMMANDS ? n_commands : MAX_COMMANDS, names);
  if (nearest)
    wf_mistakes_add(mistakes, "command line: %.60s: unknown command, did you mean %s?", name, nearest);
  else
    wf_mistakes_add(mistakes, "command line: %.60s: unknown command: `weightflow help` lists them", name);
}

PetscErrorCode wf_command_initialize(int argc, char **argv)
{
  static char  no_ambient_files[] = "-skip_petscrc";
  static char *words[MAX_PETSC_WORDS + 2];
  char       **args   = words;
  int          n_args = argc < MAX_PETSC_WORDS ? argc : MAX_PETSC_WORDS;
  PetscFunctionBeginUser;
  for (int i = 0; i < n_args; i++) words[i] = argv[i];
  words[n_args++] = no_ambient_files;
  PetscCall(PetscInitialize(&n_args, &args, NULL, NULL));
  PetscFunctionReturn(0);
}

PetscErrorCode wf_mistakes_settle(MPI_Comm comm, const wf_mistakes *mistakes, int *code)
{
  int rank, count = wf_mistakes_count(mistakes);
  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Bcast(&count, 1, MPI_INT, 0, comm));
  if (count) *code = WF_EXIT_USER;
  if (count && rank == 0) {
    wf_mistakes_print(mistakes, stderr);
    fprintf(stderr, "weightflow: %d mistake%s, nothing was done\n", count, count > 1 ? "s" : "");
  }
  PetscFunctionReturn(0);
}

PetscErrorCode wf_command_log_unused(wf_run *run)
{
  PetscInt n;
  char   **names, **values;
  PetscFunctionBeginUser;
  PetscCall(PetscOptionsLeftGet(NULL, &n, &names, &values));
  for (PetscInt i = 0; i < n; i++)
    if (!strncmp(names[i], "wf_", 3))
      PetscCall(wf_run_log(run, "warning: option -%s was not used by any stage that ran", names[i]));
  PetscCall(PetscOptionsLeftRestore(NULL, &n, &names, &values));
  PetscFunctionReturn(0);
}
