/* The figures: data and gnuplot script of each. Colours: Okabe and Ito 2008, told apart by colour-blind readers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <weightflow/base.h>
#include "report_impl.h"

static const char *const COLOURS[] = {"#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9"};
enum { N_COLOURS = sizeof COLOURS / sizeof *COLOURS, MOST_LABELS = 12 };

static void begin_script(FILE *script, const char *name, int width, int height)
{
  fprintf(script, "# Redraw: gnuplot %s.gp (reads %s.tsv, writes %s.svg)\n", name, name, name);
  fprintf(script, "set terminal svg noenhanced size %d,%d font 'sans-serif,13' background '#ffffff'\nset output '%s.svg'\n", width,
          height, name);
  fprintf(script, "set datafile missing 'nan'\nset border 3 lw 0.8 lc '#444444'\nset tics nomirror out scale 0.6\nset grid lc "
                  "'#dddddd' lw 0.6\n");
}

/* --- density against data --- */

static int find_time(int n, const double *times, double t)
{
  for (int i = 0; i < n; i++)
    if (fabs(times[i] - t) <= 1e-9 * fmax(1, fabs(t))) return i;
  return -1;
}

/* Snapshots to show, index in the ensemble and in the prediction; asked for by report.times, else spread over what was scored, with
   one from inside the first observed interval, where predictions differ most. */
static int choose_panels(const wf_report *r, int *snapshot, int *predicted)
{
  const wf_snapshots *data  = r->data;
  int                *asked = wf_calloc((size_t)data->n_time + 1, sizeof(int)), n = 0, n_asked = 0;
  const char         *text = wf_run_params(r->run)->report.times;
  char                why[256];
  if (!asked) return 0;
  if (text[0]) n_asked = wf_indices_parse(text, data->n_time, asked, why, sizeof why);
  if (n_asked <= 0) {
    n_asked = 0;
    for (int k = 0; k < WF_REPORT_MAX_PANELS && r->n_scored; k++) {
      double place = k == 0 ? 0 : (double)k / (WF_REPORT_MAX_PANELS - 1);
      int    i     = (int)(place * (r->n_scored - 1) + 0.5);
      if (k == 0 && r->anchors->n_obs > 1) { /* the middle of the first observed interval */
        double middle = (r->anchors->times[0] + r->anchors->times[1]) / 2;
        for (int j = 0; j < r->n_scored; j++)
          if (fabs(r->score_times[j] - middle) < fabs(r->score_times[i] - middle)) i = j;
      }
      int where = find_time(data->n_time, data->times, r->score_times[i]);
      if (where >= 0 && (!n_asked || where > asked[n_asked - 1])) asked[n_asked++] = where;
    }
  }
  for (int k = 0; k < n_asked && n < WF_REPORT_MAX_PANELS; k++) {
    int i = find_time(r->n_predicted, r->predicted_times, data->times[asked[k]]);
    if (i < 0) continue;
    snapshot[n]    = asked[k];
    predicted[n++] = i;
  }
  wf_free(asked);
  return n;
}

/* What a panel shows: counts first..last, values up to top. */
typedef struct {
  int    first, last;
  double top;
} extent;

/* One block of data: count, share of the data, predicted probability. */
static extent print_density(const wf_report *r, int snapshot, int predicted, int species, FILE *data)
{
  int            n = r->data->n_traj, d = r->data->n_species;
  extent         shown = {-1, 0, 1e-6};
  const int32_t *x     = r->data->counts + (size_t)snapshot * (size_t)n * (size_t)d;
  const double  *p     = r->marginals + ((size_t)predicted * (size_t)d + (size_t)species) * (size_t)r->n_levels;
  double        *share = wf_calloc((size_t)r->n_levels, sizeof(double));
  if (!share) return (extent){0, r->n_levels - 1, 1};
  for (int i = 0; i < n; i++) {
    int32_t c = x[(size_t)i * (size_t)d + (size_t)species];
    share[c < r->n_levels ? c : r->n_levels - 1] += 1.0 / n;
  }
  fprintf(data, "# %s at time %.10g: count, share of the data, predicted probability\n", r->data->species[species],
          r->data->times[snapshot]);
  for (int c = 0; c < r->n_levels; c++) {
    fprintf(data, "%d\t%.6g\t%.6g\n", c, share[c], p[c]);
    if (share[c] > 3e-3 || p[c] > 3e-3) {
      shown.last = c;
      if (shown.first < 0) shown.first = c;
    }
    shown.top = fmax(shown.top, fmax(share[c], p[c]));
  }
  fprintf(data, "\n\n");
  wf_free(share);
  if (shown.first < 0 || shown.first < shown.last / 3) shown.first = 0;
  return shown;
}

