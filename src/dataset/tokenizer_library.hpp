#pragma once

#include <cstddef>
#include <cstdint>

/// The C interface of the Rust library in tokenizers/; its lib.rs has the rules. No exception and no panic passes it.
extern "C" {

struct AiperfEncoder;

/// Where the words of a failure go.
struct AiperfMessage {
    char* text;
    std::size_t capacity;  ///< bytes
    std::size_t size;      ///< bytes written, set by a failing call
};

/// Answers; the numbers are those of `Code` in lib.rs.
enum AiperfCode : std::int32_t {
    aiperf_ok = 0,
    aiperf_refused = 1,
    aiperf_buffer_too_small = 2,
    aiperf_unknown_id = 3,
    aiperf_panicked = 4,
};

AiperfCode aiperf_tokenizer_open_json(const char* data, std::size_t size, AiperfEncoder** out, AiperfMessage* message);

AiperfCode aiperf_tokenizer_open_encoding(const char* name,
                                          std::size_t size,
                                          AiperfEncoder** out,
                                          AiperfMessage* message);

void aiperf_tokenizer_close(AiperfEncoder* encoder);

std::uint32_t aiperf_tokenizer_added_special_tokens(const AiperfEncoder* encoder);

AiperfCode aiperf_tokenizer_count(
    const AiperfEncoder* encoder, const char* text, std::size_t size, std::size_t* count, AiperfMessage* message);

AiperfCode aiperf_tokenizer_encode(const AiperfEncoder* encoder,
                                   const char* text,
                                   std::size_t size,
                                   std::uint32_t* ids,
                                   std::size_t capacity,
                                   std::size_t* needed,
                                   AiperfMessage* message);

AiperfCode aiperf_tokenizer_decode(const AiperfEncoder* encoder,
                                   const std::uint32_t* ids,
                                   std::size_t count,
                                   char* text,
                                   std::size_t capacity,
                                   std::size_t* needed,
                                   AiperfMessage* message);
}
