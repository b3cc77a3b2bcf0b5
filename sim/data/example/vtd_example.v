// How to connect vtd_unit: two DMA engines behind it, one memory for their data and for the unit's tables.
//
//   dma_engine 1 \                      / m_axi_      data of permitted requests, messages \
//                 axi_merge -- vtd_unit                                                      memory
//   dma_engine 2 /               |      \ m_axi_mem_  tables, invalidation queue           /
//                             s_axil_
//                            registers
`include "vtd_unit_sizes.vh"

module vtd_example #(
    parameter WORDS_LOG2 = 16  // memory has 2^16 words of 16 bytes, 1 MiB
) (
    input  wire        aclk,
    input  wire        aresetn,
    // Registers of the unit, AXI4-Lite
    input  wire [11:0] s_axil_awaddr,
    input  wire        s_axil_awvalid,
    output wire        s_axil_awready,
    input  wire [63:0] s_axil_wdata,
    input  wire [7:0]  s_axil_wstrb,
    input  wire        s_axil_wvalid,
    output wire        s_axil_wready,
    output wire [1:0]  s_axil_bresp,
    output wire        s_axil_bvalid,
    input  wire        s_axil_bready,
    input  wire [11:0] s_axil_araddr,
    input  wire        s_axil_arvalid,
    output wire        s_axil_arready,
    output wire [63:0] s_axil_rdata,
    output wire [1:0]  s_axil_rresp,
    output wire        s_axil_rvalid,
    input  wire        s_axil_rready,
    // Control of the DMA engines, engine 2 in the upper half of each vector
    input  wire [1:0]   start,
    input  wire [127:0] from,
    input  wire [127:0] to,
    input  wire [31:0]  beats,
    output wire [1:0]   done,
    output wire [1:0]   refused,
    // Messages for the interrupt controller
    output wire        message_valid,
    output wire [31:0] message
);
    localparam ID_BITS = `VTD_ID_BITS, DATA_BITS = `VTD_DATA_BITS;
    localparam MEMORY_ID_BITS = `VTD_MEMORY_ID_BITS, HOST_ADDRESS_BITS = `VTD_HOST_ADDRESS_BITS;
    localparam [2:0] WORD_SIZE = `VTD_DATA_BITS == 128 ? 4 : `VTD_DATA_BITS == 64 ? 3 : 2;  // AxSIZE of a whole word
    localparam [31:0] SOURCE_IDS = {16'h0110, 16'h0108};  // of the engines: 01:02.0, 01:01.0

    // Devices
    wire [1:0]              d_arvalid, d_arready, d_rvalid, d_rready, d_awvalid, d_awready;
    wire [1:0]              d_wvalid, d_wready, d_bvalid, d_bready;
    wire [31:0]             d_source_id;
    wire [127:0]            d_araddr, d_awaddr;
    wire [2*DATA_BITS-1:0]  d_wdata;
    // s_axi_
    wire [ID_BITS-1:0]      s_arid, s_rid, s_awid, s_bid;
    wire [63:0]             s_araddr, s_awaddr;
    wire [15:0]             s_armmusid, s_awmmusid;
    wire                    s_arvalid, s_arready, s_rvalid, s_rready, s_awvalid, s_awready;
    wire                    s_wvalid, s_wready, s_bvalid, s_bready;
    wire [DATA_BITS-1:0]    s_rdata, s_wdata;
    wire [1:0]              s_rresp, s_bresp;
    // m_axi_: its IDs have one bit more than those of devices
    wire [ID_BITS:0]        h_arid, h_rid, h_awid, h_bid;
    wire [63:0]             h_araddr, h_awaddr;
    wire [7:0]              h_arlen;
    wire [2:0]              h_arsize, h_awsize;
    wire                    h_arvalid, h_arready, h_rvalid, h_rready, h_rlast, h_awvalid, h_awready;
    wire                    h_wvalid, h_wready, h_wlast, h_bvalid, h_bready;
    wire [DATA_BITS-1:0]    h_rdata, h_wdata;
    wire [DATA_BITS/8-1:0]  h_wstrb;
    wire [1:0]              h_rresp, h_bresp;
    // m_axi_mem_
    wire [MEMORY_ID_BITS-1:0]    t_arid, t_rid, t_awid, t_bid;
    wire [HOST_ADDRESS_BITS-1:0] t_araddr, t_awaddr;
    wire [7:0]                   t_arlen;
    wire [2:0]                   t_arsize, t_awsize;
    wire                         t_arvalid, t_arready, t_rvalid, t_rready, t_rlast, t_awvalid, t_awready;
    wire                         t_wvalid, t_wready, t_wlast, t_bvalid, t_bready;
    wire [127:0]                 t_rdata, t_wdata;
    wire [15:0]                  t_wstrb;
    wire [1:0]                   t_rresp, t_bresp;
    // Memory
    wire [WORDS_LOG2-1:0] read_word_0, read_word_1, write_word_0, write_word_1;
    wire [127:0]          read_data_0, read_data_1, write_data_0, write_data_1;
    wire [15:0]           write_bytes_0, write_bytes_1;

    genvar n;
    generate for (n = 0; n < 2; n = n + 1) begin : engines
        dma_engine #(.DATA_BITS(DATA_BITS), .SOURCE_ID(SOURCE_IDS[16*n +: 16])) engine (
            .aclk(aclk), .aresetn(aresetn), .start(start[n]), .from(from[64*n +: 64]), .to(to[64*n +: 64]),
            .beats(beats[16*n +: 16]), .done(done[n]), .refused(refused[n]), .source_id(d_source_id[16*n +: 16]),
            .arvalid(d_arvalid[n]), .arready(d_arready[n]), .araddr(d_araddr[64*n +: 64]),
            .rvalid(d_rvalid[n]), .rready(d_rready[n]), .rdata(s_rdata), .rresp(s_rresp),
            .awvalid(d_awvalid[n]), .awready(d_awready[n]), .awaddr(d_awaddr[64*n +: 64]),
            .wvalid(d_wvalid[n]), .wready(d_wready[n]), .wdata(d_wdata[DATA_BITS*n +: DATA_BITS]),
            .bvalid(d_bvalid[n]), .bready(d_bready[n]), .bresp(s_bresp)
        );
    end endgenerate

    axi_merge #(.ID_BITS(ID_BITS), .DATA_BITS(DATA_BITS)) merge (
        .aclk(aclk), .aresetn(aresetn), .source_id(d_source_id),
        .arvalid(d_arvalid), .arready(d_arready), .araddr(d_araddr), .rvalid(d_rvalid), .rready(d_rready),
        .awvalid(d_awvalid), .awready(d_awready), .awaddr(d_awaddr),
        .wvalid(d_wvalid), .wready(d_wready), .wdata(d_wdata), .bvalid(d_bvalid), .bready(d_bready),
        .unit_arid(s_arid), .unit_araddr(s_araddr), .unit_armmusid(s_armmusid),
        .unit_arvalid(s_arvalid), .unit_arready(s_arready),
        .unit_rid(s_rid), .unit_rvalid(s_rvalid), .unit_rready(s_rready),
        .unit_awid(s_awid), .unit_awaddr(s_awaddr), .unit_awmmusid(s_awmmusid),
        .unit_awvalid(s_awvalid), .unit_awready(s_awready),
        .unit_wdata(s_wdata), .unit_wvalid(s_wvalid), .unit_wready(s_wready),
        .unit_bid(s_bid), .unit_bvalid(s_bvalid), .unit_bready(s_bready)
    );

    // Not connected: attributes that this memory does not need.
    /* verilator lint_off PINCONNECTEMPTY */
    vtd_unit unit (
        .aclk(aclk), .aresetn(aresetn),
        // Registers
        .s_axil_awaddr(s_axil_awaddr), .s_axil_awprot(3'b000),
        .s_axil_awvalid(s_axil_awvalid), .s_axil_awready(s_axil_awready),
        .s_axil_wdata(s_axil_wdata), .s_axil_wstrb(s_axil_wstrb),
        .s_axil_wvalid(s_axil_wvalid), .s_axil_wready(s_axil_wready),
        .s_axil_bresp(s_axil_bresp), .s_axil_bvalid(s_axil_bvalid), .s_axil_bready(s_axil_bready),
        .s_axil_araddr(s_axil_araddr), .s_axil_arprot(3'b000),
        .s_axil_arvalid(s_axil_arvalid), .s_axil_arready(s_axil_arready),
        .s_axil_rdata(s_axil_rdata), .s_axil_rresp(s_axil_rresp),
        .s_axil_rvalid(s_axil_rvalid), .s_axil_rready(s_axil_rready),
        // Devices: single beats, the source-id beside the address; no PASID (mmussidv), not translated (mmuatst)
        .s_axi_arid(s_arid), .s_axi_araddr(s_araddr), .s_axi_arlen(8'd0), .s_axi_arsize(WORD_SIZE),
        .s_axi_arburst(2'b01), .s_axi_arlock(1'b0), .s_axi_arcache(4'b0011), .s_axi_arprot(3'b000),
        .s_axi_arqos(4'd0), .s_axi_armmusid(s_armmusid), .s_axi_armmussidv(1'b0), .s_axi_armmussid(20'd0),
        .s_axi_armmuatst(1'b0), .s_axi_arvalid(s_arvalid), .s_axi_arready(s_arready),
        .s_axi_rid(s_rid), .s_axi_rdata(s_rdata), .s_axi_rresp(s_rresp), .s_axi_rlast(),
        .s_axi_rvalid(s_rvalid), .s_axi_rready(s_rready),
        .s_axi_awid(s_awid), .s_axi_awaddr(s_awaddr), .s_axi_awlen(8'd0), .s_axi_awsize(WORD_SIZE),
        .s_axi_awburst(2'b01), .s_axi_awlock(1'b0), .s_axi_awcache(4'b0011), .s_axi_awprot(3'b000),
        .s_axi_awqos(4'd0), .s_axi_awmmusid(s_awmmusid), .s_axi_awmmussidv(1'b0), .s_axi_awmmussid(20'd0),
        .s_axi_awmmuatst(1'b0), .s_axi_awvalid(s_awvalid), .s_axi_awready(s_awready),
        .s_axi_wdata(s_wdata), .s_axi_wstrb({DATA_BITS/8{1'b1}}), .s_axi_wlast(1'b1),
        .s_axi_wvalid(s_wvalid), .s_axi_wready(s_wready),
        .s_axi_bid(s_bid), .s_axi_bresp(s_bresp), .s_axi_bvalid(s_bvalid), .s_axi_bready(s_bready),
        // Host memory, and messages
        .m_axi_arid(h_arid), .m_axi_araddr(h_araddr), .m_axi_arlen(h_arlen), .m_axi_arsize(h_arsize),
        .m_axi_arburst(), .m_axi_arlock(), .m_axi_arcache(), .m_axi_arprot(), .m_axi_arqos(),
        .m_axi_arvalid(h_arvalid), .m_axi_arready(h_arready),
        .m_axi_rid(h_rid), .m_axi_rdata(h_rdata), .m_axi_rresp(h_rresp), .m_axi_rlast(h_rlast),
        .m_axi_rvalid(h_rvalid), .m_axi_rready(h_rready),
        .m_axi_awid(h_awid), .m_axi_awaddr(h_awaddr), .m_axi_awlen(), .m_axi_awsize(h_awsize),
        .m_axi_awburst(), .m_axi_awlock(), .m_axi_awcache(), .m_axi_awprot(), .m_axi_awqos(),
        .m_axi_awvalid(h_awvalid), .m_axi_awready(h_awready),
        .m_axi_wdata(h_wdata), .m_axi_wstrb(h_wstrb), .m_axi_wlast(h_wlast),
        .m_axi_wvalid(h_wvalid), .m_axi_wready(h_wready),
        .m_axi_bid(h_bid), .m_axi_bresp(h_bresp), .m_axi_bvalid(h_bvalid), .m_axi_bready(h_bready),
        // Tables
        .m_axi_mem_arid(t_arid), .m_axi_mem_araddr(t_araddr), .m_axi_mem_arlen(t_arlen), .m_axi_mem_arsize(t_arsize),
        .m_axi_mem_arburst(), .m_axi_mem_arlock(), .m_axi_mem_arcache(), .m_axi_mem_arprot(), .m_axi_mem_arqos(),
        .m_axi_mem_arvalid(t_arvalid), .m_axi_mem_arready(t_arready),
        .m_axi_mem_rid(t_rid), .m_axi_mem_rdata(t_rdata), .m_axi_mem_rresp(t_rresp), .m_axi_mem_rlast(t_rlast),
        .m_axi_mem_rvalid(t_rvalid), .m_axi_mem_rready(t_rready),
        .m_axi_mem_awid(t_awid), .m_axi_mem_awaddr(t_awaddr), .m_axi_mem_awlen(), .m_axi_mem_awsize(t_awsize),
        .m_axi_mem_awburst(), .m_axi_mem_awlock(), .m_axi_mem_awcache(), .m_axi_mem_awprot(), .m_axi_mem_awqos(),
        .m_axi_mem_awvalid(t_awvalid), .m_axi_mem_awready(t_awready),
        .m_axi_mem_wdata(t_wdata), .m_axi_mem_wstrb(t_wstrb), .m_axi_mem_wlast(t_wlast),
        .m_axi_mem_wvalid(t_wvalid), .m_axi_mem_wready(t_wready),
        .m_axi_mem_bid(t_bid), .m_axi_mem_bresp(t_bresp), .m_axi_mem_bvalid(t_bvalid), .m_axi_mem_bready(t_bready)
    );
    /* verilator lint_on PINCONNECTEMPTY */

    axi_to_memory #(
        .ID_BITS(ID_BITS + 1), .ADDRESS_BITS(64), .DATA_BITS(DATA_BITS), .WORDS_LOG2(WORDS_LOG2)
    ) host (
        .aclk(aclk), .aresetn(aresetn),
        .arid(h_arid), .araddr(h_araddr), .arlen(h_arlen), .arsize(h_arsize), .arvalid(h_arvalid), .arready(h_arready),
        .rid(h_rid), .rdata(h_rdata), .rresp(h_rresp), .rlast(h_rlast), .rvalid(h_rvalid), .rready(h_rready),
        .awid(h_awid), .awaddr(h_awaddr), .awsize(h_awsize), .awvalid(h_awvalid), .awready(h_awready),
        .wdata(h_wdata), .wstrb(h_wstrb), .wlast(h_wlast), .wvalid(h_wvalid), .wready(h_wready),
        .bid(h_bid), .bresp(h_bresp), .bvalid(h_bvalid), .bready(h_bready),
        .read_word(read_word_0), .read_data(read_data_0),
        .write_word(write_word_0), .write_data(write_data_0), .write_bytes(write_bytes_0),
        .message_valid(message_valid), .message(message)
    );

    /* verilator lint_off PINCONNECTEMPTY */
    axi_to_memory #(
        .ID_BITS(MEMORY_ID_BITS), .ADDRESS_BITS(HOST_ADDRESS_BITS), .DATA_BITS(128), .WORDS_LOG2(WORDS_LOG2)
    ) tables (
        .aclk(aclk), .aresetn(aresetn),
        .arid(t_arid), .araddr(t_araddr), .arlen(t_arlen), .arsize(t_arsize), .arvalid(t_arvalid), .arready(t_arready),
        .rid(t_rid), .rdata(t_rdata), .rresp(t_rresp), .rlast(t_rlast), .rvalid(t_rvalid), .rready(t_rready),
        .awid(t_awid), .awaddr(t_awaddr), .awsize(t_awsize), .awvalid(t_awvalid), .awready(t_awready),
        .wdata(t_wdata), .wstrb(t_wstrb), .wlast(t_wlast), .wvalid(t_wvalid), .wready(t_wready),
        .bid(t_bid), .bresp(t_bresp), .bvalid(t_bvalid), .bready(t_bready),
        .read_word(read_word_1), .read_data(read_data_1),
        .write_word(write_word_1), .write_data(write_data_1), .write_bytes(write_bytes_1),
        .message_valid(), .message()  // the unit sends its messages on m_axi_
    );
    /* verilator lint_on PINCONNECTEMPTY */

    memory #(.WORDS_LOG2(WORDS_LOG2)) ram (
        .aclk(aclk),
        .read_word_0(read_word_0), .read_data_0(read_data_0),
        .write_word_0(write_word_0), .write_data_0(write_data_0), .write_bytes_0(write_bytes_0),
        .read_word_1(read_word_1), .read_data_1(read_data_1),
        .write_word_1(write_word_1), .write_data_1(write_data_1), .write_bytes_1(write_bytes_1)
    );
endmodule
