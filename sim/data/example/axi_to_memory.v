// An AXI4 subordinate in front of one port of a memory of 16-byte words: incrementing bursts, one of each direction at
// a time. Every access gets an answer, one outside of memory DECERR: a unit that gets no answer waits forever.
//
// A write to the interrupt range, 0xFEExxxxx, is no access to memory but a message for the interrupt controller.
// Exclusive accesses are answered OKAY, which says that this memory has none: interrupt posting would need them.
module axi_to_memory #(
    parameter ID_BITS = 4,
    parameter ADDRESS_BITS = 64,
    parameter DATA_BITS = 64,
    parameter WORDS_LOG2 = 16
) (
    input  wire                     aclk,
    input  wire                     aresetn,
    // AXI4 subordinate
    input  wire [ID_BITS-1:0]       arid,
    input  wire [ADDRESS_BITS-1:0]  araddr,
    input  wire [7:0]               arlen,
    input  wire [2:0]               arsize,
    input  wire                     arvalid,
    output wire                     arready,
    output reg  [ID_BITS-1:0]       rid,
    output wire [DATA_BITS-1:0]     rdata,
    output wire [1:0]               rresp,
    output wire                     rlast,
    output reg                      rvalid,
    input  wire                     rready,
    input  wire [ID_BITS-1:0]       awid,
    input  wire [ADDRESS_BITS-1:0]  awaddr,
    input  wire [2:0]               awsize,
    input  wire                     awvalid,
    output wire                     awready,
    input  wire [DATA_BITS-1:0]     wdata,
    input  wire [DATA_BITS/8-1:0]   wstrb,
    input  wire                     wlast,
    input  wire                     wvalid,
    output wire                     wready,
    output reg  [ID_BITS-1:0]       bid,
    output reg  [1:0]               bresp,
    output reg                      bvalid,
    input  wire                     bready,
    // Memory
    output wire [WORDS_LOG2-1:0]    read_word,
    input  wire [127:0]             read_data,
    output wire [WORDS_LOG2-1:0]    write_word,
    output wire [127:0]             write_data,
    output wire [15:0]              write_bytes,
    // Interrupt controller
    output wire                     message_valid,
    output wire [31:0]              message
);
    localparam [1:0] OKAY = 0, DECERR = 3;
    localparam [3:0] LANE = DATA_BITS == 128 ? 4'd0 : DATA_BITS == 64 ? 4'd8 : 4'd12;  // address bits of the part of a word

    // Reads
    reg [ADDRESS_BITS-1:0] read_address;
    reg [7:0]              beats_left;
    reg [2:0]              read_size;
    wire [6:0]             read_shift = {read_address[3:0] & LANE, 3'b000};

    assign arready   = !rvalid;
    assign read_word = read_address[4 +: WORDS_LOG2];
    assign rdata     = read_data[read_shift +: DATA_BITS];
    assign rresp     = in_memory(read_address) ? OKAY : DECERR;
    assign rlast     = beats_left == 0;
    always @(posedge aclk)
        if (!aresetn) rvalid <= 0;
        else if (!rvalid) begin
            rvalid       <= arvalid;
            rid          <= arid;
            read_address <= araddr;
            beats_left   <= arlen;
            read_size    <= arsize;
        end else if (rready) begin
            rvalid       <= !rlast;
            read_address <= next(read_address, read_size);
            beats_left   <= beats_left - 1;
        end

    // Writes
    reg                    writing;
    reg [ADDRESS_BITS-1:0] write_address;
    reg [2:0]              write_size;
    wire [6:0]             write_shift = {write_address[3:0] & LANE, 3'b000};
    wire                   store = writing && wvalid;
    wire                   to_memory = in_memory(write_address);
    wire                   to_interrupts = write_address[31:20] == 12'hFEE;

    assign awready       = !writing && !bvalid;
    assign wready        = writing;
    assign write_word    = write_address[4 +: WORDS_LOG2];
    assign write_data    = {{(128 - DATA_BITS){1'b0}}, wdata} << write_shift;
    assign write_bytes   = store && to_memory ? {{(16 - DATA_BITS/8){1'b0}}, wstrb} << write_shift[6:3] : 16'd0;
    assign message_valid = store && to_interrupts && !to_memory;
    assign message       = wdata[31:0];
    always @(posedge aclk)
        if (!aresetn) begin
            writing <= 0;
            bvalid  <= 0;
        end else begin
            if (awvalid && awready) begin
                writing       <= 1;
                bid           <= awid;
                write_address <= awaddr;
                write_size    <= awsize;
            end
            if (store) begin
                write_address <= next(write_address, write_size);
                writing       <= !wlast;
                bvalid        <= wlast;
                bresp         <= to_memory || to_interrupts ? OKAY : DECERR;
            end
            if (bvalid && bready) bvalid <= 0;
        end

    function in_memory(input [ADDRESS_BITS-1:0] address);
        in_memory = address >> (WORDS_LOG2 + 4) == 0;
    endfunction

    function [ADDRESS_BITS-1:0] next(input [ADDRESS_BITS-1:0] address, input [2:0] size);
        next = (address >> size << size) + ({{(ADDRESS_BITS - 1){1'b0}}, 1'b1} << size);
    endfunction
endmodule
