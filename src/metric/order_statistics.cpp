#include "order_statistics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>

namespace aiperf::metric {
namespace {

/// Puts the order statistics `ranks` (ascending) of values in their places; `offset` is the rank of values[0]. Halving
/// the ranks keeps the work at n log(ranks), far below a sort.
void select(std::span<double> values, std::size_t offset, std::span<const std::size_t> ranks) {
    if (ranks.empty() || values.size() < 2) {
        return;
    }
    const std::size_t middle = ranks.size() / 2;
    const std::size_t at = ranks[middle] - offset;
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
    select(values.first(at), offset, ranks.first(middle));
    select(values.subspan(at + 1), offset + at + 1, ranks.subspan(middle + 1));
}

/// Buckets of equal width over where most values are, in ascending order; the first and the last take what is beyond.
class Buckets {
public:
    static constexpr std::size_t k_count = 4096;

    /// Absent: too many values are alike.
    static std::optional<Buckets> over(std::span<const double> values) {
        constexpr std::size_t k_sample = 512;
        std::array<double, k_sample> sample{};
        for (std::size_t i = 0; i < k_sample; ++i) {
            sample[i] = values[i * (values.size() / k_sample)];
        }
        std::sort(sample.begin(), sample.end());
        const double low = sample[k_sample / 64];
        const double width = sample[k_sample - 1 - k_sample / 64] - low;
        if (!(width > 0.0) || !std::isfinite(width) || !std::isfinite(k_count / width)) {
            return std::nullopt;
        }
        return Buckets(low, (k_count - 2) / width);
    }

    /// Of a greater value it is never smaller.
    [[nodiscard]] std::size_t of(double value) const noexcept {
        const double at = (value - low_) * scale_;
        return at < 0.0 ? 0 : at < k_count - 2 ? static_cast<std::size_t>(at) + 1 : k_count - 1;
    }

private:
    Buckets(double low, double scale)
        : low_(low),
          scale_(scale) {}

    double low_;
    double scale_;
};

/// Values of the buckets that hold wanted ranks, bucket after bucket.
struct Gathered {
    struct Part {
        std::size_t first_rank = 0;  // of its values
        std::size_t count = 0;       // of them
        std::size_t at = 0;          // of its first value
        std::size_t stored = 0;      // values from there on: all, or one where they are alike
    };

    std::vector<Part> parts;
    std::vector<double> values;
};

/// What a bucket holds.
struct Content {
    std::size_t count = 0;
    double any = 0.0;        // one of its values
    bool is_wanted = false;  // a rank asked for is in it
    bool is_mixed = false;   // a wanted one's values differ
    std::size_t next = 0;    // where the next value of a wanted, mixed one goes
};

/// Absent where they are a large part of all values.
std::optional<Gathered> gather(std::span<const double> values,
                               const Buckets& buckets,
                               std::span<const std::size_t> ranks) {
    std::vector<Content> contents(Buckets::k_count);
    for (const double value : values) {
        Content& content = contents[buckets.of(value)];
        ++content.count;
        content.any = value;
    }
    std::size_t rank = 0;
    for (Content& content : contents) {
        const auto wanted = std::lower_bound(ranks.begin(), ranks.end(), rank);
        rank += content.count;
        content.is_wanted = wanted != ranks.end() && *wanted < rank;
    }
    for (const double value : values) {
        Content& content = contents[buckets.of(value)];
        content.is_mixed = content.is_mixed || (content.is_wanted && value != content.any);
    }
    Gathered out;
    std::size_t size = 0;
    rank = 0;
    for (Content& content : contents) {
        if (content.is_wanted) {
            const std::size_t stored = content.is_mixed ? content.count : 1;
            out.parts.push_back({rank, content.count, size, stored});
            content.next = size;
            size += stored;
        }
        rank += content.count;
    }
    if (size > values.size() / 4) {
        return std::nullopt;
    }
    out.values.resize(size);
    for (const Content& content : contents) {
        if (content.is_wanted && !content.is_mixed) {
            out.values[content.next] = content.any;
        }
    }
    for (const double value : values) {
        if (Content& content = contents[buckets.of(value)]; content.is_mixed) {
            out.values[content.next++] = value;
        }
    }
    return out;
}

}  // namespace

std::vector<double> order_statistics(std::span<double> values, std::span<const std::size_t> ranks) {
    constexpr std::size_t k_few = 8192;
    std::vector<double> out;
    out.reserve(ranks.size());
    std::optional<Gathered> gathered;
    if (const auto buckets = values.size() < k_few ? std::nullopt : Buckets::over(values)) {
        gathered = gather(values, *buckets, ranks);
    }
    if (!gathered) {
        select(values, 0, ranks);
        for (const std::size_t rank : ranks) {
            out.push_back(values[rank]);
        }
        return out;
    }
    auto part = gathered->parts.begin();
    for (std::size_t i = 0; i < ranks.size(); ++i) {
        while (ranks[i] >= part->first_rank + part->count) {
            ++part;
        }
        const std::span<double> bucket = std::span(gathered->values).subspan(part->at, part->stored);
        if (i == 0 || ranks[i - 1] < part->first_rank) {
            std::sort(bucket.begin(), bucket.end());
        }
        out.push_back(bucket[part->stored == 1 ? 0 : ranks[i] - part->first_rank]);
    }
    return out;
}

}  // namespace aiperf::metric
