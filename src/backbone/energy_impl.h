/* Shared inside the energy's files. A "dual" array holds values and then, at the same length, their derivatives by time (tangents).

   Sequences of a sample x: number 0 is x itself, 1 + 2 j + s is x with count x_j moved by -1 (s = 0) or +1 (s = 1). Sequence
   (j, s) differs from x in what comes after coordinate j only, and needs no tangents. */
#ifndef WEIGHTFLOW_ENERGY_IMPL_H
#define WEIGHTFLOW_ENERGY_IMPL_H
#include <weightflow/energy.h>

typedef struct {
  int     n_species, n_levels, hidden, n_layers, digits, n_param, output_first;
  int     state_size, cell_size; /* of one step: [n_layers, 2, hidden], and [n_layers, 2, 5, hidden] (r, z, n, recurrent n, h) */
  double *scratch;               /* [16, hidden] */
} energy_shape;

/* What is kept of a sample. Conditionals are those after mixing; index [sequence, coordinate, ...]. */
typedef struct {
  int32_t *x;         /* [d] */
  double  *cell;      /* [2 d + 1, d, cell_size] */
  double  *p;         /* [2 d + 1, d, L] conditionals */
  double  *p_dot;     /* [d, L] tangents of sequence 0 */
  double  *logit_dot; /* [d, L] */
  double  *v;         /* [d, L] velocity over the edge c -> c + 1 given x_<i */
  double  *log_ratio; /* [2 d, d + 1] log P(moved x_<k) / P(x_<k); -inf where the move leaves the lattice */
  double  *part;      /* [d + 1] energy of each coordinate, and the score term */
} energy_record;

/* Gradients of one sample. */
typedef struct {
  double *p, *p_dot; /* [2 d + 1, d, L], [d, L] */
  double *v_at;      /* [d, 2] of v at c = x_i - 1 and c = x_i, that later coordinates use */
  double *running;   /* [2 d] of the log ratios */
  double *state;     /* [2 d + 1, d, state_size] */
  double *flux;      /* [L] */
  double *logits;    /* [2, L] */
} energy_bars;

static inline bool move_is_inside(const energy_shape *shape, const energy_record *record, int j, int s)
{
  int32_t moved = record->x[j] + (s ? 1 : -1);
  return moved >= 0 && moved < shape->n_levels;
}

/* One step of the recurrent network: count -> cell, from the cell before (NULL: zeros). */
void wf_energy_gru_step(const energy_shape *shape, const wf_energy_point *point, int32_t count, const double *before, bool tangent,
                        double *cell);
/* Its reverse: state_bar [state_size] is used up, before_bar (NULL where before is) grows, and so do the gradients in point. */
void wf_energy_gru_reverse(const energy_shape *shape, const wf_energy_point *point, int32_t count, const double *before,
                           const double *cell, bool tangent, double *state_bar, double *before_bar);
/* The output layer: logits [2, L] dual, and the reverse. */
void wf_energy_gru_logits(const energy_shape *shape, const wf_energy_point *point, const double *cell, bool tangent,
                          double *logits);
void wf_energy_gru_logits_reverse(const energy_shape *shape, const wf_energy_point *point, const double *cell, bool tangent,
                                  const double *logits_bar, double *state_bar);

/* Velocity and energy of coordinate k from the conditionals, the log ratios at k and the velocities before it. */
void wf_energy_lattice_coordinate(const energy_shape *shape, energy_record *record, int k);
/* Log ratios at k + 1 from those at k. */
void wf_energy_lattice_extend(const energy_shape *shape, energy_record *record, int k);
/* The score term, record->part[d]. */
void wf_energy_lattice_score(const energy_shape *shape, energy_record *record, double sigma);
/* Reverse of all of these: gradients of weight * (sum of parts) + sum_k part_bar[k] log p(x_k | x_<k) by p and p_dot, bars zero
   before. score_weight [d]: the factors of the log conditionals. */
void wf_energy_lattice_reverse(const energy_shape *shape, const energy_record *record, double sigma, double weight,
                               const double *score_weight, energy_bars *bars);
#endif
