/* Adds up pi in equal parts on all ranks. Rank 0 prints it, and the hosts that the ranks were on. */

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME 256
#define STEPS 20000000L

int main(int count, char **words) {
    int rank, ranks;
    MPI_Init(&count, &words);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);

    /* The area below 4 / (1 + x^2) from 0 to 1, in strips of which each rank takes every n-th. */
    double width = 1.0 / STEPS, part = 0.0, pi = 0.0;
    for (long step = rank; step < STEPS; step += ranks) {
        double x = (step + 0.5) * width;
        part += 4.0 / (1.0 + x * x) * width;
    }
    MPI_Reduce(&part, &pi, 1, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);

    char host[NAME] = "";
    gethostname(host, NAME - 1);
    char *hosts = rank == 0 ? malloc((size_t)ranks * NAME) : NULL;
    MPI_Gather(host, NAME, MPI_CHAR, hosts, NAME, MPI_CHAR, 0, MPI_COMM_WORLD);
    if (rank == 0) {
        printf("pi = %.10f by %d ranks on", pi, ranks);
        for (int one = 0; one < ranks; one++) {
            int is_known = 0;
            for (int other = 0; other < one; other++)
                is_known |= strcmp(hosts + one * NAME, hosts + other * NAME) == 0;
            if (!is_known)
                printf(" %s", hosts + one * NAME);
        }
        printf("\n");
        free(hosts);
    }
    MPI_Finalize();
    return 0;
}
