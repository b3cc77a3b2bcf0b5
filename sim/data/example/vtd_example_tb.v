// Brings vtd_example up as a driver would, and checks what comes of it. Prints PASS for each check; the first FAIL ends
// the simulation with an exit status that is not 0.
`include "vtd_unit_sizes.vh"

// A testbench sets what a register begins with, and looks at some bits only.
/* verilator lint_off PROCASSINIT */
/* verilator lint_off UNUSEDSIGNAL */

module vtd_example_tb;
    // Registers
    localparam [11:0] VER = 'h000, GCMD = 'h018, GSTS = 'h01c, RTADDR = 'h020, FSTS = 'h034, FECTL = 'h038;
    localparam [11:0] FEDATA = 'h03c, FEADDR = 'h040, FRCD_LOW = `VTD_FRO, FRCD_HIGH = `VTD_FRO + 8;
    localparam [31:0] SRTP = 32'h4000_0000, TE = 32'h8000_0000, PPF = 32'h2;
    localparam [7:0]  READ_NOT_PERMITTED = 8'h06;

    // Memory: tables of 4 KiB from ROOT on, then the pages of device 1
    localparam [63:0] ROOT = 'h10000, CONTEXT = 'h11000, LEVELS = 'h12000, EMPTY = 'h18000;
    localparam [63:0] PAGE_A = 'h20000, PAGE_B = 'h21000;
    localparam [63:0] IOVA = 64'h0000_0000_4000_0000;  // what devices call PAGE_A; PAGE_B follows
    localparam [63:0] READ = 1, WRITE = 2, PRESENT = 1;
    localparam [127:0] SOURCE_1 = 'h08, SOURCE_2 = 'h10;  // device and function on bus 1
    localparam BYTES = `VTD_DATA_BITS / 8, BEATS = 16;

    reg aclk = 0, aresetn = 0;
    always #5 aclk = !aclk;

    reg  [11:0]  awaddr, araddr;
    reg  [63:0]  wdata;
    reg  [7:0]   wstrb;
    reg          awvalid = 0, wvalid = 0, arvalid = 0;
    wire         awready, wready, bvalid, arready, rvalid;
    wire [63:0]  rdata;
    wire [1:0]   bresp, rresp;
    reg  [1:0]   start = 0;
    reg  [127:0] from, to;
    wire [1:0]   done, refused;
    wire         message_valid;
    wire [31:0]  message;

    vtd_example example (
        .aclk(aclk), .aresetn(aresetn),
        .s_axil_awaddr(awaddr), .s_axil_awvalid(awvalid), .s_axil_awready(awready),
        .s_axil_wdata(wdata), .s_axil_wstrb(wstrb), .s_axil_wvalid(wvalid), .s_axil_wready(wready),
        .s_axil_bresp(bresp), .s_axil_bvalid(bvalid), .s_axil_bready(1'b1),
        .s_axil_araddr(araddr), .s_axil_arvalid(arvalid), .s_axil_arready(arready),
        .s_axil_rdata(rdata), .s_axil_rresp(rresp), .s_axil_rvalid(rvalid), .s_axil_rready(1'b1),
        .start(start), .from(from), .to(to), .beats({16'd16, 16'd16}), .done(done), .refused(refused),
        .message_valid(message_valid), .message(message)
    );

    // Checks
    integer checks = 0;
    task check(input good, input [8*48-1:0] what);
        if (good) begin
            checks = checks + 1;
            $display("PASS %0s", what);
        end else begin
            $display("FAIL %0s, at %0t", what, $time);
            $fatal;
        end
    endtask

    reg        got_message = 0;
    reg [31:0] last_message;
    always @(posedge aclk) if (message_valid) begin
        got_message  <= 1;
        last_message <= message;
    end

    initial begin
        #100_000;
        check(0, "the simulation takes too long");
    end

    // Registers: 8 bytes wide, the lower or the upper half of them by strobes. Signals change at falling edges.
    task write_register(input [11:0] address, input [63:0] value, input is_wide);
        begin
            @(negedge aclk);
            awaddr  = address;
            wdata   = address[2] ? {value[31:0], 32'd0} : value;
            wstrb   = is_wide ? 8'hff : address[2] ? 8'hf0 : 8'h0f;
            awvalid = 1;
            wvalid  = 1;
            while (awvalid || wvalid || !bvalid) begin
                @(posedge aclk);
                #1;
                if (awvalid && aw_taken) awvalid = 0;
                if (wvalid && w_taken) wvalid = 0;
            end
            @(posedge aclk);
        end
    endtask

    reg [63:0] value;
    task read_register(input [11:0] address);  // into `value`
        begin
            @(negedge aclk);
            araddr  = address;
            arvalid = 1;
            while (!rvalid) begin
                @(posedge aclk);
                #1;
                if (ar_taken) arvalid = 0;
            end
            value = address[2] ? {32'd0, rdata[63:32]} : rdata;
            @(posedge aclk);
        end
    endtask

    reg aw_taken = 0, w_taken = 0, ar_taken = 0;
    always @(posedge aclk) begin
        aw_taken <= awvalid && awready;
        w_taken  <= wvalid && wready;
        ar_taken <= arvalid && arready;
    end

    task wait_for(input [11:0] address, input [31:0] mask);
        begin
            value = 0;
            while ((value[31:0] & mask) != mask) read_register(address);
        end
    endtask

    // Memory, from behind
    task write_memory(input [63:0] address, input [63:0] data);
        if (address[3]) example.ram.words[address[19:4]][127:64] = data;
        else example.ram.words[address[19:4]][63:0] = data;
    endtask

    function [63:0] read_memory(input [63:0] address);
        read_memory = address[3] ? example.ram.words[address[19:4]][127:64] : example.ram.words[address[19:4]][63:0];
    endfunction

    // A table entry for IOVA at `level`: 9 bits of the address choose it.
    function [63:0] entry_of(input [63:0] table_address, input integer level, input [63:0] address);
        entry_of = table_address + ((address >> (12 + 9 * (level - 1))) & 64'h1ff) * 8;
    endfunction

    integer    level, n;
    reg [63:0] place;
    task build_tables;
        begin
            for (n = 0; n < 65536; n = n + 1) example.ram.words[n] = 0;
            write_memory(ROOT + 16 * 1, CONTEXT | PRESENT);  // bus 1
            // Context-entries: the top table and P below, domain-id (1 and 2) and address width above
            place = CONTEXT + 16 * SOURCE_1[63:0];
            write_memory(place, LEVELS | PRESENT);
            write_memory(place + 8, 64'd1 << 8 | `VTD_ADDRESS_WIDTH);
            place = CONTEXT + 16 * SOURCE_2[63:0];
            write_memory(place, EMPTY | PRESENT);
            write_memory(place + 8, 64'd2 << 8 | `VTD_ADDRESS_WIDTH);
            // Tables of device 1, from the top down; device 2 has an empty one
            place = LEVELS;
            for (level = `VTD_LEVELS; level > 1; level = level - 1) begin
                write_memory(entry_of(place, level, IOVA), (place + 64'h1000) | READ | WRITE);
                place = place + 64'h1000;
            end
            write_memory(entry_of(place, 1, IOVA), PAGE_A | READ);
            write_memory(entry_of(place, 1, IOVA + 64'h1000), PAGE_B | READ | WRITE);
            for (n = 0; n < 512; n = n + 1) write_memory(PAGE_A + 8 * n, {32'hC0FFEE00, n});
        end
    endtask

    task run(input [1:0] engines);
        begin
            @(negedge aclk) start = engines;
            @(negedge aclk) start = 0;
            wait ((done & engines) == engines);
            @(negedge aclk);
        end
    endtask

    function integer copied(input [63:0] address);  // 8-byte words that are as in PAGE_A
        begin
            copied = 0;
            for (n = 0; n < BEATS * BYTES / 8; n = n + 1)
                if (read_memory(address + 8 * n) == {32'hC0FFEE00, n}) copied = copied + 1;
        end
    endfunction

    initial begin
        build_tables;
        repeat (4) @(posedge aclk);
        @(negedge aclk) aresetn = 1;

        read_register(VER);
        check(value[7:0] == `VTD_VERSION, "VER tells the version");

        // Where a fault shall be reported, then the tables, then translation
        write_register(FEDATA, 64'h31, 0);
        write_register(FEADDR, 64'hFEE00000, 0);
        write_register(FECTL, 0, 0);
        write_register(RTADDR, ROOT, 1);
        write_register(GCMD, {32'd0, SRTP}, 0);
        wait_for(GSTS, SRTP);
        write_register(GCMD, {32'd0, TE}, 0);
        wait_for(GSTS, TE);
        check(1, "translation is on");

        // Device 1 may read page A and write page B
        from = {IOVA, IOVA};
        to   = {IOVA + 64'h1000, IOVA + 64'h1000};
        run(2'b01);
        check(!refused[0], "device 1 may copy page A to page B");
        check(copied(PAGE_B) == BEATS * BYTES / 8, "page B has the words of page A");

        // and may not write page A
        to[63:0] = IOVA;
        run(2'b01);
        check(refused[0], "device 1 may not write page A");
        read_register(FRCD_HIGH);
        check(value[63] && value[39:32] == 8'h05 && value[15:0] == 16'h0108, "the record says so: write, of 01:01.0");
        write_register(FRCD_HIGH, 64'h8000_0000_0000_0000, 1);

        // Device 2 may do nothing; device 1 works beside it
        for (n = 0; n < 512; n = n + 1) write_memory(PAGE_B + 8 * n, 0);
        got_message = 0;
        to[63:0] = IOVA + 64'h1000;
        run(2'b11);
        check(refused[1], "device 2 is refused");
        check(!refused[0] && copied(PAGE_B) == BEATS * BYTES / 8, "device 1 copies at the same time");
        read_register(FSTS);
        check((value[31:0] & PPF) != 0, "FSTS has a pending fault");
        check(value[15:8] == 8'd1, "FSTS points to the second record");
        read_register(FRCD_LOW + 16);
        check(value == IOVA, "the record has the address");
        read_register(FRCD_HIGH + 16);
        check(value[63] && value[39:32] == READ_NOT_PERMITTED && value[15:0] == 16'h0110, "and says: read, of 01:02.0");
        check(got_message && last_message == 32'h31, "the fault was reported by a message");

        // Software takes the record
        write_register(FRCD_HIGH + 16, 64'h8000_0000_0000_0000, 1);
        read_register(FSTS);
        check((value[31:0] & PPF) == 0, "no fault is pending any more");
        $display("PASS all %0d checks", checks);
        $finish;
    end
endmodule
