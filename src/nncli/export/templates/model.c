/* A trained model, written by nncli. C99; needs math.h alone, allocates nothing, and may be called by several threads. */
// It predicts @TARGET@.
//
//     double numbers[] = @NUMBERS_EXAMPLE@;
//     const char *texts[] = @TEXTS_EXAMPLE@;
//     double answers[@N_ANSWERS@];
//     int prediction = @NAME@_predict(numbers, texts, answers);
//
// `numbers` has one for each column of numbers, NAN where it is missing, then one for each date, in days since
// 1970-01-01 (UTC); `texts` one for each column of text, NULL where it is missing. The columns, in this order:
@COLUMNS@//
// `answers` gets @ANSWERS@.
// Compiled with -D@UPPER@_MAIN, it is a program that predicts its golden rows, and compares the answers with those of
// nncli:
//
//     cc -std=c99 -O2 -D@UPPER@_MAIN @NAME@.c -lm -o check && ./check

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

typedef @REAL@ real;

enum { INPUTS = @INPUTS@, NUMBERS = @N_NUMBERS@, DATES = @N_DATES@, TEXTS = @N_TEXTS@, SCORES = @SCORES@, ANSWERS = @N_ANSWERS@, WIDEST = @WIDEST@ };

struct scale { double median, shift, scale; };
struct code { const char *text; int input; };

@DATA@

static real relu(real z) { return z > 0 ? z : 0; }
static real sigmoid(real z) { return 1 / (1 + @EXP@(z < -80 ? 80 : z > 80 ? -80 : -z)); }
static real softplus(real z) { return (z > 0 ? z : 0) + @LOG1P@(@EXP@(z > 0 ? -z : z)); }
static real step(real z) { return z >= 0; }
static real sign(real z) { return z >= 0 ? 1 : -1; }
@ACTIVATIONS@

// x = (value - shift) * scale, of the median where the value is missing@CLIPPED@
static real scaled(double value, const struct scale *of)
{
    double x = (isnan(value) ? of->median : value) - of->shift;
    x = (x > DBL_MAX ? DBL_MAX : x < -DBL_MAX ? -DBL_MAX : x) * of->scale;
    x = x > 1e15 ? 1e15 : x < -1e15 ? -1e15 : x;
    return (real)@INPUT@;
}

// The inputs of a date: days since the first in training, day of the year, weekday (Monday is 0)
static void date_inputs(double days, double first, const struct scale of[3], real x[3])
{
    double parts[3] = { NAN, NAN, NAN };
    int i;
    if (isfinite(days) && fabs(days) < 1e9) {
        // years are counted from March: a leap day is then the last of its year (Fliegel and Van Flandern 1968)
        long long day = (long long)floor(days), z = day + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
        long long of_era = z - era * 146097;
        long long year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
        long long of_year = of_era - (365 * year + year / 4 - year / 100);  // from the first of March, 0
        long long calendar = year + era * 400 + (of_year >= 306);
        int is_leap = (calendar % 4 == 0 && calendar % 100 != 0) || calendar % 400 == 0;
        parts[0] = days - first;
        parts[1] = (double)(of_year >= 306 ? of_year - 305 : of_year + 60 + is_leap);
        parts[2] = (double)(((day + 3) % 7 + 7) % 7);
    }
    for (i = 0; i < 3; i++) x[i] = scaled(parts[i], &of[i]);
}

// Which input a text sets to 1: that of its category, or else the last one; the codes are sorted
static int code_of(const char *text, const struct code *codes, int n, int missing, int other)
{
    int low = 0, high = n - 1;
    if (text == NULL) return missing;
    while (low <= high) {
        int middle = (low + high) / 2, order = strcmp(text, codes[middle].text);
        if (order == 0) return codes[middle].input;
        if (order < 0) high = middle - 1; else low = middle + 1;
    }
    return other;
}

// z = x W + b. A macro, so that compilers know how often each loop runs, and do several units at once
#define DENSE(x, inputs, units, W, b, z)                                                  \
    for (j = 0; j < (units); j++) (z)[j] = (b)[j];                                        \
    for (i = 0; i < (inputs); i++) {                                                      \
        const real value = (x)[i];                                                        \
        if (value != 0)                                                                   \
            for (j = 0; j < (units); j++) (z)[j] += value * (W)[(size_t)i * (units) + j]; \
    }

static void forward(const double *numbers, const char *const *texts, double z[SCORES])
{
    real a[WIDEST], b[WIDEST];
    int i, j;
    (void)numbers; (void)texts; (void)date_inputs; (void)code_of; (void)scaled; (void)relu; (void)sigmoid; (void)softplus;
    (void)step; (void)sign;
    for (i = 0; i < INPUTS; i++) a[i] = 0;
@FORWARD@
}

@PREDICT@

#ifdef @UPPER@_MAIN
#include <stdio.h>

@GOLDEN@

@LEVEL@
int main(void)
{
    double largest = 0;
    int i, k;
    for (i = 0; i < ROWS; i++) {
        double answers[ANSWERS];
        @CALL@
        for (k = 0; k < ANSWERS; k++) {
            double difference = fabs(answers[k] - golden_answers[i][k]);
            if (!(difference <= golden_tolerances[i])) {
                fprintf(stderr, "golden row %d: expected %.9g, found %.9g\n", i + 1, golden_answers[i][k], answers[k]);
                return 1;
            }
            if (difference > largest) largest = difference;
        }
@COMPARE@    }
    printf("%d golden rows: right, within %.1e of nncli\n", ROWS, largest);
    return 0;
}
#endif
