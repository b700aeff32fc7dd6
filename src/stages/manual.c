/* The manual page, from the command table and the parameter table: `weightflow help man` > doc/weightflow.1. */
#include <config.h>
#include <string.h>
#include "stages.h"

/* Text as roff takes it: hyphens stay hyphens, and no line is mistaken for a request. */
static void print_escaped(FILE *stream, const char *text)
{
  if (*text == '.' || *text == '\'') fputs("\\&", stream);
  for (; *text; text++) {
    if (*text == '\\')
      fputs("\\e", stream);
    else if (*text == '-')
      fputs("\\-", stream);
    else
      fputc(*text, stream);
  }
}

static void print_entry(FILE *stream, const char *tag, const char *text)
{
  fputs(".TP\n\\fB", stream);
  print_escaped(stream, tag);
  fputs("\\fR\n", stream);
  print_escaped(stream, text);
  fputc('\n', stream);
}

static void print_section(FILE *stream, const char *title, const char *const (*entries)[2])
{
  fprintf(stream, ".SH %s\n", title);
  for (; (*entries)[0]; entries++) print_entry(stream, (*entries)[0], (*entries)[1]);
}

static void print_commands(FILE *stream, int n_commands, const wf_command *commands)
{
  fprintf(stream, ".SH COMMANDS\n");
  for (int i = 0; i < n_commands; i++) {
    fputs(".TP\n\\fB", stream);
    print_escaped(stream, commands[i].name);
    fputs("\\fR ", stream);
    print_escaped(stream, commands[i].arguments);
    fputc('\n', stream);
    print_escaped(stream, commands[i].summary);
    fputs(".\n", stream);
  }
}

static void print_parameter(FILE *stream, const wf_param_row *row, const wf_params *defaults)
{
  char value[2 * WF_PARAM_TEXT_SIZE + 3], range[128], tag[96];
  bool in_run = !strcmp(row->group, "run");
  snprintf(tag, sizeof tag, "-%s%s%s", in_run ? "" : row->group, in_run ? "" : "_", row->name);
  wf_params_value_text(defaults, row, value, sizeof value);
  wf_param_range_text(row, range, sizeof range);
  fputs(".TP\n\\fB", stream);
  print_escaped(stream, tag);
  fputs("\\fR ", stream);
  if (*range)
    print_escaped(stream, range);
  else
    fputs(row->kind == WF_PARAM_KIND_INDICES ? "\\fIindices\\fR"
          : row->kind == WF_PARAM_KIND_PATH  ? "\\fIpath\\fR"
                                             : "\\fItext\\fR",
          stream);
  fputc('\n', stream);
  print_escaped(stream, row->help);
  fputs(".\nDefault: ", stream);
  print_escaped(stream, value);
  if (*row->unit) {
    fputs(". Unit: ", stream);
    print_escaped(stream, row->unit);
  }
  fprintf(stream, ".%s\n", row->fixed_on_restart || row->of_command ? "" : " May change when a run is resumed.");
}

static void print_parameters(FILE *stream)
{
  static wf_params    defaults;
  int                 n_rows;
  const wf_param_row *rows  = wf_params_rows(&n_rows);
  const char         *group = "";
  wf_params_set_defaults(&defaults);
  fprintf(
      stream,
      ".SH PARAMETERS\nThe option \\fB\\-train_iterations 10\\fR is \\fBtrain: {iterations: 10}\\fR in YAML. Values come from the\n"
      "defaults, then the YAML file, then the command line; the last one wins. Indices are written \\fBall\\fR,\n"
      "\\fIfirst\\fB:\\fIlast\\fB:\\fIstride\\fR with both ends included, or as a list such as \\fB0,5,9\\fR. An unknown name, a\n"
      "malformed value or one out of range ends the program before any work, and all such mistakes are shown at once.\n"
      "The options of the group run may also be written with their group, as in \\fB\\-run_seed\\fR.\n");
  for (int i = 0; i < n_rows; i++) {
    if (strcmp(group, rows[i].group)) fprintf(stream, ".SS %s\n", rows[i].group);
    group = rows[i].group;
    print_parameter(stream, &rows[i], &defaults);
  }
}

