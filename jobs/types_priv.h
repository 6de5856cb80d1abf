/* types_priv.h: what the registry's own files share: types.c (the registry), types_builtin.c (the
 * types that come with the program) and types_settings.c (entries of `types:`). */
#ifndef BUZZER_JOBS_TYPES_PRIV_H
#define BUZZER_JOBS_TYPES_PRIV_H

#include "jobs/types.h"

/* One type with the defaults every type starts from; false: no memory. */
bool type_init(struct job_type *type, const char *name);
void type_clear(struct job_type *type);
bool type_set(char **member, const char *value);             /* replaces an owned string by a copy */
bool type_set_list(char ***list, unsigned *ret_n, char *const *values, unsigned n); /* NULL-terminated copy */

/* Room for one more at the end, set up with type_init; NULL: no memory. */
struct job_type *types_add(struct types *types, const char *name);
struct job_type *types_named(struct types *types, const char *name);

/* images_module: path of the shared object with the image types; NULL: they are not offered.
 * languages: what Tesseract has data for, as an alternation for a pattern ("deu|eng"). */
enum err types_add_builtin(struct types *types, const char *images_module, const char *languages);
enum err types_add_settings(struct types *types, const struct config_type *entry, char *message, size_t size);

/* types_new with both given instead of looked for. */
enum err types_build(const struct config *config, const char *images_module, const char *languages,
                     struct types **ret_types, char *message, size_t size);

/* types_images.c: looks for them; "" when there is none. */
void types_find_images(char *ret_path, size_t size);
void types_find_languages(char *ret_languages, size_t size);

#endif
