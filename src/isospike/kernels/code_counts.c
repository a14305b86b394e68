/* How often every code occurs in every sample.
 *
 * Codes are whole numbers in the type of the network, in any order within a sample. Eight tables of counters take turns,
 * so that equal codes behind each other need not wait for each other; REAL is float or double.
 */
#include <stdint.h>
#include <string.h>

#define TABLES 8
#define CHUNK 1024 /* codes converted at once: they stay in the first cache */

/* Convert n codes; whether all of them lie in 0 .. bins - 1 (NaN does not). Others are no numbers of 32 bits: 0. */
static int to_numbers(const REAL *codes, int64_t n, int32_t bins, int32_t *numbers) {
    int32_t wrong = 0;
    for (int64_t i = 0; i < n; i++) {
        const int outside = !(codes[i] >= 0) | !(codes[i] < (REAL)bins);
        const REAL code = outside ? 0 : codes[i];
        wrong |= outside;
        numbers[i] = (int32_t)code;
    }
    return !wrong;
}

static int count_sample(const REAL *codes, int64_t neurons, int32_t bins, int32_t *tables, int64_t *counts) {
    int32_t numbers[CHUNK];
    memset(tables, 0, sizeof(int32_t) * TABLES * bins);
    for (int64_t start = 0; start < neurons; start += CHUNK) {
        const int64_t n = neurons - start < CHUNK ? neurons - start : CHUNK;
        if (!to_numbers(codes + start, n, bins, numbers)) return 0;
        int64_t i = 0;
        for (; i + TABLES <= n; i += TABLES)
            for (int t = 0; t < TABLES; t++) tables[t * bins + numbers[i + t]]++;
        for (; i < n; i++) tables[numbers[i]]++;
    }
    for (int32_t b = 0; b < bins; b++) {
        counts[b] = 0;
        for (int t = 0; t < TABLES; t++) counts[b] += tables[t * bins + b];
    }
    return 1;
}

/* Codes [samples][neurons] to counts [samples][bins]; scratch holds TABLES * bins counters for every thread. Returns
 * the number of samples with a code outside 0 .. bins - 1, whose counts are not written. */
int32_t count_codes(const REAL *codes, int64_t samples, int64_t neurons, int32_t bins, int32_t parts, int32_t *scratch,
                    int64_t *counts) {
    int32_t wrong = 0;
#pragma omp parallel for num_threads(parts) reduction(+ : wrong)
    for (int32_t part = 0; part < parts; part++)
        for (int64_t s = samples * part / parts; s < samples * (part + 1) / parts; s++)
            wrong += !count_sample(codes + s * neurons, neurons, bins, scratch + (int64_t)part * TABLES * bins,
                                   counts + s * bins);
    return wrong;
}
