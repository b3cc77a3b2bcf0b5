// A small DMA engine: copies `beats` words from one address to another, one at a time.
//
// What makes it a device of the unit is SOURCE_ID, bus, device and function: it goes with every address, and the unit
// finds the tables of the device by it. A word that is refused ends the copy with `refused`.
module dma_engine #(
    parameter DATA_BITS = 64,
    parameter [15:0] SOURCE_ID = 16'h0000
) (
    input  wire                   aclk,
    input  wire                   aresetn,
    // Control: `from`, `to` and `beats` must stay as they are from `start` to `done`.
    input  wire                   start,
    input  wire [63:0]            from,
    input  wire [63:0]            to,
    input  wire [15:0]            beats,
    output reg                    done,
    output reg                    refused,
    // AXI4 manager, single beats, one request at a time
    output wire [15:0]            source_id,
    output wire                   arvalid,
    input  wire                   arready,
    output wire [63:0]            araddr,
    input  wire                   rvalid,
    output wire                   rready,
    input  wire [DATA_BITS-1:0]   rdata,
    input  wire [1:0]             rresp,
    output reg                    awvalid,
    input  wire                   awready,
    output wire [63:0]            awaddr,
    output reg                    wvalid,
    input  wire                   wready,
    output reg  [DATA_BITS-1:0]   wdata,
    input  wire                   bvalid,
    output wire                   bready,
    input  wire [1:0]             bresp
);
    localparam [2:0] IDLE = 0, READ = 1, READ_DATA = 2, WRITE = 3, WRITE_RESPONSE = 4;
    localparam [1:0] OKAY = 0;
    localparam [63:0] STEP = DATA_BITS / 8;

    reg [2:0]  state;
    reg [63:0] offset;
    reg [15:0] left;

    assign source_id = SOURCE_ID;
    assign araddr    = from + offset;
    assign awaddr    = to + offset;
    assign arvalid   = state == READ;
    assign rready    = state == READ_DATA;
    assign bready    = state == WRITE_RESPONSE;

    always @(posedge aclk) begin
        if (!aresetn) begin
            state   <= IDLE;
            done    <= 0;
            refused <= 0;
            awvalid <= 0;
            wvalid  <= 0;
        end else case (state)
            IDLE: if (start) begin
                state   <= READ;
                done    <= 0;
                refused <= 0;
                offset  <= 0;
                left    <= beats;
            end
            READ: if (arready) state <= READ_DATA;
            READ_DATA: if (rvalid) begin
                wdata <= rdata;
                if (rresp != OKAY) finish(1'b1);
                else begin
                    awvalid <= 1;
                    wvalid  <= 1;
                    state   <= WRITE;
                end
            end
            WRITE: begin  // address and data may be taken in any order
                if (awready) awvalid <= 0;
                if (wready)  wvalid  <= 0;
                if ((!awvalid || awready) && (!wvalid || wready)) state <= WRITE_RESPONSE;
            end
            WRITE_RESPONSE: if (bvalid) begin
                offset <= offset + STEP;
                left   <= left - 1;
                if (bresp != OKAY || left == 1) finish(bresp != OKAY);
                else state <= READ;
            end
            default: state <= IDLE;
        endcase
    end

    task finish(input was_refused);
        begin
            done    <= 1;
            refused <= was_refused;
            state   <= IDLE;
        end
    endtask
endmodule
