/* platform.h for a program that runs in the simulator's process: each function is a call by name. */

#include "platform.h"

#include <stdarg.h>
#include <stdio.h>

enum { LINE_BYTES = 256 };

/* Returns the answer; `second` takes whatever else there is to say. */
typedef uint64_t call_t(const char *name, uint64_t a, uint64_t b, uint64_t c, uint64_t *second, const char *text);

static call_t *call;

int main(int count, char **arguments);
int platform_run(call_t *function);

int platform_run(call_t *function)
{
    call = function;
    return main(0, NULL);
}

static uint64_t ask(const char *name, uint64_t a, uint64_t b, uint64_t c, uint64_t *second)
{
    return call(name, a, b, c, second, "");
}

uint32_t register_read32(uint32_t offset)
{
    return (uint32_t)ask("register_read", offset, 4, 0, NULL);
}

uint64_t register_read64(uint32_t offset)
{
    return ask("register_read", offset, 8, 0, NULL);
}

void register_write32(uint32_t offset, uint32_t value)
{
    ask("register_write", offset, 4, value, NULL);
}

void register_write64(uint32_t offset, uint64_t value)
{
    ask("register_write", offset, 8, value, NULL);
}

uint64_t memory_read(uint64_t address)
{
    return ask("memory_read", address, 0, 0, NULL);
}

void memory_write(uint64_t address, uint64_t value)
{
    ask("memory_write", address, value, 0, NULL);
}

bool device_read(uint16_t source_id, uint64_t address, uint64_t *value)
{
    return ask("device_read", source_id, address, 0, value);
}

bool device_write(uint16_t source_id, uint64_t address, uint64_t value)
{
    return ask("device_write", source_id, address, value, NULL);
}

bool device_interrupt(uint16_t source_id, uint64_t address, uint32_t data)
{
    return ask("device_interrupt", source_id, address, data, NULL);
}

bool next_message(uint64_t *address, uint32_t *data)
{
    uint64_t second = 0;
    *address = ask("next_message", 0, 0, 0, &second);
    *data = (uint32_t)second;
    return *address != 0;
}

void wait_clocks(uint32_t clocks)
{
    ask("wait_clocks", clocks, 0, 0, NULL);
}

void print(const char *format, ...)
{
    char line[LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    call("print", 0, 0, 0, NULL, line);
}
