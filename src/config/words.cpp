#include "aiperf/config/words.hpp"

#include "aiperf/base/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace aiperf::config {

namespace {

// The words of an enumeration, in the order of its enumerators.
template <class Enum>
struct Words;

template <>
struct Words<EndpointType> {
    static constexpr std::array<std::string_view, 2> k_list{"chat", "completions"};
};

template <>
struct Words<ArrivalPattern> {
    static constexpr std::array<std::string_view, 4> k_list{"constant", "poisson", "gamma", "concurrency_burst"};
};

template <>
struct Words<ExportLevel> {
    static constexpr std::array<std::string_view, 3> k_list{"summary", "records", "raw"};
};

template <>
struct Words<UiType> {
    static constexpr std::array<std::string_view, 4> k_list{"auto", "dashboard", "simple", "none"};
};

template <>
struct Words<Backend> {
    static constexpr std::array<std::string_view, 2> k_list{"thread", "process"};
};

template <>
struct Words<OnWorkerDeath> {
    static constexpr std::array<std::string_view, 2> k_list{"abort", "continue"};
};

template <>
struct Words<FailOn> {
    static constexpr std::array<std::string_view, 3> k_list{"none", "suspect", "invalid"};
};

template <>
struct Words<UrlStrategy> {
    static constexpr std::array<std::string_view, 1> k_list{"round_robin"};
};

template <>
struct Words<WaitForModelMode> {
    static constexpr std::array<std::string_view, 3> k_list{"models", "inference", "both"};
};

template <>
struct Words<ConnectionReuse> {
    static constexpr std::array<std::string_view, 3> k_list{"pooled", "never", "sticky-user-sessions"};
};

template <>
struct Words<HttpVersion> {
    static constexpr std::array<std::string_view, 3> k_list{"1.1", "2", "auto"};
};

template <>
struct Words<TlsVersion> {
    static constexpr std::array<std::string_view, 2> k_list{"1.2", "1.3"};
};

template <>
struct Words<LogLevel> {
    static constexpr std::array<std::string_view, 8> k_list{
        "trace", "debug", "info", "notice", "warning", "success", "error", "critical"};
};

template <class Enum>
std::string_view word_of(Enum value) noexcept {
    const auto index = static_cast<std::size_t>(value);
    return index < Words<Enum>::k_list.size() ? Words<Enum>::k_list[index] : std::string_view{};
}

std::string with_underscores(std::string_view word) {
    std::string plain = base::lower(word);
    std::replace(plain.begin(), plain.end(), '-', '_');
    return plain;
}

}  // namespace

std::string_view to_string(EndpointType value) noexcept {
    return word_of(value);
}

std::string_view to_string(ArrivalPattern value) noexcept {
    return word_of(value);
}

std::string_view to_string(ExportLevel value) noexcept {
    return word_of(value);
}

std::string_view to_string(UiType value) noexcept {
    return word_of(value);
}

std::string_view to_string(LogLevel value) noexcept {
    return word_of(value);
}

std::string_view to_string(Backend value) noexcept {
    return word_of(value);
}

std::string_view to_string(OnWorkerDeath value) noexcept {
    return word_of(value);
}

std::string_view to_string(FailOn value) noexcept {
    return word_of(value);
}

std::string_view to_string(UrlStrategy value) noexcept {
    return word_of(value);
}

std::string_view to_string(WaitForModelMode value) noexcept {
    return word_of(value);
}

std::string_view to_string(ConnectionReuse value) noexcept {
    return word_of(value);
}

std::string_view to_string(HttpVersion value) noexcept {
    return word_of(value);
}

std::string_view to_string(TlsVersion value) noexcept {
    return word_of(value);
}

template <class Enum>
std::optional<Enum> from_word(std::string_view word) {
    const std::string plain = with_underscores(word);
    const auto& list = Words<Enum>::k_list;
    const auto found = std::find_if(
        list.begin(), list.end(), [&plain](std::string_view known) { return with_underscores(known) == plain; });
    if (found == list.end()) {
        return std::nullopt;
    }
    return static_cast<Enum>(found - list.begin());
}

template <class Enum>
std::string all_words() {
    std::string text;
    for (const std::string_view word : Words<Enum>::k_list) {
        text.append(text.empty() ? "" : ", ").append(word);
    }
    return text;
}

template std::optional<EndpointType> from_word(std::string_view);
template std::optional<ArrivalPattern> from_word(std::string_view);
template std::optional<ExportLevel> from_word(std::string_view);
template std::optional<UiType> from_word(std::string_view);
template std::optional<LogLevel> from_word(std::string_view);
template std::optional<Backend> from_word(std::string_view);
template std::optional<OnWorkerDeath> from_word(std::string_view);
template std::optional<FailOn> from_word(std::string_view);
template std::optional<UrlStrategy> from_word(std::string_view);
template std::optional<WaitForModelMode> from_word(std::string_view);
template std::optional<ConnectionReuse> from_word(std::string_view);
template std::optional<HttpVersion> from_word(std::string_view);
template std::optional<TlsVersion> from_word(std::string_view);
template std::string all_words<EndpointType>();
template std::string all_words<ArrivalPattern>();
template std::string all_words<ExportLevel>();
template std::string all_words<UiType>();
template std::string all_words<LogLevel>();
template std::string all_words<Backend>();
template std::string all_words<OnWorkerDeath>();
template std::string all_words<FailOn>();
template std::string all_words<UrlStrategy>();
template std::string all_words<WaitForModelMode>();
template std::string all_words<ConnectionReuse>();
template std::string all_words<HttpVersion>();
template std::string all_words<TlsVersion>();

}  // namespace aiperf::config
