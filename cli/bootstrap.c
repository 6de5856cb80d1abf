/* bootstrap.c: a new node starts from a copy of a peer's view. It asks by a heartbeat that carries the
 * hash of a one-time word, hears from the heartbeats of others who is there and how far, and fetches
 * the copy from the one that is furthest; the word shows that it is the node that asked. */
#include "cli/bootstrap.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/client.h"
#include "jobs/presence.h"
#include "schema/access_key.h"
#include "schema/clock.h"
#include "schema/log.h"

#define BROKER_WAIT_MS  5000
#define PEERS_WAIT_MS   15000               /* where the log has lost its beginning */
#define LOOK_MS         3000                /* where it has not */
#define SAY_EVERY_MS    200
#define SETTLE_MS       600                 /* others are heard before one is chosen */
#define DIR_LEN_MAX     4000                /* room for names in it, in what the kernel takes as a path */
#define LONG_LOG        (100000LL << 10)    /* in positions: shorter ones are read faster than copied */

/* What was heard of the peers. Written by the sideband's thread. */
struct peers {
    pthread_mutex_t lock;
    char url[256];                          /* of the one that is furthest */
    int64_t pos;
};

static void on_said(void *arg, enum sideband_kind kind, const char *text, size_t len, bool is_own)
{
    struct peers *peers = arg;
    struct beat beat;

    if (kind != SIDEBAND_BEAT || is_own || beat_decode(text, len, &beat))
        return;
    pthread_mutex_lock(&peers->lock);
    /* An old heartbeat of a node that is gone may be among them: its copy just cannot be fetched. */
    if (beat.role_api && beat.url[0] && !beat.leaving && beat.pos > peers->pos) {
        snprintf(peers->url, sizeof peers->url, "%s", beat.url);
        peers->pos = beat.pos;
    }
    pthread_mutex_unlock(&peers->lock);
    beat_clear(&beat);
}

static void ask(struct sideband *sideband, const char *name, const unsigned char hash[32])
{
    struct beat beat = {.pid = (int)getpid(), .at = clock_wall_ms(), .started_at = clock_wall_ms()};
    struct text text = {0};

    snprintf(beat.name, sizeof beat.name, "%s", name);
    access_key_hash_hex(hash, beat.ticket);
    beat_encode(&text, &beat);
    if (!text.failed)
        sideband_say(sideband, SIDEBAND_BEAT, name, text.at, text.len);
    text_clear(&text);
}

/* Into DIR/copy-part.db, then under its real name: a view is there whole or not at all. */
static enum err fetch(const char *dir, const char *url, const char *ticket)
{
    char part[4096], whole[4096], path[128];
    struct client *client = NULL;
    struct answer answer = {0};
    FILE *file = NULL;
    enum err err;

    snprintf(part, sizeof part, "%s/copy-part.db", dir);
    snprintf(whole, sizeof whole, "%s/buzzer.db", dir);
    snprintf(path, sizeof path, "/v1/snapshot?ticket=%s", ticket);
    err = client_new(url, &client);
    if (!err && !(file = fopen(part, "we")))
        err = ERR_IO;
    if (!err)
        err = client_ask(client, &(struct ask){.method = "GET", .path = path, .to = file}, &answer);
    if (!err && answer.status != 200)
        err = ERR_AGAIN;
    if (file && (fflush(file) || fsync(fileno(file))) && !err)
        err = ERR_IO;
    if (file && fclose(file) && !err)
        err = ERR_IO;
    if (!err && rename(part, whole))
        err = ERR_IO;
    if (err) {
        log_warn("no copy of the view from %s (%s, status %d)", url, err_word(err), answer.status);
        unlink(part);
    }
    answer_clear(&answer);
    client_free(client);
    return err;
}

