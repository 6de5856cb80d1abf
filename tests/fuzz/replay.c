/* replay.c: runs a fuzz target on every file of the folders given, without a fuzzer: what once was
 * found stays found, in every build and under every compiler. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size ? size : 1);
    int rc = -1;

    if (file && data && fread(data, 1, size, file) == size)
        rc = LLVMFuzzerTestOneInput(data, size);
    if (rc)
        fprintf(stderr, "%s: cannot be read, or was refused\n", path);
    free(data);
    if (file)
        fclose(file);
    return rc;
}

/* How many files were run; -1: one failed. */
static int replay_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char path[4096];
    struct stat about;
    int n = 0;

    while (n >= 0 && dir && (entry = readdir(dir))) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (stat(path, &about) != 0 || !S_ISREG(about.st_mode))
            continue;
        n = replay_file(path, (size_t)about.st_size) ? -1 : n + 1;
    }
    if (dir)
        closedir(dir);
    return n;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        int n = replay_folder(argv[i]);
        if (n <= 0) {
            fprintf(stderr, "%s: %s\n", argv[i], n ? "failed" : "no file there");
            return EXIT_FAILURE;
        }
        printf("%s: %d files\n", argv[i], n);
    }
    return argc > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
