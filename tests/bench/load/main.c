/* main.c: the load program: `bench_load post|push|fanout ...`; each prints one JSON line. */
#include <stdio.h>
#include <string.h>

#include "tests/bench/load/client.h"

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "post") == 0)
        return post_main(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "push") == 0)
        return push_main(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "fanout") == 0)
        return fanout_main(argc - 1, argv + 1);
    fprintf(stderr, "usage: bench_load post PORT CONNECTIONS SECONDS [TARGET BODY]\n"
                    "       bench_load push PORT COUNT | PORT RATE SECONDS\n"
                    "       bench_load fanout PORT SOCKETS EVENTS | PORT SOCKETS RATE SECONDS\n");
    return 64;
}
