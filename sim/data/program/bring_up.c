/* Brings the unit up from nothing: DMA remapping, a fault, the invalidation queue, interrupt remapping.
 *
 *     vtd program bring_up.c
 *
 * compiles it against the header of the configured unit and runs it on the unit in simulation. Tables are in host
 * memory below 1 MiB, as small as they can be. main returns 0, or the line at which something was not as expected. */

#include <stddef.h>

#include "platform.h"
#include "vtd_unit.h"

#define OFFSET(name) ((uint32_t)offsetof(vtd_unit_t, name))
#define FIELD(name, value) ((uint64_t)(value) << VTD_UNIT__##name##_bp)
#define MASK(name) ((uint64_t)VTD_UNIT__##name##_bm)
#define GET(name, value) (((value) & MASK(name)) >> VTD_UNIT__##name##_bp)

#define EXPECT(condition)                                    \
    do {                                                     \
        if (!(condition)) {                                  \
            print("line %d: not so: %s", __LINE__, #condition); \
            return __LINE__;                                 \
        }                                                    \
    } while (0)

enum {
    DEVICE = 0x0010,   /* 00:02.0 */
    STRANGER = 0x0018, /* 00:03.0 */
    DOMAIN = 1,
    VECTOR = 0x41,
    FAULT_VECTOR = 0x30,
    LEVEL_ASSERTED = 1 << 14, /* in the data of every remapped interrupt */
};

/* Host memory. */
enum {
    ROOT_TABLE = 0x1000,
    CONTEXT_TABLE = 0x2000,
    LEVEL_3 = 0x3000,
    LEVEL_2 = 0x4000,
    LEVEL_1 = 0x5000,
    QUEUE = 0x6000,
    STATUS = 0x7000,
    INTERRUPT_TABLE = 0x8000,
    LEVEL_4 = 0x9000,
    LEVEL_5 = 0xa000,
    BUFFER = 0x20000,
    OTHER_BUFFER = 0x21000,
};

enum { IOVA = 0x40000000, READ = 1, WRITE = 2, PATIENCE = 1000 };

static const uint64_t PROCESSOR = 0xfee00000;

/* The second fault goes to the second record, where there is one. */
enum { RECORDS = sizeof((vtd_unit_t *)0)->FRCD / sizeof((vtd_unit_t *)0)->FRCD[0], SECOND = 1 % RECORDS };

/* GCMD holds levels: what stays on is written again, one command at a time (rule 18). */
static bool command(uint64_t bit, uint64_t levels)
{
    register_write32(OFFSET(GCMD), (uint32_t)(levels | bit));
    for (int polls = 0; polls < PATIENCE; polls++) {
        if (register_read32(OFFSET(GSTS)) & bit) {
            return true;
        }
    }
    return false;
}

static void make_tables(void)
{
    /* The narrowest tables that the unit has; AW 1, 2, 3 is 39, 48, 57 bits in three, four, five levels. */
    static const uint64_t tops[] = {0, LEVEL_3, LEVEL_4, LEVEL_5};
    uint64_t widths = GET(CAP__SAGAW, register_read64(OFFSET(CAP)));
    unsigned aw = widths & 1 << 1 ? 1 : widths & 1 << 2 ? 2 : 3;
    memory_write(ROOT_TABLE, CONTEXT_TABLE | 1); /* bus 0 */
    memory_write(CONTEXT_TABLE + DEVICE * 16, tops[aw] | 1);
    memory_write(CONTEXT_TABLE + DEVICE * 16 + 8, DOMAIN << 8 | aw);
    memory_write(LEVEL_5, LEVEL_4 | READ | WRITE); /* IOVA is in the first 512 GiB */
    memory_write(LEVEL_4, LEVEL_3 | READ | WRITE);
    memory_write(LEVEL_3 + (IOVA >> 30) * 8, LEVEL_2 | READ | WRITE);
    memory_write(LEVEL_2, LEVEL_1 | READ | WRITE);
}

static void map(uint64_t iova, uint64_t page, unsigned permissions)
{
    memory_write(LEVEL_1 + (iova >> 12 & 511) * 8, page | permissions);
}

/* Two descriptors: what to forget, and a wait that writes STATUS when it is done. */
static bool invalidate(uint64_t low, uint64_t high)
{
    uint64_t tail = register_read64(OFFSET(IQT));
    memory_write(QUEUE + tail, low);
    memory_write(QUEUE + tail + 8, high);
    memory_write(QUEUE + tail + 16, (uint64_t)1 << 32 | 1 << 5 | 5); /* wait, status write, data 1 */
    memory_write(QUEUE + tail + 24, STATUS);
    memory_write(STATUS, 0);
    register_write64(OFFSET(IQT), (tail + 32) % 4096);
    for (int polls = 0; polls < PATIENCE && !memory_read(STATUS); polls++) {
        wait_clocks(10);
    }
    return memory_read(STATUS) == 1;
}

static bool message(uint64_t *address, uint32_t *data)
{
    for (int polls = 0; polls < PATIENCE; polls++) {
        if (next_message(address, data)) {
            return true;
        }
        wait_clocks(10);
    }
    return false;
}

static int remap_dma(void)
{
    uint64_t value;
    EXPECT(device_write(STRANGER, BUFFER, 1)); /* nothing is remapped yet */
    print("before: a device writes wherever it wants");

    make_tables();
    map(IOVA, BUFFER, READ | WRITE);
    register_write64(OFFSET(RTADDR), ROOT_TABLE);
    EXPECT(command(MASK(GCMD__SRTP), 0));
    EXPECT(command(MASK(GCMD__TE), 0));
    EXPECT(device_write(DEVICE, IOVA, 0x1122334455667788));
    EXPECT(memory_read(BUFFER) == 0x1122334455667788);
    EXPECT(device_read(DEVICE, IOVA, &value) && value == 0x1122334455667788);
    print("translation on: DMA at 0x%x reaches host memory at 0x%x", IOVA, BUFFER);
    return 0;
}

static int take_fault(void)
{
    uint64_t value, address, high;
    uint32_t data;
    register_write32(OFFSET(FEDATA), FAULT_VECTOR);
    register_write32(OFFSET(FEADDR), (uint32_t)PROCESSOR);
    register_write32(OFFSET(FECTL), 0); /* unmask */
    EXPECT(!device_read(STRANGER, IOVA, &value) && value == 0);
    EXPECT(message(&address, &data) && data == FAULT_VECTOR);
    EXPECT(register_read32(OFFSET(FSTS)) & MASK(FSTS__PPF));

    high = register_read64(OFFSET(FRCD[0].HI));
    print("fault event: source-id 0x%04x refused at 0x%llx, reason 0x%x", (unsigned)GET(FRCD__HI__SID, high),
          (unsigned long long)register_read64(OFFSET(FRCD[0].LO)), (unsigned)GET(FRCD__HI__FR, high));
    EXPECT(GET(FRCD__HI__SID, high) == STRANGER);
    EXPECT(GET(FRCD__HI__FR, high) == 2); /* context-entry not present */
    register_write64(OFFSET(FRCD[0].HI), MASK(FRCD__HI__F));
    EXPECT(!(register_read32(OFFSET(FSTS)) & MASK(FSTS__PPF)));
    return 0;
}

static int change_a_mapping(void)
{
    register_write64(OFFSET(IQA), QUEUE); /* one page: 256 descriptors of 16 bytes */
    EXPECT(command(MASK(GCMD__QIE), MASK(GCMD__TE)));
    map(IOVA, OTHER_BUFFER, READ | WRITE);
    unsigned selective = register_read64(OFFSET(CAP)) & MASK(CAP__PSI) ? 3 : 2; /* by page, or by domain */
    EXPECT(invalidate((uint64_t)DOMAIN << 16 | selective << 4 | 2, IOVA));      /* IOTLB */
    EXPECT(device_write(DEVICE, IOVA, 0x99));
    EXPECT(memory_read(OTHER_BUFFER) == 0x99 && memory_read(BUFFER) == 0x1122334455667788);
    print("page invalidated by queue: DMA at 0x%x reaches 0x%x", IOVA, OTHER_BUFFER);
    return 0;
}

static int remap_interrupts(void)
{
    uint64_t address;
    uint32_t data;
    uint64_t on = MASK(GCMD__TE) | MASK(GCMD__QIE);
    memory_write(INTERRUPT_TABLE, (uint64_t)2 << 40 | VECTOR << 16 | 1); /* entry 0: to the processor with ID 2 */
    memory_write(INTERRUPT_TABLE + 8, 1 << 18 | DEVICE);                 /* only for this device */
    register_write64(OFFSET(IRTA), INTERRUPT_TABLE | 7);                 /* 256 entries */
    EXPECT(command(MASK(GCMD__SIRTP), on));
    EXPECT(invalidate(4, 0)); /* interrupt entry cache, global */
    EXPECT(command(MASK(GCMD__IRE), on));

    EXPECT(device_interrupt(DEVICE, PROCESSOR | 1 << 4, 0)); /* remappable format, handle 0 */
    EXPECT(message(&address, &data));
    EXPECT(address == (PROCESSOR | 2 << 12) && data == (LEVEL_ASSERTED | VECTOR));
    print("interrupt remapped: 0x%x to 0x%llx", (unsigned)data, (unsigned long long)address);

    device_interrupt(STRANGER, PROCESSOR | 1 << 4, 0);
    EXPECT(message(&address, &data) && data == FAULT_VECTOR);
    EXPECT(GET(FRCD__HI__FR, register_read64(OFFSET(FRCD[SECOND].HI))) == 0x26);
    print("and the one of a stranger is refused");
    return 0;
}

int main(void)
{
    static int (*const parts[])(void) = {remap_dma, take_fault, change_a_mapping, remap_interrupts};
    print("version %u.%u", (unsigned)GET(VER__MAX, register_read32(OFFSET(VER))),
          (unsigned)GET(VER__MIN, register_read32(OFFSET(VER))));
    for (size_t part = 0; part < sizeof parts / sizeof *parts; part++) {
        int line = parts[part]();
        if (line) {
            return line;
        }
    }
    return 0;
}
