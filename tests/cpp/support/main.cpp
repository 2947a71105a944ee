#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

// Asked by ThreadSanitizer, where it is on. The Rust code of the tokenizers is not instrumented: the sanitizer sees
// what it copies, but not its locks. Names come as "tokenizers::models" and as "$LT$tokenizers..models"; what is not
// named has become a part of our own calls.
extern "C" const char* __tsan_default_suppressions() {
    return "race:tokenizers::\nrace:tokenizers..\nrace:tiktoken_rs\nrace:fancy_regex\nrace:regex_automata\n"
           "race:aiperf_tokenizer_\n";
}
