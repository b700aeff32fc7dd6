/* Exact assignment by shortest augmenting paths (Jonker and Volgenant 1987, Computing 38, 325).

   Column potentials v keep all reduced costs cost[i, j] - v[j] - u[i] >= 0 and zero on the assignment. A greedy start assigns what
   column and row minima allow; each row left over then grows a shortest-path tree (Dijkstra on reduced costs) until it meets a free
   column. Time O(n^3) at worst; a step is one pass over a row, written so that compilers vectorise it. Rounding can never make the
   search cycle: a column is closed for good once taken into the tree, and the start makes a fixed number of passes. Ties: of
   several nearest columns a free one is taken first, then the lowest, so that the result is a function of the costs alone. */
#include <math.h>
#include <weightflow/base.h>
#include <weightflow/metrics.h>

enum { NONE = -1, START_PASSES = 5, LANES = 16 };

typedef struct {
  int           n, n_padded; /* n_padded: up to a multiple of LANES */
  const double *cost;        /* [n, n] */
  double       *v;           /* [n_padded] column potentials */
  double       *open;        /* [n_padded] v, or -inf in a closed column, which then cannot be improved */
  double       *distance;    /* [n_padded] from the tree's root, +inf in a closed column */
  double       *final;       /* [n_padded] distance of a closed column */
  double       *parent;      /* [n_padded] row from which a column was reached: a double, so that the loops have one width */
  int          *row;         /* [n] row of a column, or NONE */
  int          *column;      /* [n] column of a row, or NONE */
  int          *closed;      /* [n] the tree's columns */
  int          *waiting;     /* [n] rows without a column */
} search;

/* Reach further columns from a row of the tree. */
WF_SIMD static void relax_row(int n, const double *restrict cost, const double *restrict open, double offset, double row,
                              double *restrict distance, double *restrict parent)
{
  for (int j = 0; j < n; j++) {
    double through = cost[j] - open[j] - offset, old = distance[j], from = parent[j];
    parent[j]   = through < old ? row : from;
    distance[j] = through < old ? through : old;
  }
}

/* The smallest distance of an open column. A minimum is the same in any order, so it is taken over lanes side by side. */
WF_SIMD static double find_nearest(int n_padded, const double *restrict distance)
{
  double lane[LANES];
  for (int k = 0; k < LANES; k++) lane[k] = INFINITY;
  for (int j = 0; j < n_padded; j += LANES)
    for (int k = 0; k < LANES; k++) lane[k] = distance[j + k] < lane[k] ? distance[j + k] : lane[k];
  for (int k = 1; k < LANES; k++) lane[0] = lane[k] < lane[0] ? lane[k] : lane[0];
  return lane[0];
}

/* Of the columns at that distance the first free one, else the first. */
WF_SIMD static int find_first_at(int n_padded, const double *restrict distance, double nearest, const int *restrict row)
{
  int first = NONE;
  for (int j = 0; j < n_padded; j += LANES) {
    int64_t hits = 0;
    for (int k = 0; k < LANES; k++) hits += distance[j + k] == nearest;
    if (!hits) continue;
    for (int k = j; k < j + LANES; k++) {
      if (distance[k] != nearest) continue;
      if (row[k] == NONE) return k;
      if (first == NONE) first = k;
    }
  }
  return first;
}

static void assign_pair(search *s, int i, int j)
{
  s->row[j]    = i;
  s->column[i] = j;
}

/* v[j] = the column's minimum; a row that is still free and attains it takes the column. */
static void reduce_columns(search *s)
{
  int n = s->n;
  for (int j = 0; j < n; j++) s->v[j] = INFINITY;
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) {
      double c = s->cost[(size_t)i * (size_t)n + (size_t)j];
      if (c < s->v[j]) {
        s->v[j]      = c;
        s->parent[j] = i;
      }
    }
  for (int j = n - 1; j >= 0; j--)
    if (s->column[(int)s->parent[j]] == NONE) assign_pair(s, (int)s->parent[j], j);
}

/* Rows without a column take their best one: its potential is lowered by the gap to the second best, and the row that had it waits
   for the next pass. Where both are equally good the potential stays, and the second is taken if the first has a row. Returns how
   many rows wait. */
