// Two managers on one port of the unit. The AXI ID, which comes back with each answer, tells the device: 0 or 1.
//
// Reads and writes are arbitrated apart, each device in turn. A choice stays until the address is taken, and for writes
// until their data are: the unit wants the data in the order of the addresses.
module axi_merge #(
    parameter ID_BITS = 4,
    parameter DATA_BITS = 64
) (
    input  wire                     aclk,
    input  wire                     aresetn,
    // The devices, device 1 in the upper half of each vector
    input  wire [31:0]              source_id,
    input  wire [1:0]               arvalid,
    output wire [1:0]               arready,
    input  wire [127:0]             araddr,
    output wire [1:0]               rvalid,
    input  wire [1:0]               rready,
    input  wire [1:0]               awvalid,
    output wire [1:0]               awready,
    input  wire [127:0]             awaddr,
    input  wire [1:0]               wvalid,
    output wire [1:0]               wready,
    input  wire [2*DATA_BITS-1:0]   wdata,
    output wire [1:0]               bvalid,
    input  wire [1:0]               bready,
    // The unit; data and responses of its answers go to both devices
    output wire [ID_BITS-1:0]       unit_arid,
    output wire [63:0]              unit_araddr,
    output wire [15:0]              unit_armmusid,
    output wire                     unit_arvalid,
    input  wire                     unit_arready,
    input  wire [ID_BITS-1:0]       unit_rid,
    input  wire                     unit_rvalid,
    output wire                     unit_rready,
    output wire [ID_BITS-1:0]       unit_awid,
    output wire [63:0]              unit_awaddr,
    output wire [15:0]              unit_awmmusid,
    output wire                     unit_awvalid,
    input  wire                     unit_awready,
    output wire [DATA_BITS-1:0]     unit_wdata,
    output wire                     unit_wvalid,
    input  wire                     unit_wready,
    input  wire [ID_BITS-1:0]       unit_bid,
    input  wire                     unit_bvalid,
    output wire                     unit_bready
);
    localparam [ID_BITS-1:0] ID_0 = 0, ID_1 = 1;

    // Reads: `reader` is the device whose turn it is; it changes when the other one waits and this one does not.
    reg reader;
    always @(posedge aclk)
        if (!aresetn) reader <= 0;
        else if (arvalid[!reader] && (!arvalid[reader] || unit_arready)) reader <= !reader;

    assign unit_arvalid  = arvalid[reader];
    assign unit_arid     = reader ? ID_1 : ID_0;
    assign unit_araddr   = reader ? araddr[127:64] : araddr[63:0];
    assign unit_armmusid = reader ? source_id[31:16] : source_id[15:0];
    assign arready       = {unit_arready && reader, unit_arready && !reader};
    assign rvalid        = {unit_rvalid && unit_rid == ID_1, unit_rvalid && unit_rid == ID_0};
    assign unit_rready   = unit_rid == ID_1 ? rready[1] : rready[0];

    // Writes: the turn of `writer` ends when both its address and its data were taken, in either order.
    reg writer, address_taken, data_taken;
    wire address_moves = unit_awvalid && unit_awready;
    wire data_moves    = unit_wvalid && unit_wready;
    wire whole         = (address_taken || address_moves) && (data_taken || data_moves);
    wire idle          = !awvalid[writer] && !wvalid[writer] && !address_taken && !data_taken;
    always @(posedge aclk)
        if (!aresetn) begin
            writer        <= 0;
            address_taken <= 0;
            data_taken    <= 0;
        end else begin
            address_taken <= (address_taken || address_moves) && !whole;
            data_taken    <= (data_taken || data_moves) && !whole;
            if (whole || idle) writer <= awvalid[!writer] ? !writer : writer;
        end

    assign unit_awvalid  = awvalid[writer] && !address_taken;
    assign unit_awid     = writer ? ID_1 : ID_0;
    assign unit_awaddr   = writer ? awaddr[127:64] : awaddr[63:0];
    assign unit_awmmusid = writer ? source_id[31:16] : source_id[15:0];
    assign unit_wvalid   = wvalid[writer] && !data_taken;
    assign unit_wdata    = writer ? wdata[2*DATA_BITS-1:DATA_BITS] : wdata[DATA_BITS-1:0];
    assign awready       = {unit_awready && !address_taken && writer, unit_awready && !address_taken && !writer};
    assign wready        = {unit_wready && !data_taken && writer, unit_wready && !data_taken && !writer};
    assign bvalid        = {unit_bvalid && unit_bid == ID_1, unit_bvalid && unit_bid == ID_0};
    assign unit_bready   = unit_bid == ID_1 ? bready[1] : bready[0];
endmodule
