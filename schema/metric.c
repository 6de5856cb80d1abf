/* metric.c: the table of metric.h as counters, and as the page a scraper reads. */
#include "schema/metric.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

/* Upper ends in microseconds: a commit takes hundreds of them, a job may take an hour. */
static const int64_t bounds_us[] = {
    100,    250,    500,     1000,    2500,    5000,     10000,    25000,     50000,      100000,
    250000, 500000, 1000000, 2500000, 5000000, 10000000, 60000000, 600000000, 3600000000,
};
#define N_BOUNDS (sizeof bounds_us / sizeof bounds_us[0])

static const struct row {
    enum metric_kind kind;
    const char *name, *label, *help;
} rows[METRIC_COUNT] = {
#define METRIC_ROW(name, kind, text, label, help) [METRIC_##name##_] = {METRIC_##kind, text, label, help},
    METRIC_LIST(METRIC_ROW)
#undef METRIC_ROW
};

/* The figures of the whole process. A cache line each at least, so that two threads counting two
 * things do not slow each other; the buckets only histograms use. */
static struct cell {
    _Alignas(64) _Atomic int64_t value; /* of a histogram: the sum in microseconds */
    _Atomic int64_t buckets[N_BOUNDS + 1];
} cells[METRIC_COUNT];

void metric_add(enum metric metric, int64_t n)
{
    atomic_fetch_add_explicit(&cells[metric].value, n, memory_order_relaxed);
}

void metric_set(enum metric metric, int64_t value)
{
    assert(rows[metric].kind == METRIC_GAUGE);
    atomic_store_explicit(&cells[metric].value, value, memory_order_relaxed);
}

int64_t metric_get(enum metric metric)
{
    return atomic_load_explicit(&cells[metric].value, memory_order_relaxed);
}

void metric_observe_us(enum metric metric, int64_t us)
{
    struct cell *cell = &cells[metric];
    size_t i = 0;

    assert(rows[metric].kind == METRIC_HISTOGRAM);
    if (us < 0)
        us = 0; /* two clocks that do not agree */
    while (i < N_BOUNDS && us > bounds_us[i])
        i++;
    atomic_fetch_add_explicit(&cell->buckets[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&cell->value, us, memory_order_relaxed);
}

static void seconds(struct text *text, int64_t us)
{
    char fraction[8] = "000000";
    size_t len = 6;

    text_int(text, us / 1000000);
    us %= 1000000;
    for (size_t i = 6; i-- > 0; us /= 10)
        fraction[i] = (char)('0' + us % 10);
    while (len && fraction[len - 1] == '0')
        len--;
    if (len) {
        text_char(text, '.');
        text_add(text, fraction, len);
    }
}

static void histogram(struct text *text, const struct row *row, struct cell *cell)
{
    int64_t count = 0;

    for (size_t i = 0; i <= N_BOUNDS; i++) {
        count += atomic_load_explicit(&cell->buckets[i], memory_order_relaxed);
        text_str(text, row->name);
        text_str(text, "_bucket{le=\"");
        if (i < N_BOUNDS)
            seconds(text, bounds_us[i]);
        else
            text_str(text, "+Inf");
        text_str(text, "\"} ");
        text_int(text, count);
        text_char(text, '\n');
    }
    text_str(text, row->name);
    text_str(text, "_sum ");
    seconds(text, atomic_load_explicit(&cell->value, memory_order_relaxed));
    text_char(text, '\n');
    text_str(text, row->name);
    text_str(text, "_count ");
    text_int(text, count); /* of the very buckets above, so that the page agrees with itself */
    text_char(text, '\n');
}

static void head(struct text *text, const struct row *row)
{
    static const char *const kinds[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};

    text_str(text, "# HELP ");
    text_str(text, row->name);
    text_char(text, ' ');
    text_str(text, row->help);
    text_str(text, "\n# TYPE ");
    text_str(text, row->name);
    text_char(text, ' ');
    text_str(text, kinds[row->kind]);
    text_char(text, '\n');
}

void metric_encode(struct text *text)
{
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const struct row *row = &rows[i];

        if (i == 0 || strcmp(row->name, rows[i - 1].name) != 0)
            head(text, row); /* rows of one name stand side by side in the table */
        if (row->kind == METRIC_HISTOGRAM) {
            histogram(text, row, &cells[i]);
            continue;
        }
        text_str(text, row->name);
        if (row->label[0]) {
            text_char(text, '{');
            text_str(text, row->label);
            text_char(text, '}');
        }
        text_char(text, ' ');
        text_int(text, metric_get((enum metric)i));
        text_char(text, '\n');
    }
}
