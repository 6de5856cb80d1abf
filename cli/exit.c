/* exit.c: from what happened to the code that scripts look at. */
#include "cli/exit.h"

int exit_of_status(int status)
{
    switch (status) {
    case 401:
    case 403:
    case 421:
        return EX_NOPERM;
    case 404:
        return EX_NOINPUT;
    case 409:
        return EXIT_NO;
    case 429:
        return EX_TEMPFAIL;
    case 503:
        return EX_UNAVAILABLE;
    default:
        break;
    }
    if (status >= 200 && status < 300)
        return EXIT_DONE;
    return status >= 400 && status < 500 ? EX_DATAERR : EX_SOFTWARE;
}

int exit_of_err(enum err err)
{
    switch (err) {
    case ERR_OK:
        return EXIT_DONE;
    case ERR_USAGE:
        return EX_USAGE;
    case ERR_CONFIG:
        return EX_CONFIG;
    case ERR_NO_SERVICE:
        return EX_UNAVAILABLE;
    case ERR_IN_USE: /* whoever has it may let go of it */
    case ERR_STORAGE_FULL:
    case ERR_AGAIN:
        return EX_TEMPFAIL;
    default:
        return EX_SOFTWARE;
    }
}