/* A step of 1, 2 or 5 times a power of ten that cuts a range into four parts or fewer. */
static double choose_step(double range)
{
  double wanted = range / 4, power = pow(10, floor(log10(wanted))), share = wanted / power;
  return power * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
}

/* Above the panels, drawn with the first of them: a key would have to fit into a panel. */
static void print_density_legend(const wf_report *r, int width, int height, FILE *script)
{
  double y = 1 - 18.0 / height, x = 0.5 - 150.0 / width;
  fprintf(script, "set object 1 rectangle center screen %.4f,%.4f size screen %.4f,%.4f fc '#bbbbbb' fs solid 1 noborder\n", x, y,
          26.0 / width, 12.0 / height);
  fprintf(script, "set label 1 '%s' at screen %.4f,%.4f left\n", r->held_out ? "held-out data" : "data", x + 20.0 / width, y);
  x += 150.0 / width;
  fprintf(script, "set arrow 1 from screen %.4f,%.4f to screen %.4f,%.4f nohead lw 2 lc '%s'\n", x - 13.0 / width, y,
          x + 13.0 / width, y, COLOURS[0]);
  fprintf(script, "set label 2 'predicted density' at screen %.4f,%.4f left\n", x + 20.0 / width, y);
}

static bool write_density(const wf_report *r, FILE *data, FILE *script)
{
  int snapshot[WF_REPORT_MAX_PANELS], predicted[WF_REPORT_MAX_PANELS], n = choose_panels(r, snapshot, predicted);
  int d = r->data->n_species < WF_REPORT_MAX_SPECIES ? r->data->n_species : WF_REPORT_MAX_SPECIES;
  if (!n) return false;
  int width = 70 + 200 * n, height = 110 + 170 * d;
  begin_script(script, "density", width, height);
  fprintf(script,
          "set key off\nset style fill solid 1 noborder\nset boxwidth 1\nset multiplot layout %d,%d margins %.4f,%.4f,%.4f,%.4f "
          "spacing %.4f,%.4f\n",
          d, n, 70.0 / width, 1 - 15.0 / width, 55.0 / height, 1 - 65.0 / height, 52.0 / width, 66.0 / height);
  print_density_legend(r, width, height, script);
  for (int s = 0; s < d; s++)
    for (int k = 0; k < n; k++) {
      char   title[200];
      extent shown = print_density(r, snapshot[k], predicted[k], s, data);
      snprintf(title, sizeof title, "%.80s, time %.6g", r->data->species[s], r->data->times[snapshot[k]]);
      fprintf(script, "set title ");
      wf_print_quoted(script, title);
      fprintf(script, " font 'sans-serif,13' offset 0,-0.6\nset xrange [%g:%g]\nset xtics %g\n", shown.first - 0.6,
              shown.last + 0.6, fmax(1, choose_step(shown.last - shown.first + 1)));
      fprintf(script, "set yrange [0:%.4g]\nset ytics %g\n", 1.08 * shown.top, choose_step(shown.top));
      fprintf(script, "set xlabel %s\nset ylabel %s\n", s == d - 1 ? "'count' offset 0,0.4" : "''",
              k == 0 ? "'probability' offset 0.6,0" : "''");
      fprintf(script,
              "plot 'density.tsv' index %d using 1:2 with boxes lc '#bbbbbb', '' index %d using 1:3 with lines lw 2 lc '%s'\nunset "
              "label\n"
              "unset object\nunset arrow\n",
              s * n + k, s * n + k, COLOURS[0]);
    }
  fprintf(script, "unset multiplot\n");
  return true;
}

/* --- scores against time --- */

/* Methods drawn, with the way they are drawn. */
static const struct {
  const char *method, *style;
} SCORE_LINES[] = {{"hypernetwork", "lw 2.6 lc '#0072B2'"},      {"linear_weights", "lw 1.6 lc '#E69F00'"},
                   {"spline_weights", "lw 1.6 lc '#009E73'"},    {"mixture", "lw 1.6 lc '#CC79A7'"},
                   {"displacement", "lw 1.6 lc '#D55E00'"},      {"bridge", "lw 1.6 lc '#56B4E9'"},
                   {"two_halves", "lw 1.8 dt (6,4) lc '#000000'"},
                   {"resampled", "lw 1.8 dt (2,3) lc '#777777'"}};