static const char *const files[][2] = {
    {"DIR/used_parameters.yaml",
     "all parameters in force. A command without a YAML file on a run folder that has one takes from it what "
     "results depend on."},
    {"DIR/run.log, DIR/status.txt", "what happened, and what is happening."},
    {"DIR/sweep.tsv, DIR/seed_*, DIR/row_*_seed_*",
     "of sweep: how each run ended, and the runs, which are run folders themselves."},
    {"DIR/stop", "create it to ask for a clean stop with a checkpoint."},
    {"DIR/STAGE/*.h5", "the product of a stage: simulate/ensemble.h5 (of simulate and import), pretrain/anchors.h5, "
                       "train/flow.h5, predict/prediction.h5, evaluate/metrics.h5. A file with its final name is complete."},
    {"DIR/STAGE/steps.txt, DIR/STAGE/timers.txt", "one row a step; seconds a phase."},
    {"DIR/STAGE/ckpt/", "the last two checkpoints, good for any number of ranks."},
    {NULL, NULL},
};

static const char *const exit_codes[][2] = {
    {"0", "complete."},
    {"2", "a mistake in what was asked; nothing was done."},
    {"3", "stopped early, by time, signal (USR1, TERM, INT) or stop file, with a checkpoint: the same command goes on from there."},
    {"4", "a file is damaged."},
    {"55-99", "an error that PETSc reports, with its place and reason."},
    {"128+n", "ended by signal n."},
    {NULL, NULL},
};

static const char *const examples[][2] = {
    {"weightflow run inputs/epidemic.yaml", "the main job, all stages."},
    {"mpiexec -n 8 weightflow run inputs/epidemic.yaml -out outputs/seed2 -seed 2",
     "the same on 8 ranks, with another seed. The number of "
     "ranks does not change any result, to the bit."},
    {"weightflow run -data_file trajectories.npy -data_times 0:0.5 -out outputs/mine",
     "with an ensemble of your own, [trajectory, time, "
     "species]."},
    {"mpiexec -n 16 weightflow sweep inputs/epidemic.yaml -sweep_seeds 0-31 -teams 4 -out outputs/seeds",
     "32 runs, four at a time, on four ranks each; then: weightflow collect outputs/seeds/seed_* -out outputs/seeds.tsv"},
    {"weightflow check inputs/epidemic.yaml", "find out what a batch job would trip on, before it is queued."},
    {"weightflow params inputs/epidemic.yaml -train_iterations 1000 > mine.yaml", "make a file of parameters."},
    {NULL, NULL},
};

void wf_manual_print(FILE *stream, int n_commands, const wf_command *commands)
{
  fprintf(stream,
          ".\\\" Made by `weightflow help man` from the tables of commands and parameters: change those.\n"
          ".TH WEIGHTFLOW 1 \"\" \"weightflow %s\" \"User Commands\"\n",
          PACKAGE_VERSION);
  fprintf(
      stream,
      ".SH NAME\nweightflow \\- learn the probability density of a stochastic system from snapshots\n"
      ".SH SYNOPSIS\n.B weightflow\n.I COMMAND\n[\\fIPARAMETERS.yaml\\fR] [\\fB\\-\\fIOPTION VALUE\\fR]...\n"
      ".SH DESCRIPTION\nA run has stages, from a simulated or imported ensemble to a report. Each stage reads and writes files in "
      "the\n"
      "run folder (\\fB\\-out\\fR) and is skipped where its product is complete, so that a run that was cut off goes on when the\n"
      "same command is given again, on any number of ranks, and ends with the same bits.\n");
  print_commands(stream, n_commands, commands);
  print_parameters(stream);
  fprintf(stream, ".SH PETSC OPTIONS\nOptions that belong to PETSc are passed on, such as \\fB\\-log_view\\fR, \\fB\\-ts_...\\fR "
                  "and \\fB\\-tao_...\\fR;\n"
                  "those of the solvers of weightflow itself begin with \\fB\\-wf_\\fR. Option files (.petscrc) are not read.\n");
  print_section(stream, "FILES", files);
  print_section(stream, "EXIT STATUS", exit_codes);
  print_section(stream, "EXAMPLES", examples);
}
