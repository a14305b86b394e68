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
#define EXPONENT (-((WORD)1 << (FRACTION - 1))) /* and sign */
#define BLOCK ((int64_t)(4096 / sizeof(REAL)))

typedef struct {
    int32_t up, down, rounding, powers_of_two, digits;
} rule;

typedef struct {
    const REAL *x, *threshold, *bias;
    REAL *v, *n, *out;
    int64_t length;
} block;

/* How a neuron decides, behind FIRE as `Rounding` counts; a constant wherever it is used, so that each has a loop of its
 * own. */
enum decision { FIRE, DOWN, TOWARDS_ZERO, TO_POWER };

static inline __attribute__((always_inline)) REAL masked(REAL value, WORD add, WORD keep) {
    WORD bits;
    memcpy(&bits, &value, sizeof(bits));
    bits = (bits + add) & keep;
    memcpy(&value, &bits, sizeof(bits));
    return value;
}

/* Not a number is no demand: a comparison with it is false. */
static inline __attribute__((always_inline)) REAL decide(enum decision kind, int bounded, REAL v, REAL n, REAL threshold,
                                                         const rule *r, WORD keep) {
    if (kind == FIRE) return v >= threshold ? 1 : 0;
    const REAL up = (REAL)r->up, down = (REAL)r->down;
    const REAL ratio = v / (threshold > SMALLEST ? threshold : SMALLEST);
    const REAL within = ratio > -up ? (ratio < up ? ratio : up) : -up;
    const REAL demand = kind == TO_POWER       ? trunc(masked(within, (WORD)1 << (FRACTION - 2), EXPONENT))
                        : kind == TOWARDS_ZERO ? trunc(ratio)
                                               : floor(ratio);
    const REAL lowest = bounded ? -(n < down ? n : down) : 0 - down;
    const REAL above = demand > lowest ? demand : lowest;
    return masked(above < up ? above : up, 0, keep);
}

/* Ones of the binary form of a number below 2^24. Written with a multiplication at the end gcc knows what it is and calls
 * an instruction that few processors have for vectors: 20 times slower. */
static inline __attribute__((always_inline)) int32_t ones(int32_t number) {
    uint32_t x = (uint32_t)number;
    x -= (x >> 1) & 0x55555555u;
    x = (x & 0x33333333u) + ((x >> 2) & 0x33333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0fu;
    return (int32_t)((x + (x >> 8) + (x >> 16)) & 0x3fu);
}

static inline __attribute__((always_inline)) void step(enum decision kind, int bounded, int biased, const rule *r,
                                                       const block *b, int64_t *counts, int64_t packets_at) {
    const WORD keep = r->powers_of_two ? EXPONENT : -1;
    const int digits = kind != FIRE && r->digits;
    const REAL *x = b->x, *threshold = b->threshold, *bias = b->bias;
    REAL *v = b->v, *n = b->n, *out = b->out;
    int32_t spikes = 0, packets = 0;
    INDEPENDENT
    for (int64_t i = 0; i < b->length; i++) {
        const REAL now = v[i] + (biased ? x[i] + bias[i] : x[i]);
        const REAL s = decide(kind, bounded, now, bounded ? n[i] : 0, threshold[i], r, keep);
        const int32_t whole = (int32_t)s, size = whole < 0 ? -whole : whole;
        if (bounded) n[i] += s;
        out[i] = threshold[i] * s;
        v[i] = now - threshold[i] * s;
        spikes += digits ? ones(size) : size;
        packets += whole != 0;
    }
    counts[0] += spikes;
    counts[packets_at] += packets;
}

static void step_as(enum decision kind, const rule *r, const block *b, int64_t *counts, int64_t packets_at) {
#define CASE(KIND, BOUNDED)                                              \
    if (kind == KIND && (b->n != NULL) == BOUNDED) {                     \
        if (b->bias) step(KIND, BOUNDED, 1, r, b, counts, packets_at);   \
        else step(KIND, BOUNDED, 0, r, b, counts, packets_at);           \
        return;                                                          \
    }
    CASE(FIRE, 0) CASE(DOWN, 0) CASE(DOWN, 1) CASE(TOWARDS_ZERO, 0) CASE(TOWARDS_ZERO, 1) CASE(TO_POWER, 0) CASE(TO_POWER, 1)
}

/* All steps. x_stride and bias_stride lead from one step to the next, 0 where all steps share one; n and bias may be
 * NULL. counts [part][spikes, packets][step][sample] starts at zero; out may be x. */
void track(const rule *r, const REAL *x, int64_t x_stride, const REAL *threshold, const REAL *bias, int64_t bias_stride,
           REAL *v, REAL *n, REAL *out, int64_t steps, int64_t samples, int64_t neurons, int32_t parts, int64_t *counts) {
    const enum decision kind = !n && r->up == 1 && !r->down ? FIRE : (enum decision)(DOWN + r->rounding);
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