enum { N_SCORE_LINES = sizeof SCORE_LINES / sizeof *SCORE_LINES };

static int find_name(int n, char *const *names, const char *name)
{
  for (int i = 0; i < n; i++)
    if (!strcmp(names[i], name)) return i;
  return -1;
}

static bool write_scores(const wf_report *r, FILE *data, FILE *script)
{
  const char *const shown[2] = {"W1", "JSD"};
  if (r->n_scored < 2) return false;
  fprintf(data, "time");
  for (int k = 0; k < 2; k++)
    for (int i = 0; i < N_SCORE_LINES; i++) fprintf(data, "\t%s_%s", shown[k], SCORE_LINES[i].method);
  for (int t = 0; t < r->n_scored; t++) {
    fprintf(data, "\n%.10g", r->score_times[t]);
    for (int k = 0; k < 2; k++)
      for (int i = 0; i < N_SCORE_LINES; i++) {
        int    m = find_name(r->n_methods, r->methods, SCORE_LINES[i].method), q = find_name(r->n_metrics, r->metrics, shown[k]);
        double value =
            m < 0 || q < 0 ? NAN : r->scores[((size_t)m * (size_t)r->n_metrics + (size_t)q) * (size_t)r->n_scored + (size_t)t];
        if (value > 0)
          fprintf(data, "\t%.6g", value); /* the axis is logarithmic */
        else
          fprintf(data, "\tnan");
      }
  }
  fprintf(data, "\n");
  begin_script(script, "scores", 1000, 720);
  fprintf(script, "set datafile separator '\\t'\nset logscale y\nset format y '%%g'\nset multiplot layout 2,1 margins "
                  "0.1,0.79,0.09,0.97 spacing 0,0.07\n");
  for (int k = 0; k < 2; k++) {
    fprintf(script, "set ylabel '%s' offset 0.5,0\nset xlabel %s\nset key %s\n", k ? "JSD (nats)" : "marginal W1",
            k ? "'time (unit of the ensemble)'" : "''",
            k ? "off" : "at screen 0.805,0.96 left top Left reverse samplen 2.4 spacing 1.25");
    for (int i = 0; i < r->anchors->n_obs; i++)
      fprintf(script, "set arrow %d from first %.10g, graph 0 to first %.10g, graph 1 nohead lw 0.6 lc '#bbbbbb' back\n", i + 1,
              r->anchors->times[i], r->anchors->times[i]);
    fprintf(script, "plot");
    for (int i = 0; i < N_SCORE_LINES; i++)
      fprintf(script, "%s 'scores.tsv' every ::1 using 1:%d with lines %s title '%s'", i ? ", \\\n " : "",
              2 + k * N_SCORE_LINES + i, SCORE_LINES[i].style, SCORE_LINES[i].method);
    fprintf(script, "\n");
  }
  fprintf(script, "unset multiplot\n");
  return true;
}

/* --- control path --- */

static double interpolate_path(const wf_report *r, double t, int c)
{
  int i = 0;
  while (i + 2 < r->n_fine && r->path_times[i + 1] < t) i++;
  double share = (t - r->path_times[i]) / (r->path_times[i + 1] - r->path_times[i]);
  return (1 - share) * r->path_value[(size_t)i * (size_t)r->n_control + (size_t)c] +
         share * r->path_value[(size_t)(i + 1) * (size_t)r->n_control + (size_t)c];
}

static const char *name_component(const wf_report *r, int c, char *name, size_t size)
{
  if (c >= r->n_control - r->n_clocks) return "time";
  snprintf(name, size, "code %d of the anchors", c + 1);
  return name;
}

/* Components worth drawing: local clocks are all alike, and are counted in the key instead. */
static int count_drawn(const wf_report *r)
{
  int shown = r->n_clocks > 1 ? r->n_control - r->n_clocks : r->n_control;
  return shown < N_COLOURS ? shown : N_COLOURS;
}

