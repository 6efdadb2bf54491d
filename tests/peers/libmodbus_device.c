/* A Modbus/TCP device on libmodbus: prints its port, serves every connection, counts requests, ends with its input.
 *
 * Register n of both tables holds n, coils and discrete inputs of odd addresses are set; the first four holding
 * registers are the milliseconds of CLOCK_MONOTONIC, most significant word first, at the moment of each answer.
 * "count" on the standard input prints how many requests were answered so far.
 * With two arguments, a serial device and a unit, it is an RTU slave there, prints 0, and lives until it is killed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#define SIZE 65536

static void tell_time(modbus_mapping_t *map)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    unsigned long long ms = now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
    for (int word = 0; word < 4; word++)
        map->tab_registers[word] = ms >> (16 * (3 - word));
}

static int serve_line(const char *line, int unit, modbus_mapping_t *map)
{
    uint8_t query[MODBUS_RTU_MAX_ADU_LENGTH];
    modbus_t *ctx = modbus_new_rtu(line, 115200, 'N', 8, 1);
    modbus_set_slave(ctx, unit);
    if (modbus_connect(ctx) < 0) {
        fprintf(stderr, "cannot open %s: %s\n", line, modbus_strerror(errno));
        return 1;
    }
    printf("0\n");
    fflush(stdout);
    for (;;) {
        int size = modbus_receive(ctx, query);
        if (size > 0)
            modbus_reply(ctx, query, size, map);
    }
}

int main(int argc, char **argv)
{
    modbus_mapping_t *map = modbus_mapping_new(SIZE, SIZE, SIZE, SIZE);
    for (int n = 0; n < SIZE; n++) {
        map->tab_registers[n] = map->tab_input_registers[n] = n;
        map->tab_bits[n] = map->tab_input_bits[n] = n & 1;
    }
    if (argc == 3)
        return serve_line(argv[1], atoi(argv[2]), map);
    modbus_t *ctx = modbus_new_tcp("127.0.0.1", 0);
    int listener = ctx ? modbus_tcp_listen(ctx, 64) : -1;
    if (listener < 0) {
        fprintf(stderr, "cannot listen: %s\n", modbus_strerror(errno));
        return 1;
    }
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);

    fd_set open;
    FD_ZERO(&open);
    FD_SET(STDIN_FILENO, &open);
    FD_SET(listener, &open);
    int highest = listener;
    unsigned long requests = 0;
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    for (;;) {
        fd_set ready = open;
        if (select(highest + 1, &ready, NULL, NULL, NULL) < 0)
            return 1;
        for (int fd = 0; fd <= highest; fd++) {
            if (!FD_ISSET(fd, &ready))
                continue;
            if (fd == STDIN_FILENO) {
                char line[64];
                if (fgets(line, sizeof line, stdin) == NULL)
                    return 0;
                printf("%lu\n", requests);
                fflush(stdout);
            } else if (fd == listener) {
                int found = modbus_tcp_accept(ctx, &listener);
                if (found >= 0 && found < FD_SETSIZE) {
                    FD_SET(found, &open);
                    highest = found > highest ? found : highest;
                }
            } else {
                modbus_set_socket(ctx, fd);
                int size = modbus_receive(ctx, query);
                if (size > 0) {
                    tell_time(map);
                    modbus_reply(ctx, query, size, map);
                    requests++;
                } else if (size < 0) {
                    close(fd);
                    FD_CLR(fd, &open);
                }
            }
        }
    }
}