/* ERR_AGAIN: nobody gave one in that time; each failure is in the log. */
static enum err fetch_from_peers(const struct config *config, const struct eventlog_kafka_config *log, int64_t patience_ms,
                                 char *message, size_t size)
{
    struct peers peers = {.lock = PTHREAD_MUTEX_INITIALIZER};
    int64_t began = clock_mono_ms(), chosen_at = 0;
    struct access_key *key = NULL;
    struct sideband *sideband = NULL;
    char ticket[ACCESS_KEY_TEXT_SIZE], url[sizeof peers.url];
    enum err err = access_key_new(TENANT_DEFAULT, NULL, 0, clock_wall_ms(), 0, &key, ticket);

    if (!err)
        err = sideband_kafka_open(log, &sideband, message, size);
    if (!err) {
        sideband_listen(sideband, on_said, &peers);
        err = sideband_start(sideband);
    }
    if (err)
        goto out;
    err = ERR_AGAIN;
    while (err && clock_mono_ms() - began < patience_ms) {
        ask(sideband, log->name, key->hash);
        usleep(SAY_EVERY_MS * 1000);
        pthread_mutex_lock(&peers.lock);
        memcpy(url, peers.url, sizeof url);
        pthread_mutex_unlock(&peers.lock);
        if (!url[0])
            continue;
        if (!chosen_at)
            chosen_at = clock_mono_ms();
        if (clock_mono_ms() - chosen_at < SETTLE_MS)
            continue;
        log_info("taking a copy of the view from %s", url);
        err = fetch(config->data, url, ticket);
        if (err) {                              /* listen anew: it may be gone */
            pthread_mutex_lock(&peers.lock);
            peers.url[0] = '\0';
            peers.pos = 0;
            pthread_mutex_unlock(&peers.lock);
            chosen_at = 0;
        }
    }
    if (err)
        err = ERR_AGAIN;
    else
        log_info("a copy of the view is here, after %lld ms", (long long)(clock_mono_ms() - began));
out:
    sideband_close(sideband);
    access_key_free(key);
    return err;
}

enum err bootstrap(const struct config *config, const struct eventlog_kafka_config *log, char *message, size_t size)
{
    int64_t first = 0, last = 0;
    struct stat file;
    char path[4096];
    enum err err;

    if (strlen(config->data) > DIR_LEN_MAX) {
        snprintf(message, size, "%s: the path is too long", config->data);
        return ERR_CONFIG;
    }
    snprintf(path, sizeof path, "%s/buzzer.db", config->data);
    if (stat(path, &file) == 0 && file.st_size > 0)
        return ERR_OK;
    err = eventlog_kafka_extent(log, BROKER_WAIT_MS, &first, &last, message, size);
    if (err == ERR_AGAIN)
        return ERR_OK;
    if (err || first == 0 || (first == 1 && last < LONG_LOG))
        return err;
    err = fetch_from_peers(config, log, first == 1 ? LOOK_MS : PEERS_WAIT_MS, message, size);
    if (err && first == 1) {
        log_info("no other node gave a copy of its view: reading the whole log");
        return ERR_OK;
    }
    if (err == ERR_AGAIN) {
        err = ERR_GONE;
        snprintf(message, size, "the beginning of the log is kept no more, and no other node gave a copy of its view; "
                                "start one that has a view, or put a backup at %s", path);
    }
    return err;
}

enum err bootstrap_set_aside(const char *dir)
{
    static const char *const ends[] = {"-wal", "-shm", ""}; /* the database last: none shall meet another's */
    char from[4096], to[4096];
    int64_t now = clock_wall_ms();

    snprintf(from, sizeof from, "%s/buzzer.db", dir);
    if (access(from, F_OK))
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    for (unsigned i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        snprintf(from, sizeof from, "%s/buzzer.db%s", dir, ends[i]);
        snprintf(to, sizeof to, "%s/buzzer.db.set-aside-%lld%s", dir, (long long)now, ends[i]);
        if (rename(from, to) && errno != ENOENT) {
            log_error("%s cannot be moved: %s", from, strerror(errno));
            return ERR_IO;
        }
    }
    log_warn("the old view is kept as %s/buzzer.db.set-aside-%lld", dir, (long long)now);
    return ERR_OK;
}
