#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

// Asked by ThreadSanitizer, where it is on. The Rust code of the tokenizers is not instrumented: the sanitizer sees
// what it copies, but not its locks.
extern "C" const char* __tsan_default_suppressions() {
    return "race:tokenizers::\nrace:tiktoken_rs::\nrace:fancy_regex::\nrace:regex_automata::\n";
}
