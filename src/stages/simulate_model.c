/* From parameters to a model that is ready to be simulated, and to what is put out of it. All that a user can have wrong here is
   found before a run begins. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weightflow/base.h>
#include <weightflow/sbml.h>
#include "stages/simulate_impl.h"
#include "stages/stages.h"

enum { WHY_SIZE = 512, MAX_COVARIANCE = 64 };
static const double MAX_STATISTICS_BYTES = 0x1p31;
static const size_t MAX_MODEL_BYTES      = (size_t)1 << 28;

/* --- the model file --- */

static bool is_file(const char *path) { return access(path, F_OK) == 0; }

/* The first `length` characters of folder, a slash and name. */
static bool try_folder(const char *folder, size_t length, const char *name, char *path, size_t size)
{
  int n = snprintf(path, size, "%.*s%s%s", (int)length, folder, length ? "/" : "", name);
  return n > 0 && (size_t)n < size && is_file(path);
}

void wf_model_path_resolve(wf_params *params, const char *yaml)
{
  char   path[WF_PARAM_TEXT_SIZE], folder[WF_PARAM_TEXT_SIZE];
  char  *model = params->simulate.model;
  size_t n     = yaml && strrchr(yaml, '/') ? (size_t)(strrchr(yaml, '/') - yaml) : 0;
  if (!*model || *model == '/') return;
  snprintf(path, sizeof path, "%s", model);
  if (!is_file(path) && yaml) {
    snprintf(folder, sizeof folder, "%.*s%s", (int)n, yaml, n ? "/.." : "..");
    if (!try_folder(yaml, n, model, path, sizeof path) && !try_folder(folder, strlen(folder), model, path, sizeof path)) return;
  }
  /* as a whole path, so that the run's own parameters find it from anywhere */
  if (!is_file(path) || !getcwd(folder, sizeof folder)) return;
  int length = snprintf(params->simulate.model, sizeof params->simulate.model, "%s%s%s", *path == '/' ? "" : folder,
                        *path == '/' ? "" : "/", path);
  if (length < 0 || (size_t)length >= sizeof params->simulate.model) snprintf(model, sizeof params->simulate.model, "%s", path);
}

char *wf_model_file_read(const char *path, size_t *length, wf_mistakes *mistakes)
{
  FILE       *file  = fopen(path, "rb");
  char       *text  = NULL;
  int         error = file ? 0 : errno;
  long        size  = -1;
  struct stat status;
  if (file && !fstat(fileno(file), &status) && S_ISDIR(status.st_mode)) error = EISDIR;
  if (file && fseek(file, 0, SEEK_END) == 0) size = ftell(file);
  if (file && (size < 0 || fseek(file, 0, SEEK_SET))) error = errno;
  if (!error && size >= 0 && (size_t)size <= MAX_MODEL_BYTES) text = wf_calloc((size_t)size + 1, 1);
  if (!error && !text) error = EFBIG;
  *length = text ? fread(text, 1, (size_t)size, file) : 0;
  if (text && (*length != (size_t)size || ferror(file))) error = EIO;
  if (file) fclose(file);
  if (!error) return text;
  wf_mistakes_add(mistakes, "simulate.model = %s: cannot be read: %s", path, strerror(error));
  wf_free(text);
  return NULL;
}

/* --- the model --- */

static void add_line(void *context, const char *line) { wf_mistakes_add(context, "%s", line); }

/* What is put out, in the order asked for. */
static bool choose_recorded(const wf_params *params, wf_mistakes *mistakes, wf_simulated_model *model)
{
  const char *record        = params->simulate.record;
  char        why[WHY_SIZE] = "a jump process is put out whole: leave it empty";
  if (!*record || (model->network && wf_network_choose_recorded(model->network, record, why, sizeof why))) return true;
  wf_mistakes_add(mistakes, "parameters: simulate.record = %.100s: %s", record, why);
  return false;
}

/* The network or process; false after a mistake. */
static bool find_system(const wf_params *params, const char *text, size_t length, wf_mistakes *mistakes, wf_simulated_model *model)
{
  const char *system = params->simulate.system;
  if (text) {
    model->network = wf_sbml_read_text(params->simulate.model, text, length, params->simulate.record, add_line, mistakes);
    if (model->network) model->name = wf_network_name(model->network);
    return model->network && choose_recorded(params, mistakes, model);
  }
  model->name    = system;
  model->process = wf_jump_process_builtin(system);
  if (!model->process) model->network = wf_network_create_builtin(system);
  if (!model->process && !model->network) wf_mistakes_add(mistakes, "parameters: simulate.system = %s: memory is short", system);
  return (model->process || model->network) && choose_recorded(params, mistakes, model);
}

