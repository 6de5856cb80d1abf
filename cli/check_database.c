/* check_database.c: is DIR/buzzer.db one of ours, whole, and of the kind the settings want? Its first bytes
 * are looked at (sqlite.org/fileformat.html), and it is not opened as a database: SQLite would lay files
 * beside it that belong to whoever runs the doctor, and the service could not use them. So what is damaged
 * further in is told by `buzzer serve` alone. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/check.h"
#include "cli/service.h"
#include "jobs/view.h"

#define SUBJECT      "database"
#define MAGIC        "SQLite format 3" /* with its NUL */
#define MAGIC_BYTES  16
#define HEADER_BYTES 100
#define AT_PAGE_SIZE 16
#define AT_PAGES     28
#define AT_OWNER     68

static uint32_t number(const unsigned char *at, unsigned len)
{
    uint32_t n = 0;

    for (unsigned i = 0; i < len; i++)
        n = n << 8 | at[i];
    return n;
}

static int64_t size_of(const char *dir, const char *name)
{
    char path[4096];
    struct stat about;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return stat(path, &about) == 0 ? about.st_size : -1;
}

/* What is wrong with it, or NULL. Until the first checkpoint all but the magic may be in the write-ahead log. */
static const char *fault_of(const unsigned char *header, ssize_t len, int64_t size, bool has_wal)
{
    int64_t page_size = number(header + AT_PAGE_SIZE, 2);

    if (len < HEADER_BYTES || memcmp(header, MAGIC, MAGIC_BYTES) != 0)
        return "is damaged or no database";
    if (has_wal)
        return NULL;
    if (number(header + AT_OWNER, 4) != VIEW_APPLICATION_ID)
        return "is a database of another program";
    if (size < (page_size == 1 ? 65536 : page_size) * number(header + AT_PAGES, 4))
        return "is damaged: it was cut short";
    return NULL;
}

/* Only a process with Kafka makes an outbox. A copy that was put here by hand has none yet. */
static enum finding check_kind(const struct config *config)
{
    bool has_outbox = size_of(config->data, "outbox") >= 0;

    if (has_outbox && !service_is_many(config))
        return finding_tell(FINDING_FAIL, SUBJECT, "%s/buzzer.db is a copy of a log in Kafka, and no Kafka is given",
                            config->data);
    if (!has_outbox && service_is_many(config))
        return finding_tell(FINDING_WARN, SUBJECT,
                            "%s has no outbox: unless a backup was put there, buzzer.db is a log of its own, and with "
                            "Kafka the service needs another data folder", config->data);
    return finding_tell(FINDING_OK, SUBJECT, "%lld KiB", (long long)(size_of(config->data, "buzzer.db") >> 10));
}

enum finding check_database(const struct config *config)
{
    unsigned char header[HEADER_BYTES] = {0};
    int64_t size = size_of(config->data, "buzzer.db");
    const char *fault;
    char path[4096];
    ssize_t len;
    int fd;

    if (size <= 0)
        return finding_tell(FINDING_OK, SUBJECT, "none yet");
    snprintf(path, sizeof path, "%s/buzzer.db", config->data);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return finding_tell(FINDING_FAIL, SUBJECT, "%s: %s", path, strerror(errno));
    len = read(fd, header, sizeof header);
    close(fd);
    if (len < 0)
        return finding_tell(FINDING_FAIL, SUBJECT, "%s cannot be read: %s", path, strerror(errno));
    fault = fault_of(header, len, size, size_of(config->data, "buzzer.db-wal") > 0);
    if (fault)
        return finding_tell(FINDING_FAIL, SUBJECT, "%s %s", path, fault);
    return check_kind(config);
}
