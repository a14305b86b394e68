/* Streaming neurons: all steps of a block of neurons, while their state stays in the first cache.
 *
 * Layouts, innermost last: currents x and outputs [step][sample][neuron], state v and n [sample][neuron], thresholds
 * [neuron], bias [step][neuron] or [neuron]. Every operation is rounded by itself, in the order of the torch loop, so
 * that both give the same bits: compile without contraction to fused operations. REAL is float or double.
 */
#include <float.h>
#include <stdint.h>
#include <string.h>
#include <tgmath.h>

#if defined(REAL_IS_FLOAT)
#define WORD int32_t
#define SMALLEST FLT_MIN
#define FRACTION FLT_MANT_DIG
#else
#define WORD int64_t
#define SMALLEST DBL_MIN
#define FRACTION DBL_MANT_DIG
#endif
/* No turn of the loop reads what another one writes, even where outputs take the memory of currents. */
#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif
#define BLOCK ((int64_t)(4096 / sizeof(REAL)))

typedef struct {
    int32_t up, down, patient, powers_of_two;
} rule;

typedef struct {
    const REAL *x, *threshold, *bias;
    REAL *v, *n, *out;
    int64_t length;
} block;

/* How a neuron decides; a constant wherever it is used, so that each has a loop of its own. */
enum decision { FIRE, RISE, FOLLOW, WAIT };

/* Not a number is no demand: a comparison with it is false. */
static inline __attribute__((always_inline)) REAL decide(enum decision kind, REAL v, REAL n, REAL threshold, const rule *r,
                                                         WORD keep) {
    if (kind == FIRE) return v >= threshold ? 1 : 0;
    const REAL up = (REAL)r->up, down = (REAL)r->down;
    const REAL ratio = v / (threshold > SMALLEST ? threshold : SMALLEST);
    const REAL demand = kind == WAIT ? trunc(ratio) : floor(ratio);
    const REAL lowest = kind == RISE ? 0 : -(n < down ? n : down);
    const REAL above = demand > lowest ? demand : lowest;
    REAL spikes = above < up ? above : up;
    WORD bits;
    memcpy(&bits, &spikes, sizeof(bits));
    bits &= keep;
    memcpy(&spikes, &bits, sizeof(bits));
    return spikes;
}

static inline __attribute__((always_inline)) void step(enum decision kind, int biased, const rule *r, const block *b,
                                                       int64_t *counts, int64_t packets_at) {
    const WORD keep = r->powers_of_two ? -((WORD)1 << (FRACTION - 1)) : -1; /* sign and exponent, or all bits */
    const REAL *x = b->x, *threshold = b->threshold, *bias = b->bias;
    REAL *v = b->v, *n = b->n, *out = b->out;
    int32_t spikes = 0, packets = 0;
    INDEPENDENT
    for (int64_t i = 0; i < b->length; i++) {
        const REAL now = v[i] + (biased ? x[i] + bias[i] : x[i]);
        const REAL s = decide(kind, now, kind >= FOLLOW ? n[i] : 0, threshold[i], r, keep);
        const int32_t whole = (int32_t)s;
        if (kind >= FOLLOW) n[i] += s;
        out[i] = threshold[i] * s;
        v[i] = now - threshold[i] * s;
        spikes += whole < 0 ? -whole : whole;
        packets += whole != 0;
    }
    counts[0] += spikes;
    counts[packets_at] += packets;
}

static void step_as(enum decision kind, const rule *r, const block *b, int64_t *counts, int64_t packets_at) {
#define CASE(KIND)                                                 \
    case KIND:                                                     \
        if (b->bias) step(KIND, 1, r, b, counts, packets_at);      \
        else step(KIND, 0, r, b, counts, packets_at);              \
        break;
    switch (kind) { CASE(FIRE) CASE(RISE) CASE(FOLLOW) CASE(WAIT) }
}

/* All steps. x_stride and bias_stride lead from one step to the next, 0 where all steps share one; n and bias may be
 * NULL. counts [part][spikes, packets][step][sample] starts at zero; out may be x. */
void track(const rule *r, const REAL *x, int64_t x_stride, const REAL *threshold, const REAL *bias, int64_t bias_stride,
           REAL *v, REAL *n, REAL *out, int64_t steps, int64_t samples, int64_t neurons, int32_t parts, int64_t *counts) {
    const enum decision kind = n ? (r->patient ? WAIT : FOLLOW) : r->up == 1 ? FIRE : RISE;
    const int64_t blocks = (neurons + BLOCK - 1) / BLOCK, all = samples * blocks;
#pragma omp parallel for schedule(static) num_threads(parts)
    for (int32_t part = 0; part < parts; part++)
        for (int64_t k = all * part / parts; k < all * (part + 1) / parts; k++) {
            const int64_t sample = k / blocks, first = k % blocks * BLOCK, at = sample * neurons + first;
            const int64_t length = neurons - first < BLOCK ? neurons - first : BLOCK;
            for (int64_t t = 0; t < steps; t++) {
                const block b = {x + t * x_stride + at,       threshold + first, bias ? bias + t * bias_stride + first : NULL,
                                 v + at,                      n ? n + at : NULL, out + t * samples * neurons + at,
                                 length};
                step_as(kind, r, &b, counts + (part * 2 * steps + t) * samples + sample, steps * samples);
            }
        }
}