static bool write_path(const wf_report *r, FILE *data, FILE *script)
{
  char name[48];
  int  shown = count_drawn(r);
  if (r->n_fine < 2 || !shown) return false;
  fprintf(data, "# control path: time, then the components of Z\n");
  for (int i = 0; i < r->n_fine; i++) {
    fprintf(data, "%.10g", r->path_times[i]);
    for (int c = 0; c < r->n_control; c++) fprintf(data, "\t%.8g", r->path_value[(size_t)i * (size_t)r->n_control + (size_t)c]);
    fprintf(data, "\n");
  }
  fprintf(data, "\n\n# the same at the observed times\n");
  for (int i = 0; i < r->anchors->n_obs; i++) {
    fprintf(data, "%.10g", r->anchors->times[i]);
    for (int c = 0; c < r->n_control; c++) fprintf(data, "\t%.8g", interpolate_path(r, r->anchors->times[i], c));
    fprintf(data, "\n");
  }
  begin_script(script, "path", 1000, 420);
  fprintf(script, "set xlabel 'time (unit of the ensemble)'\nset ylabel 'control path Z (no unit)'\nset key outside right top Left "
                  "reverse samplen 2.4\nset rmargin 40\nplot");
  for (int c = 0; c < shown; c++)
    fprintf(script,
            "%s 'path.tsv' index 0 using 1:%d with lines lw 2 lc '%s' title '%s', '' index 1 using 1:%d with points pt 7 "
            "ps 0.6 lc '%s' notitle",
            c ? ", \\\n " : "", c + 2, COLOURS[c], name_component(r, c, name, sizeof name), c + 2, COLOURS[c]);
  fprintf(script, ", \\\n  NaN with points pt 7 ps 0.6 lc '#444444' title 'observed times'");
  if (r->n_clocks > 1) fprintf(script, ", \\\n  NaN with points pt 0 title 'not drawn: time, as %d local clocks'", r->n_clocks);
  fprintf(script, "\n");
  return true;
}

/* --- losses --- */

static void print_losses(const wf_report *r, FILE *data)
{
  int pass = 0;
  fprintf(data, "# anchors: pass, mean negative log-likelihood (nats per species); one block a snapshot\n");
  for (int k = 0; k < r->anchors->n_obs && r->anchors->n_epochs; k++) {
    for (int e = 0; e < r->anchors->n_epochs; e++) {
      double loss = r->anchors->loss_history[(size_t)k * (size_t)r->anchors->n_epochs + (size_t)e];
      if (isfinite(loss)) fprintf(data, "%d\t%.8g\n", ++pass, loss);
    }
    fprintf(data, "\n");
  }
  fprintf(data, "\n# training:");
  for (int c = 0; c < r->n_columns; c++) fprintf(data, " %s", r->columns[c]);
  fprintf(data, "\n");
  for (int i = 0; i < r->n_history; i++)
    for (int c = 0; c < r->n_columns; c++)
      fprintf(data, "%.8g%c", r->history[(size_t)i * (size_t)r->n_columns + (size_t)c], c + 1 < r->n_columns ? '\t' : '\n');
}

/* The time of each snapshot above its passes; of some where there are many. */
static void print_snapshot_labels(const wf_report *r, FILE *script)
{
  const wf_anchors *a = r->anchors;
  int               pass = 0, stride = (a->n_obs + MOST_LABELS - 1) / MOST_LABELS;
  for (int k = 0; k < a->n_obs; k++) {
    int n = 0;
    for (int e = 0; e < a->n_epochs; e++) n += isfinite(a->loss_history[(size_t)k * (size_t)a->n_epochs + (size_t)e]);
    if (n && k % stride == 0)
      fprintf(script, "set label %d '%g' at first %g, graph 1.02 center font 'sans-serif,11' textcolor '#444444'\n", k + 1,
              a->times[k], pass + 0.5 * (n + 1));
    pass += n;
  }
}

static int find_column(const wf_report *r, const char *name)
{
  for (int c = 0; c < r->n_columns; c++)
    if (!strcmp(r->columns[c], name)) return c;
  return -1;
}

/* The total loss on a plain axis, since a likelihood may be of either sign; the distance to the anchors, which spans decades, on
 * the other. */
static void plot_training(const wf_report *r, int index, FILE *script)
{
  int total = find_column(r, "total"), weight = find_column(r, "weight_loss");
  fprintf(script,
          "set title 'training of the hypernetwork' font 'sans-serif,13'\nset key inside right center Left reverse samplen 2.4\n"
          "set xlabel 'iteration'\nset ylabel 'total loss (nats per species)'\nset yrange [*:*]\nset format y '%%g'\n"
          "set y2label 'mean square distance to the anchors'\nset y2tics\nset logscale y2\nset format y2 '1e%%T'\n"
          "set ytics nomirror\nplot 'loss.tsv' index %d using 1:%d with lines lw 2 lc '%s' title 'total', \\\n"
          " '' index %d using 1:($%d > 0 ? $%d : NaN) axes x1y2 with lines lw 1.6 dt (5,4) lc '%s' title 'weights (right)'\n",
          index, total + 1, COLOURS[0], index, weight + 1, weight + 1, COLOURS[1]);
}

