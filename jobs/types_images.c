/* types_images.c: are the image types there? Their code is a shared object of its own (Tesseract and
 * its relatives are only ever loaded by executors), found beside the program in a build tree and in
 * ../lib/buzzer once installed. The languages are those Tesseract has data files for. */
#include "jobs/types_priv.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODULE_NAME "buzzer_images.so"
#define DATA_SUFFIX ".traineddata"

void types_find_images(char *ret_path, size_t size)
{
    static const char *const places[] = { "/", "/../lib/buzzer/" };
    char folder[2048];
    ssize_t len = readlink("/proc/self/exe", folder, sizeof(folder) - 1);

    ret_path[0] = '\0';
    if (len <= 0)
        return;
    folder[len] = '\0';
    char *slash = strrchr(folder, '/');
    if (!slash)
        return;
    *slash = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        int written = snprintf(ret_path, size, "%s%s" MODULE_NAME, folder, places[i]);

        if (written > 0 && (size_t)written < size && !access(ret_path, R_OK))
            return;
    }
    ret_path[0] = '\0';
}

/* The name of a data file's language, or 0 characters: orientation data is no language, and anything
 * that could mean something in a pattern or a path is left out. */
static size_t language_len(const char *file)
{
    size_t len = strlen(file), suffix = strlen(DATA_SUFFIX);

    if (len <= suffix || strcmp(file + len - suffix, DATA_SUFFIX) != 0)
        return 0;
    len -= suffix;
    if (strspn(file, "abcdefghijklmnopqrstuvwxyz_") < len || (len == 3 && !memcmp(file, "osd", 3)))
        return 0;
    return len;
}

static bool add_languages(const char *folder, char *languages, size_t size)
{
    size_t used = 0;
    DIR *dir = opendir(folder);

    if (!dir)
        return false;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        size_t len = language_len(entry->d_name);

        if (!len || used + len + 2 > size)
            continue;
        if (used)
            languages[used++] = '|';
        memcpy(languages + used, entry->d_name, len);
        used += len;
        languages[used] = '\0';
    }
    closedir(dir);
    return used > 0;
}

void types_find_languages(char *ret_languages, size_t size)
{
    static const char *const folders[] = {
        "/usr/share/tesseract-ocr/5/tessdata", "/usr/share/tesseract-ocr/4.00/tessdata", "/usr/share/tessdata"
    };
    const char *prefix = getenv("TESSDATA_PREFIX");

    ret_languages[0] = '\0';
    if (prefix) {
        add_languages(prefix, ret_languages, size);
        return;
    }
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        if (add_languages(folders[i], ret_languages, size))
            return;
}
