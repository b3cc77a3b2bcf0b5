// Memory of 16-byte words with two ports; what is written is read one clock later.
module memory #(
    parameter WORDS_LOG2 = 16
) (
    input  wire                  aclk,
    input  wire [WORDS_LOG2-1:0] read_word_0,
    output wire [127:0]          read_data_0,
    input  wire [WORDS_LOG2-1:0] write_word_0,
    input  wire [127:0]          write_data_0,
    input  wire [15:0]           write_bytes_0,
    input  wire [WORDS_LOG2-1:0] read_word_1,
    output wire [127:0]          read_data_1,
    input  wire [WORDS_LOG2-1:0] write_word_1,
    input  wire [127:0]          write_data_1,
    input  wire [15:0]           write_bytes_1
);
    reg [127:0] words [0:(1 << WORDS_LOG2) - 1];

    assign read_data_0 = words[read_word_0];
    assign read_data_1 = words[read_word_1];

    integer n;
    always @(posedge aclk)
        for (n = 0; n < 16; n = n + 1) begin
            if (write_bytes_0[n]) words[write_word_0][8*n +: 8] <= write_data_0[8*n +: 8];
            if (write_bytes_1[n]) words[write_word_1][8*n +: 8] <= write_data_1[8*n +: 8];
        end
endmodule