static int bid_rows(search *s, int n_waiting)
{
  int n = s->n, n_next = 0;
  for (int k = 0; k < n_waiting; k++) {
    int           i = s->waiting[k], best = 0, second = NONE;
    const double *c   = s->cost + (size_t)i * (size_t)n;
    double        low = c[0] - s->v[0], next = INFINITY;
    for (int j = 1; j < n; j++) {
      double reduced = c[j] - s->v[j];
      if (reduced < low) {
        next   = low;
        second = best;
        low    = reduced;
        best   = j;
      } else if (reduced < next) {
        next   = reduced;
        second = j;
      }
    }
    if (second != NONE && next > low)
      s->v[best] -= next - low;
    else if (second != NONE && s->row[best] != NONE)
      best = second;
    int loser = s->row[best];
    assign_pair(s, i, best);
    if (loser != NONE) {
      s->column[loser]     = NONE;
      s->waiting[n_next++] = loser; /* never overtakes k */
    }
  }
  return n_next;
}

/* Grow the tree of shortest paths from a row that has no column until a free column is closed; turn the path round. */
static bool augment_from(search *s, int root)
{
  int    n = s->n, n_closed = 0, i = root, j;
  double offset = 0, nearest = 0;
  for (j = 0; j < s->n_padded; j++) {
    s->open[j]     = s->v[j];
    s->distance[j] = INFINITY;
  }
  for (;;) {
    relax_row(n, s->cost + (size_t)i * (size_t)n, s->open, offset, i, s->distance, s->parent);
    double low = find_nearest(s->n_padded, s->distance);
    if (!(low < INFINITY)) return false;
    nearest = n_closed && low < nearest ? nearest : low; /* rounding only: distances do not fall */
    j       = find_first_at(s->n_padded, s->distance, low, s->row);
    if (s->row[j] == NONE) break;
    s->closed[n_closed++] = j;
    s->final[j]           = nearest;
    s->distance[j]        = INFINITY;
    s->open[j]            = -INFINITY;
    i                     = s->row[j];
    offset                = s->cost[(size_t)i * (size_t)n + (size_t)j] - s->v[j] - nearest;
  }
  for (int k = 0; k < n_closed; k++) s->v[s->closed[k]] += s->final[s->closed[k]] - nearest;
  for (;;) {
    i            = (int)s->parent[j];
    int previous = s->column[i];
    assign_pair(s, i, j);
    if (i == root) return true;
    j = previous;
  }
}

static bool allocate_search(search *s, int n, const double *cost)
{
  size_t size = ((size_t)n + LANES - 1) / LANES * LANES;
  s->n        = n;
  s->n_padded = (int)size;
  s->cost     = cost;
  s->v        = wf_calloc(5 * size, sizeof(double));
  s->row      = wf_calloc(4 * size, sizeof(int));
  if (!s->v || !s->row) return false;
  s->open     = s->v + size;
  s->distance = s->open + size;
  s->final    = s->distance + size;
  s->parent   = s->final + size;
  s->column   = s->row + size;
  s->closed   = s->column + size;
  s->waiting  = s->closed + size;
  for (int j = 0; j < n; j++) {
    s->row[j] = s->column[j] = NONE;
  }
  return true;
}

double wf_assignment_solve(int n, const double *cost, int *column)
{
  search s     = {0};
  double total = NAN;
  bool   good  = allocate_search(&s, n, cost);
  for (size_t k = 0; good && k < (size_t)n * (size_t)n; k++) good = isfinite(cost[k]);
  if (good) {
    int n_waiting = 0;
    reduce_columns(&s);
    for (int i = 0; i < n; i++)
      if (s.column[i] == NONE) s.waiting[n_waiting++] = i;
    for (int pass = 0; pass < START_PASSES && n_waiting; pass++) n_waiting = bid_rows(&s, n_waiting);
    for (int k = 0; good && k < n_waiting; k++) good = augment_from(&s, s.waiting[k]);
  }
  if (good) {
    total = 0;
    for (int i = 0; i < n; i++) {
      column[i] = s.column[i];
      total += cost[(size_t)i * (size_t)n + (size_t)s.column[i]];
    }
  }
  wf_free(s.v);
  wf_free(s.row);
  return total;
}
