/* AdamW, see nn.h. */
#include <math.h>
#include <weightflow/base.h>
#include <weightflow/nn.h>
#include "nn/elementary.h"

WF_SIMD static void update_weights(int n, const wf_real *restrict gradient, wf_real *restrict theta, wf_real *restrict m,
                                   wf_real *restrict v, const wf_real decay, const wf_real beta1, const wf_real beta2,
                                   const wf_real rest1, const wf_real rest2, const wf_real step_size, const wf_real root,
                                   const wf_real epsilon)
{
  for (int i = 0; i < n; i++) {
    wf_real g = gradient[i];
    m[i]      = beta1 * m[i] + rest1 * g;
    v[i]      = beta2 * v[i] + rest2 * g * g;
#if WF_REAL_IS_DOUBLE
    wf_real size = sqrt(v[i]) * root + epsilon;
#else
    wf_real size = sqrtf(v[i]) * root + epsilon;
#endif
    theta[i] = theta[i] * decay - step_size * (m[i] / size);
  }
}

void wf_adamw_step(const wf_adamw_config *config, int64_t step, int n, const wf_real *gradient, wf_real *theta, wf_real *m,
                   wf_real *v)
{
  double bias1 = 1 - pow(config->beta1, (double)step), bias2 = 1 - pow(config->beta2, (double)step);
  update_weights(n, gradient, theta, m, v, (wf_real)(1 - config->learning_rate * config->weight_decay), (wf_real)config->beta1,
                 (wf_real)config->beta2, (wf_real)(1 - config->beta1), (wf_real)(1 - config->beta2),
                 (wf_real)(config->learning_rate / bias1), (wf_real)(1 / sqrt(bias2)), (wf_real)config->epsilon);
}
