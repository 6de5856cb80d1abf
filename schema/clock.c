/* clock.c: the two clocks, and RFC 3339 without the C library's calendar: a job is told with three
 * times in it, and strftime alone would cost more than all the rest of it. */
#include "schema/clock.h"

#include <string.h>

#define DAY_MS 86400000LL
/* What four digits of a year can say. */
#define FIRST_MS (-62167219200000LL) /* 0000-01-01T00:00:00.000Z */
#define LAST_MS 253402300799999LL    /* 9999-12-31T23:59:59.999Z */

static int64_t now_us(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now); /* cannot fail for these two clocks */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
    return now_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_mono_ms(void)
{
    return now_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_us(void)
{
    return now_us(CLOCK_MONOTONIC);
}

struct timespec clock_mono_after(int64_t ms)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += ms % 1000 * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

static char *put(char *at, unsigned value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + digits;
}

/* Both ways between days since 1970-01-01 and a date are Howard Hinnant's ("chrono-Compatible
 * Low-Level Date Algorithms", days_from_civil and civil_from_days): years begin in March, so that
 * the leap day is the last one, and 400 years (an era) have 146097 days. */
void clock_encode(int64_t unix_ms, char text[CLOCK_TEXT_SIZE])
{
    if (unix_ms < FIRST_MS)
        unix_ms = FIRST_MS;
    if (unix_ms > LAST_MS)
        unix_ms = LAST_MS;
    /* From 0000-03-01 on, less one era, nothing is negative. */
    uint64_t since = (uint64_t)(unix_ms + (719468LL + 146097) * DAY_MS);
    unsigned days = (unsigned)(since / DAY_MS), of_day = (unsigned)(since % DAY_MS);
    unsigned era = days / 146097, of_era = days % 146097;
    unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned from_march = (5 * of_year + 2) / 153;
    unsigned day = of_year - (153 * from_march + 2) / 5 + 1;
    unsigned month = from_march < 10 ? from_march + 3 : from_march - 9;
    unsigned year = year_of_era + era * 400 + (month <= 2) - 400;
    char *at = text;

    at = put(at, year, 4);
    *at++ = '-';
    at = put(at, month, 2);
    *at++ = '-';
    at = put(at, day, 2);
    *at++ = 'T';
    at = put(at, of_day / 3600000, 2);
    *at++ = ':';
    at = put(at, of_day / 60000 % 60, 2);
    *at++ = ':';
    at = put(at, of_day / 1000 % 60, 2);
    *at++ = '.';
    at = put(at, of_day % 1000, 3);
    *at++ = 'Z';
    *at = '\0';
}

static int64_t days_from_date(int year, int month, int day)
{
    int from_march = month > 2 ? month - 3 : month + 9;
    int march_year = year + 400 - (month <= 2); /* never negative */
    int era = march_year / 400, year_of_era = march_year % 400;
    int of_year = (153 * from_march + 2) / 5 + day - 1;
    int of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;

    return (int64_t)(era - 1) * 146097 + of_era - 719468;
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && is_leap);
}

/* What is left of the text; every step says whether it found what it wanted. */
struct scan {
    const char *at, *end;
};

static bool scan_number(struct scan *scan, int digits, int max, int *ret)
{
    int value = 0;

    if (scan->end - scan->at < digits)
        return false;
    for (int i = 0; i < digits; i++) {
        char c = *scan->at++;
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    *ret = value;
    return value <= max;
}

static bool scan_one(struct scan *scan, const char *set, char *ret)
{
    if (scan->at == scan->end || !*scan->at || !strchr(set, *scan->at))
        return false;
    *ret = *scan->at++;
    return true;
}

static bool scan_fraction(struct scan *scan, int *ret_ms)
{
    int place = 100, digit;
    char dot;

    *ret_ms = 0;
    if (!scan_one(scan, ".", &dot))
        return true;
    if (!scan_number(scan, 1, 9, &digit))
        return false;
    do {
        *ret_ms += digit * place;
        place /= 10;
    } while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9' && scan_number(scan, 1, 9, &digit));
    return true;
}

bool clock_decode(const char *text, size_t len, int64_t *ret_ms)
{
    struct scan scan = {text, text + len};
    int year, month, day, hour, minute, second, ms, off_hour = 0, off_minute = 0;
    char c, zone;
    int64_t of_day, unix_ms;

    if (!scan_number(&scan, 4, 9999, &year) || !scan_one(&scan, "-", &c) ||
        !scan_number(&scan, 2, 12, &month) || month < 1 || !scan_one(&scan, "-", &c) ||
        !scan_number(&scan, 2, days_of_month(year, month), &day) || day < 1 || !scan_one(&scan, "Tt", &c) ||
        !scan_number(&scan, 2, 23, &hour) || !scan_one(&scan, ":", &c) ||
        !scan_number(&scan, 2, 59, &minute) || !scan_one(&scan, ":", &c) ||
        !scan_number(&scan, 2, 60, &second) || !scan_fraction(&scan, &ms) || !scan_one(&scan, "Zz+-", &zone))
        return false;
    if (zone == '+' || zone == '-')
        if (!scan_number(&scan, 2, 23, &off_hour) || !scan_one(&scan, ":", &c) ||
            !scan_number(&scan, 2, 59, &off_minute))
            return false;
    if (scan.at != scan.end)
        return false;

    of_day = ((int64_t)hour * 60 + minute) * 60000;
    of_day += (zone == '-' ? 1 : -1) * ((int64_t)off_hour * 60 + off_minute) * 60000;
    /* A leap second ends a day of UTC and nothing else. */
    if (second == 60 && (of_day + DAY_MS) % DAY_MS != DAY_MS - 60000)
        return false;
    unix_ms = days_from_date(year, month, day) * DAY_MS + of_day + (int64_t)second * 1000 + ms;
    if (unix_ms < FIRST_MS || unix_ms > LAST_MS)
        return false;
    *ret_ms = unix_ms;
    return true;
}
