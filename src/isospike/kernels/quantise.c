/* The quantiser of accumulate-then-emit neurons in one pass over the currents.
 *
 * out = worth * clip(floor((z + start) / unit), low, high), every operation rounded as torch rounds it; REAL is float or
 * double. A channel is the innermost axis, or has inner numbers behind each other.
 */
#include <math.h>
#include <stdint.h>

#ifdef REAL_IS_FLOAT
#define FLOOR floorf
#else
#define FLOOR floor
#endif

static inline REAL level(REAL z, REAL unit, REAL start, REAL low, REAL high) {
    const REAL code = FLOOR((z + start) / unit);
    return code < low ? low : code > high ? high : code; /* NaN stays NaN */
}

/* Currents [outer][channels][inner], parameters [channels]; the rows of the first two axes are shared among threads. */
void quantise(const REAL *z, REAL *out, const REAL *unit, const REAL *start, const REAL *worth, int64_t outer,
              int64_t channels, int64_t inner, REAL low, REAL high, int32_t parts) {
    const int64_t rows = inner == 1 ? outer : outer * channels;
#pragma omp parallel for num_threads(parts)
    for (int32_t part = 0; part < parts; part++)
        for (int64_t r = rows * part / parts; r < rows * (part + 1) / parts; r++) {
            if (inner == 1) {
                const REAL *from = z + r * channels;
                REAL *to = out + r * channels;
                for (int64_t c = 0; c < channels; c++)
                    to[c] = worth[c] * level(from[c], unit[c], start[c], low, high);
            } else {
                const int64_t c = r % channels;
                const REAL *from = z + r * inner;
                REAL *to = out + r * inner;
                for (int64_t i = 0; i < inner; i++) to[i] = worth[c] * level(from[i], unit[c], start[c], low, high);
            }
        }
}
