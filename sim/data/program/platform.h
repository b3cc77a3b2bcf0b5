/* What a program sees of the machine around the unit: registers, host memory, devices, and messages of interrupts.
 *
 * In simulation `vtd program` stands behind these functions, each of which takes a clock at least. On your own machine
 * they are loads and stores. */

#ifndef PLATFORM_H
#define PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

/* Registers of the unit, behind s_axil_; `offset` in bytes. */
uint32_t register_read32(uint32_t offset);
uint64_t register_read64(uint32_t offset);
void register_write32(uint32_t offset, uint32_t value);
void register_write64(uint32_t offset, uint64_t value);

/* Host memory as processors see it: aligned 8 bytes at a host physical address, 0 where nothing was stored. */
uint64_t memory_read(uint64_t address);
void memory_write(uint64_t address, uint64_t value);

/* A device asks the unit for aligned 8 bytes; false when it is refused. `value` is 0 then. */
bool device_read(uint16_t source_id, uint64_t address, uint64_t *value);
bool device_write(uint16_t source_id, uint64_t address, uint64_t value);

/* A device writes a dword to the interrupt range, 0xfee00000 to 0xfeefffff; false when it is refused. */
bool device_interrupt(uint16_t source_id, uint64_t address, uint32_t data);

/* The oldest message that has come out of the unit for a processor; false when there is none. */
bool next_message(uint64_t *address, uint32_t *data);

/* Let clocks pass. */
void wait_clocks(uint32_t clocks);

/* Print a line, as printf does; `vtd program` puts the clock before it. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
