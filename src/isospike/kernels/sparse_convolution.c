/* Convolution that skips zeros: each output pixel gathers the non-zero entries of its window.
 *
 * Layouts, innermost last: input [image][pixel][channel], output [image][pixel][channel],
 * weights [block][tap][input channel][lane] with BLOCK output channels to a block, zero-padded.
 * The terms of one sum are added in the order tap, channel, whatever the batch: equal windows give equal bits.
 * REAL is float or double.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#define VECTORS 4
#else
#define VECTOR_BYTES 32
#define VECTORS 8
#endif
#define SPARE 16 /* entries past the end of a list that a vector store may touch */
#define BLOCK ((int)(VECTORS * VECTOR_BYTES / sizeof(REAL)))

typedef REAL vector __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));

typedef struct {
    int32_t height, width, channels_in, channels_out;
    int32_t kernel_y, kernel_x, stride_y, stride_x, padding_y, padding_x, dilation_y, dilation_x;
    int32_t height_out, width_out;
} shape;

/* The non-zero entries of some pixels: entries start[p] .. start[p + 1] are those of pixel p. */
typedef struct {
    int32_t *start;
    int32_t *row; /* offset of the channel's row in one tap of the weights */
    REAL *value;
} events;

#if defined(__AVX512F__) && defined(REAL_IS_FLOAT)
#include <immintrin.h>

static int list_pixel(const float *x, int channels, int32_t *row, float *value) {
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i step = _mm512_set1_epi32(16 * BLOCK);
    __m512i rows = _mm512_mullo_epi32(lanes, _mm512_set1_epi32(BLOCK));
    int n = 0;
    for (int c = 0; c < channels; c += 16, rows = _mm512_add_epi32(rows, step)) {
        const __mmask16 inside = channels - c >= 16 ? 0xffff : (__mmask16)((1u << (channels - c)) - 1);
        const __m512 v = _mm512_maskz_loadu_ps(inside, x + c);
        const __mmask16 some = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NEQ_UQ);
        _mm512_storeu_ps(value + n, _mm512_maskz_compress_ps(some, v));
        _mm512_storeu_si512(row + n, _mm512_maskz_compress_epi32(some, rows));
        n += __builtin_popcount(some);
    }
    return n;
}
#else
static int list_pixel(const REAL *x, int channels, int32_t *row, REAL *value) {
    int n = 0;
    for (int c = 0; c < channels; c++) {
        row[n] = c * BLOCK;
        value[n] = x[c];
        n += x[c] != 0;
    }
    return n;
}
#endif

static void list_image(const REAL *x, int pixels, int channels, events e) {
    int n = 0;
    for (int p = 0; p < pixels; p++) {
        e.start[p] = n;
        n += list_pixel(x + (size_t)p * channels, channels, e.row + n, e.value + n);
    }
    e.start[pixels] = n;
}

/* The lists of image i within a tile. */
static events of_image(events lists, int i, const shape *s) {
    const size_t pixels = (size_t)s->height * s->width, in = pixels * s->channels_in;
    const events e = {lists.start + i * (pixels + 1), lists.row + i * in, lists.value + i * in};
    return e;
}

/* One output pixel, one block of output channels. */
static void gather(const shape *s, events e, const REAL *weight, const REAL *bias, int oy, int ox, REAL *y, int left) {
    const size_t tap = (size_t)s->channels_in * BLOCK;
    vector sum[VECTORS];
    memcpy(sum, bias, sizeof(sum));
    for (int ky = 0; ky < s->kernel_y; ky++) {
        const int iy = oy * s->stride_y - s->padding_y + ky * s->dilation_y;
        if (iy < 0 || iy >= s->height) continue;
        for (int kx = 0; kx < s->kernel_x; kx++) {
            const int ix = ox * s->stride_x - s->padding_x + kx * s->dilation_x;
            if (ix < 0 || ix >= s->width) continue;
            const REAL *w = weight + (size_t)(ky * s->kernel_x + kx) * tap;
            const int32_t *range = e.start + iy * s->width + ix;
            for (int32_t i = range[0]; i < range[1]; i++) {
                const vector *row = (const vector *)(w + e.row[i]);
                const REAL value = e.value[i];
                for (int k = 0; k < VECTORS; k++) sum[k] += value * row[k];
            }
        }
    }
    memcpy(y, sum, (size_t)(left < BLOCK ? left : BLOCK) * sizeof(REAL));
}

/* Output rows rows[0] .. rows[1] of the images, `tile` of them at a time: a block of weights stays in the cache while it
 * meets a whole tile. The lists hold one tile. */
static void convolve_part(const shape *s, const REAL *x, const REAL *weight, const REAL *bias, REAL *y, int images, int tile,
                          const int rows[2], events lists) {
    const int pixels = s->height * s->width;
    const size_t in = (size_t)pixels * s->channels_in, out = (size_t)s->height_out * s->width_out * s->channels_out;
    const size_t block = (size_t)s->kernel_y * s->kernel_x * s->channels_in;
    for (int first = 0; first < images; first += tile) {
        const int n = images - first < tile ? images - first : tile;
        for (int i = 0; i < n; i++) list_image(x + (first + i) * in, pixels, s->channels_in, of_image(lists, i, s));
        for (int c = 0; c < s->channels_out; c += BLOCK)
            for (int i = 0; i < n; i++) {
                REAL *image = y + (first + i) * out + c;
                for (int oy = rows[0]; oy < rows[1]; oy++)
                    for (int ox = 0; ox < s->width_out; ox++)
                        gather(s, of_image(lists, i, s), weight + c * block, bias + c, oy, ox,
                               image + ((size_t)oy * s->width_out + ox) * s->channels_out, s->channels_out - c);
            }
    }
}

/* The whole batch in `parts` parallel parts: of the images, or of the rows when there are fewer images than parts.
 * Scratch memory for each part: tile * (pixels + 1) starts, tile * pixels * channels_in + SPARE rows and values. */
void convolve(const shape *s, const REAL *x, const REAL *weight, const REAL *bias, REAL *y, int images, int tile, int parts,
              int32_t *starts, int32_t *rows, REAL *values) {
    const size_t pixels = (size_t)s->height * s->width, in = pixels * s->channels_in;
    const size_t out = (size_t)s->height_out * s->width_out * s->channels_out, listed = tile * in + SPARE;
    const int by_image = images >= parts;
#pragma omp parallel for schedule(static) num_threads(parts)
    for (int p = 0; p < parts; p++) {
        const int total = by_image ? images : s->height_out;
        const int first = (int)((int64_t)total * p / parts), last = (int)((int64_t)total * (p + 1) / parts);
        const int some[2] = {first, last}, all[2] = {0, s->height_out};
        const events lists = {starts + p * tile * (pixels + 1), rows + p * listed, values + p * listed};
        const size_t skip = by_image ? (size_t)first : 0;
        convolve_part(s, x + skip * in, weight, bias, y + skip * out, by_image ? last - first : images, tile,
                      by_image ? all : some, lists);
    }
}
