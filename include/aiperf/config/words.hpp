#pragma once

#include "aiperf/config/run_config.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace aiperf::config {

/// The word flags, JSON and artifacts use.
[[nodiscard]] std::string_view to_string(EndpointType value) noexcept;
/// The word of the command line.
[[nodiscard]] std::string_view to_string(ArrivalPattern value) noexcept;
/// The word of the command line.
[[nodiscard]] std::string_view to_string(ExportLevel value) noexcept;
/// The word of the command line.
[[nodiscard]] std::string_view to_string(UiType value) noexcept;
/// The word of the command line.
[[nodiscard]] std::string_view to_string(LogLevel value) noexcept;
/// The word of the command line.
[[nodiscard]] std::string_view to_string(Backend value) noexcept;
/// The word of the command line.
[[nodiscard]] std::string_view to_string(OnWorkerDeath value) noexcept;
/// The word of the command line.
[[nodiscard]] std::string_view to_string(FailOn value) noexcept;
/// The word of the command line.
[[nodiscard]] std::string_view to_string(UrlStrategy value) noexcept;
/// The word of the command line.
[[nodiscard]] std::string_view to_string(WaitForModelMode value) noexcept;
/// The word of the command line.
[[nodiscard]] std::string_view to_string(ConnectionReuse value) noexcept;
/// The word for it: "1.1", "2", "auto".
[[nodiscard]] std::string_view to_string(HttpVersion value) noexcept;
/// The word for it: "1.2", "1.3".
[[nodiscard]] std::string_view to_string(TlsVersion value) noexcept;

/// Reads a word in any case, '-' and '_' being the same; absent = none of the enumeration's. Instantiated for the
/// enumerations above.
template <class Enum>
[[nodiscard]] std::optional<Enum> from_word(std::string_view word);

/// All words of an enumeration: "constant, poisson, gamma, concurrency_burst".
template <class Enum>
[[nodiscard]] std::string all_words();

}  // namespace aiperf::config
