/* A Modbus/TCP master on libmodbus: one call per line of the standard input, one answer per line.
 *
 * Arguments: port, unit. Calls: "read TABLE ADDRESS COUNT" (tables 1 to 4), "write TABLE ADDRESS VALUE..." (1 or 3;
 * one value is function 5 or 6), "many TABLE ADDRESS VALUE..." (15 or 16), "mask ADDRESS AND OR" (22),
 * "both READ_ADDRESS READ_COUNT WRITE_ADDRESS VALUE..." (23). Answers: values, "ok", or "error: <text>".
 */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 2048

static int numbers(char *text, uint16_t *words)
{
    int count = 0;
    for (char *part = strtok(text, " \n"); part && count < MOST; part = strtok(NULL, " \n"))
        words[count++] = (uint16_t)strtoul(part, NULL, 0);
    return count;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    modbus_t *ctx = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
    modbus_set_slave(ctx, atoi(argv[2]));
    modbus_set_response_timeout(ctx, 3, 0);
    if (modbus_connect(ctx) < 0) {
        fprintf(stderr, "cannot connect: %s\n", modbus_strerror(errno));
        return 1;
    }
    char line[16384];
    while (fgets(line, sizeof line, stdin)) {
        static uint16_t n[MOST], words[MOST];
        static uint8_t bits[MOST];
        char *rest = strchr(line, ' ');
        if (rest == NULL)
            return 2;
        *rest++ = 0;
        int given = numbers(rest, n), count = 0, done = -1, in_bits = 0;
        if (strcmp(line, "read") == 0) {
            count = n[2];
            in_bits = n[0] <= 2;
            done = n[0] == 1   ? modbus_read_bits(ctx, n[1], count, bits)
                   : n[0] == 2 ? modbus_read_input_bits(ctx, n[1], count, bits)
                   : n[0] == 3 ? modbus_read_registers(ctx, n[1], count, words)
                               : modbus_read_input_registers(ctx, n[1], count, words);
        } else if (strcmp(line, "write") == 0) {
            done = n[0] == 1 ? modbus_write_bit(ctx, n[1], n[2]) : modbus_write_register(ctx, n[1], n[2]);
        } else if (strcmp(line, "many") == 0) {
            for (int i = 2; i < given; i++)
                bits[i - 2] = n[i] != 0;
            done = n[0] == 1 ? modbus_write_bits(ctx, n[1], given - 2, bits)
                             : modbus_write_registers(ctx, n[1], given - 2, n + 2);
        } else if (strcmp(line, "mask") == 0) {
            done = modbus_mask_write_register(ctx, n[0], n[1], n[2]);
        } else if (strcmp(line, "both") == 0) {
            count = n[1];
            done = modbus_write_and_read_registers(ctx, n[2], given - 3, n + 3, n[0], count, words);
        }
        if (done < 0) {
            printf("error: %s\n", modbus_strerror(errno));
        } else if (count == 0) {
            printf("ok\n");
        } else {
            for (int i = 0; i < count; i++)
                printf(i ? " %d" : "%d", in_bits ? bits[i] : words[i]);
            printf("\n");
        }
        fflush(stdout);
    }
    modbus_close(ctx);
    modbus_free(ctx);
    return 0;
}
