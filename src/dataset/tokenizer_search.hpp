#pragma once

#include "aiperf/dataset/tokenizer.hpp"

#include <filesystem>
#include <string>

namespace aiperf::dataset {

/// What a name leads to: an encoding that is compiled in, or a tokenizer.json.
struct TokenizerPlace {
    std::string encoding;        ///< empty for a file
    std::filesystem::path file;  ///< empty for an encoding
};

/// Follows the rules of open_tokenizer(). Throws base::ConfigError where the name leads nowhere.
[[nodiscard]] TokenizerPlace find_tokenizer(const TokenizerSearch& search);

/// Bytes of a tokenizer.json. Throws base::ConfigError where it cannot be read.
[[nodiscard]] std::string read_tokenizer_file(const TokenizerSearch& search, const std::filesystem::path& file);

}  // namespace aiperf::dataset