static bool make_simulator(const wf_params *params, wf_mistakes *mistakes, wf_simulated_model *model)
{
  static const wf_ssa_algorithm algorithms[]  = {WF_SSA_AUTO, WF_SSA_DIRECT, WF_SSA_NEXT_REACTION, WF_SSA_COMPOSITION_REJECTION,
                                                 WF_SSA_TAU_LEAPING};
  const int                     algorithm     = wf_params_choice("simulate", "algorithm", params->simulate.algorithm);
  const bool                    frozen        = wf_params_choice("simulate", "rate", params->simulate.rate) == 1;
  const wf_ssa_config           config        = {.algorithm = algorithms[algorithm],
                                                 .rate      = frozen ? WF_SSA_RATE_FROZEN : WF_SSA_RATE_EXACT,
                                                 .seed      = (uint64_t)params->run.seed,
                                                 .n_time    = model->n_time,
                                                 .times     = model->times,
                                                 .tau_error = params->simulate.tau_error};
  char                          why[WHY_SIZE] = "";
  if (model->process && algorithm != WF_SSA_AUTO) {
    wf_mistakes_add(mistakes, "parameters: simulate.algorithm = %s: %s is a jump process, not a reaction network: use auto",
                    params->simulate.algorithm, model->name);
    return false;
  }
  model->simulator = model->process ? wf_simulator_create_jump(model->process, &config, why, sizeof why)
                                    : wf_simulator_create(model->network, &config, why, sizeof why);
  if (!model->simulator)
    wf_mistakes_add(mistakes, "parameters: simulate.algorithm = %s: cannot simulate %s so: %s", params->simulate.algorithm,
                    model->name, why);
  return model->simulator != NULL;
}

bool wf_simulated_model_create(const wf_params *params, const char *text, size_t length, wf_mistakes *mistakes,
                               wf_simulated_model *model)
{
  *model       = (wf_simulated_model){.n_time = (int)params->simulate.samples};
  model->times = wf_calloc((size_t)model->n_time, sizeof *model->times);
  for (int k = 0; k < model->n_time && model->times; k++) model->times[k] = k * params->simulate.t_end / (model->n_time - 1);
  if (!model->times) wf_mistakes_add(mistakes, "simulate.samples = %d: memory is short", model->n_time);
  if (!model->times || !find_system(params, text, length, mistakes, model) || !make_simulator(params, mistakes, model)) {
    wf_simulated_model_destroy(model);
    return false;
  }
  model->n_counts = wf_simulator_n_counts(model->simulator);
  model->n_values = wf_simulator_n_values(model->simulator);
  model->n_jumps  = wf_simulator_n_jumps(model->simulator);
  return true;
}

void wf_simulated_model_destroy(wf_simulated_model *model)
{
  wf_simulator_destroy(&model->simulator);
  wf_network_destroy(&model->network);
  wf_free(model->times);
  *model = (wf_simulated_model){0};
}

/* --- what is put out --- */

static bool choose_quantiles(const wf_params *params, wf_mistakes *mistakes, wf_simulated_output *output)
{
  char why[WHY_SIZE] = "";
  if (!*params->simulate.quantiles || params->simulate.histogram == 0) return true;
  int n = wf_numbers_parse(params->simulate.quantiles, WF_MAX_QUANTILES, output->quantiles, why, sizeof why);
  for (int i = 0; i < n; i++)
    if (output->quantiles[i] < 0 || output->quantiles[i] > 1 || (i > 0 && output->quantiles[i] <= output->quantiles[i - 1])) {
      snprintf(why, sizeof why, "shares increase and lie between 0 and 1");
      n = -1;
    }
  output->n_quantiles = n > 0 ? n : 0;
  if (n < 0) wf_mistakes_add(mistakes, "parameters: simulate.quantiles = %.200s: %s", params->simulate.quantiles, why);
  return n >= 0;
}