static bool write_loss(const wf_report *r, FILE *data, FILE *script)
{
  int panels = (r->anchors->n_epochs > 0) + (r->n_history > 1);
  if (!panels) return false;
  print_losses(r, data);
  begin_script(script, "loss", 560 * panels, 420);
  fprintf(script, "set multiplot layout 1,%d\n", panels);
  if (r->anchors->n_epochs) print_snapshot_labels(r, script);
  if (r->anchors->n_epochs)
    fprintf(script, "set key off\nset title 'anchors: one line a snapshot, its time above' font 'sans-serif,13'\n"
                    "set xlabel 'pass over the data'\nset ylabel 'negative log-likelihood (nats per species)'\n"
                    "plot 'loss.tsv' index 0 using 1:2 with linespoints lw 1.6 pt 7 ps 0.15 lc '#0072B2'\nunset label\n");
  if (r->n_history > 1) plot_training(r, r->anchors->n_epochs ? 1 : 0, script);
  fprintf(script, "unset multiplot\n");
  return true;
}

/* --- weights in the plane --- */

static bool write_weights(const wf_report *r, FILE *data, FILE *script)
{
  const wf_anchors *a     = r->anchors;
  int               most  = r->n_predicted > a->n_obs ? r->n_predicted : a->n_obs;
  double           *plane = wf_calloc(2 * (size_t)most, sizeof(double)), share[2];
  bool good = plane && a->n_obs > 2 && wf_principal_plane(a->n_obs, a->n_param, a->theta, a->n_obs, a->theta, plane, share);
  if (good) {
    fprintf(data, "# anchors: time, coordinates on their first two principal axes\n");
    for (int i = 0; i < a->n_obs; i++) fprintf(data, "%.10g\t%.8g\t%.8g\n", a->times[i], plane[2 * i], plane[2 * i + 1]);
    good = wf_principal_plane(a->n_obs, a->n_param, a->theta, r->n_predicted, r->theta, plane, share);
    fprintf(data, "\n\n# prediction: the same\n");
    for (int i = 0; i < r->n_predicted; i++)
      fprintf(data, "%.10g\t%.8g\t%.8g\n", r->predicted_times[i], plane[2 * i], plane[2 * i + 1]);
    begin_script(script, "weights", 760, 560);
    fprintf(script,
            "set offsets graph 0.05, graph 0.08, graph 0.05, graph 0.05\nset key outside top center horizontal Left reverse\n"
            "set style textbox opaque noborder margins 0.4,0.2\n");
    fprintf(script, "set xlabel 'weights on principal axis 1 (%.0f %% of the variance of the anchors)'\n", 100 * share[0]);
    fprintf(script, "set ylabel 'weights on principal axis 2 (%.0f %%)'\n", 100 * share[1]);
    fprintf(script,
            "plot 'weights.tsv' index 1 using 2:3 with lines lw 2 lc '#0072B2' title 'predicted weights', \\\n"
            "  '' index 0 using 2:3 with points pt 7 ps 0.8 lc '#D55E00' title 'anchors, with their times', \\\n"
            "  '' index 0 using 2:3:(sprintf('%%g', $1)) with labels boxed offset 0.6,0.9 left font 'sans-serif,11' notitle\n");
  }
  wf_free(plane);
  return good;
}

static const wf_report_figure FIGURES[] = {
    {"density", "Densities",
     "How often each count occurs in the data (bars) and how probable the model says it is (line), one row a species, one column a "
     "time; the first column lies inside the first observed interval, where predictions differ most.",
     write_density},
    {"scores", "Scores against time",
     "Distance from the data, sample noise included, on a logarithmic axis; lower is better. Vertical grey lines: observed "
     "snapshots. "
     "Broken and dotted lines: noise floors, data against data.",
     write_scores},
    {"path", "Control path",
     "The path Z that drives the weights: what the anchors were reduced to, and time where it is a channel.", write_path},
    {"loss", "Losses",
     "Left: the fit of each anchor, pass by pass, snapshots in their order. Right: the terms of the training loss, before their "
     "weights, "
     "and their weighted total.",
     write_loss},
    {"weights", "Weights",
     "The path of the predicted weights in the plane of the first two principal axes of the anchors: the line should pass through "
     "the "
     "points.",
     write_weights}};

const wf_report_figure *wf_report_figures(int *n_figures)
{
  *n_figures = sizeof FIGURES / sizeof *FIGURES;
  return FIGURES;
}
