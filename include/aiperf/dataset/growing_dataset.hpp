#pragma once

#include "aiperf/dataset/dataset.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace aiperf::dataset {

/// What is known of a conversation before its texts are made.
struct ConversationShape {
    std::string id;         ///< what artifacts call it
    std::size_t turns = 0;  ///< at least one
};

/// A data set that is made while others read the first of it, here and in other processes: how many conversations of
/// how many turns there are is known from the start, the turns are added in order.
///
///     GrowingDataset growing(shapes);
///     start_workers(growing.dataset());  // they send what is ready()
///     for (const auto& turns : made) { growing.add(turns); }
///     growing.finish();
///
/// Nothing of it moves: a memfd grows below addresses that were reserved for as much as the machine's memory holds, and
/// cannot shrink. Where the kernel can (Linux 5.1), nobody but its maker may write to it.
///
/// *Thread safety*: one maker; dataset() and what it gives from any thread.
class GrowingDataset {
public:
    /// Throws base::SystemError.
    explicit GrowingDataset(const std::vector<ConversationShape>& shapes);
    ~GrowingDataset();
    GrowingDataset(const GrowingDataset&) = delete;
    GrowingDataset& operator=(const GrowingDataset&) = delete;

    /// Adds the turns of the next conversation, as many as its shape says; what they refer to is copied. Throws
    /// base::SystemError where there is no memory, base::RunError where the addresses are used up.
    void add(const std::vector<Dataset::Entry>& turns);

    /// Nothing is added any more, also where conversations are missing: those never get ready. Idempotent.
    void finish();

    /// What is made. Outlives this.
    [[nodiscard]] std::shared_ptr<const Dataset> dataset() const noexcept;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace aiperf::dataset
