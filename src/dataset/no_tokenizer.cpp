#include "aiperf/base/error.hpp"
#include "aiperf/dataset/tokenizer.hpp"

namespace aiperf::dataset {

bool tokenizers_available() noexcept {
    return false;
}

std::shared_ptr<const Tokenizer> open_tokenizer(const TokenizerSearch& search) {
    throw base::ConfigError("--tokenizer",
                            search.name,
                            "this program was built without tokenizers (no cargo was found, or AIPERF_TOKENIZERS was "
                            "off); use --use-server-token-count, or build it again with cargo installed");
}

}  // namespace aiperf::dataset