bool wf_simulated_output_choose(const wf_params *params, const wf_simulated_model *model, wf_mistakes *mistakes,
                                wf_simulated_output *output)
{
  const int store = wf_params_choice("simulate", "store", params->simulate.store), most = model->n_counts + model->n_values;
  bool      good            = true;
  *output                   = (wf_simulated_output){.samples    = store > 0,
                                                    .last_only  = store == 2,
                                                    .jumps      = !strcmp(params->simulate.output, "events"),
                                                    .statistics = params->simulate.statistics};
  output->statistics_config = (wf_statistics_config){.n_time   = model->n_time,
                                                     .n_counts = model->n_counts,
                                                     .n_values = model->n_values,
                                                     .n_bins = params->simulate.histogram ? (int)params->simulate.histogram + 1 : 0,
                                                     .covariance = most <= MAX_COVARIANCE};
  if (!output->samples && !output->jumps && !output->statistics) {
    wf_mistakes_add(mistakes, "parameters: simulate.store = none: nothing is left to put out: set simulate.statistics to true");
    good = false;
  }
  if (output->jumps && !strcmp(params->simulate.algorithm, "tau_leaping")) {
    wf_mistakes_add(mistakes, "parameters: simulate.output = events: tau_leaping knows no times of single events: use another"
                              " simulate.algorithm, or output: grid");
    good = false;
  }
  if (output->jumps && model->n_values > 0) {
    wf_mistakes_add(mistakes, "parameters: simulate.output = events: %s is no whole number: leave it out of simulate.record",
                    wf_simulator_value_name(model->simulator, 0));
    good = false;
  }
  double bytes = output->statistics ? wf_statistics_bytes(&output->statistics_config) : 0;
  if (bytes > MAX_STATISTICS_BYTES) {
    wf_mistakes_add(mistakes,
                    "parameters: simulate.histogram = %" PRId64
                    ": the statistics would take %.1f GB a rank: fewer bins, samples or species, or statistics: false",
                    params->simulate.histogram, bytes / 1e9);
    good = false;
  }
  return choose_quantiles(params, mistakes, output) && good;
}

/* Mean number of jumps of the first trajectories, to the end. */
static double guess_jumps(const wf_simulated_model *model)
{
  enum { N = 4 };
  int64_t        n_events[N] = {0};
  double         sum         = 0;
  wf_ssa_failure failure;
  if (!wf_simulator_run(model->simulator, &(wf_ssa_batch){.n_traj = N, .n_events = n_events}, &failure)) return 0;
  for (int i = 0; i < N; i++) sum += (double)n_events[i];
  return sum / N;
}

double wf_simulate_guess_bytes(const wf_params *params, int *n_species)
{
  wf_simulated_model  model;
  wf_simulated_output output;
  wf_mistakes        *mistakes = wf_mistakes_create();
  size_t              length   = 0;
  char               *text     = NULL;
  double              bytes    = 0;
  if (mistakes && *params->simulate.model) text = wf_model_file_read(params->simulate.model, &length, mistakes);
  if (mistakes && !wf_mistakes_count(mistakes) && wf_simulated_model_create(params, text, length, mistakes, &model)) {
    (void)wf_simulated_output_choose(params, &model, mistakes, &output);
    const double n = (double)params->simulate.trajectories, row = 4. * model.n_counts + 8. * model.n_values;
    if (output.samples) bytes += n * (output.last_only ? 1 : model.n_time) * row;
    if (output.statistics) bytes += wf_statistics_bytes(&output.statistics_config);
    if (output.jumps) bytes += n * (8 + guess_jumps(&model) * (12 + 4. * model.n_counts));
    *n_species = model.n_counts + model.n_values;
    wf_simulated_model_destroy(&model);
  }
  wf_mistakes_destroy(&mistakes);
  wf_free(text);
  return bytes;
}

void wf_simulate_check(const wf_params *params, bool run_all, wf_mistakes *mistakes)
{
  wf_simulated_model  model;
  wf_simulated_output output;
  size_t              length = 0;
  char               *text   = NULL;
  if (!(params->simulate.t_end > 0)) return; /* told already */
  if (run_all && (strcmp(params->simulate.store, "grid") || strcmp(params->simulate.output, "grid")))
    wf_mistakes_add(mistakes,
                    "parameters: simulate.store = %s, simulate.output = %s: `run` goes on to pretrain, which needs store: grid"
                    " and output: grid; for an ensemble alone there is the command `simulate`",
                    params->simulate.store, params->simulate.output);
  if (*params->simulate.model && !(text = wf_model_file_read(params->simulate.model, &length, mistakes))) return;
  if (wf_simulated_model_create(params, text, length, mistakes, &model)) {
    (void)wf_simulated_output_choose(params, &model, mistakes, &output);
    if (run_all && model.n_counts == 0)
      wf_mistakes_add(mistakes, "%s: no recorded variable is a whole number: pretrain has nothing to learn from",
                      params->simulate.model);
    wf_simulated_model_destroy(&model);
  }
  wf_free(text);
}
