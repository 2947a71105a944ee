#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/base/error.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace aiperf::base {

/// Names the fields of a plain struct once, for both directions; specialise it where a struct is sent to another
/// process of the same build:
///
///     template <>
///     struct base::Fields<Point> {
///         template <class Field, class Point>
///         static void list(const Field& field, Point& point) { field("x", point.x); field("y", point.y); }
///     };
///
/// A field may be arithmetic, an enumeration, text, a path, a duration, such a struct, or a vector, optional or pair of
/// these.
template <class Record>
struct Fields;

/// A value as JSON.
template <class Value>
[[nodiscard]] nlohmann::json encode(const Value& value);

/// Fills `value`, which is as made by default. Throws nlohmann::json::exception where something is missing or of
/// another kind.
template <class Value>
void decode(const nlohmann::json& json, Value& value);

namespace archive {

template <class Value>
struct IsVector : std::false_type {};

template <class Item>
struct IsVector<std::vector<Item>> : std::true_type {};

template <class Value>
struct IsOptional : std::false_type {};

template <class Item>
struct IsOptional<std::optional<Item>> : std::true_type {};

template <class Value>
struct IsPair : std::false_type {};

template <class First, class Second>
struct IsPair<std::pair<First, Second>> : std::true_type {};

template <class Value>
inline constexpr bool is_plain_v = std::is_arithmetic_v<Value> || std::is_same_v<Value, std::string>;

struct FieldWriter {
    nlohmann::json& out;

    template <class Value>
    void operator()(const char* name, const Value& value) const {
        out[name] = encode(value);
    }
};

struct FieldReader {
    const nlohmann::json& in;

    template <class Value>
    void operator()(const char* name, Value& value) const {
        decode(in.at(name), value);
    }
};

}  // namespace archive

template <class Value>
nlohmann::json encode(const Value& value) {
    if constexpr (archive::is_plain_v<Value>) {
        return value;
    } else if constexpr (archive::IsVector<Value>::value) {
        nlohmann::json out = nlohmann::json::array();
        for (const auto& item : value) {
            out.push_back(encode(item));
        }
        return out;
    } else if constexpr (archive::IsOptional<Value>::value) {
        return value ? encode(*value) : nlohmann::json();
    } else if constexpr (archive::IsPair<Value>::value) {
        return nlohmann::json::array({encode(value.first), encode(value.second)});
    } else if constexpr (std::is_same_v<Value, std::filesystem::path>) {
        return value.native();
    } else if constexpr (std::is_same_v<Value, Nanoseconds>) {
        return value.count();
    } else if constexpr (std::is_enum_v<Value>) {
        return static_cast<std::underlying_type_t<Value>>(value);
    } else {
        nlohmann::json out = nlohmann::json::object();
        Fields<Value>::list(archive::FieldWriter{out}, value);
        return out;
    }
}

template <class Value>
void decode(const nlohmann::json& json, Value& value) {
    if constexpr (archive::is_plain_v<Value>) {
        value = json.get<Value>();
    } else if constexpr (archive::IsVector<Value>::value) {
        for (const nlohmann::json& item : json.get_ref<const nlohmann::json::array_t&>()) {
            decode(item, value.emplace_back());
        }
    } else if constexpr (archive::IsOptional<Value>::value) {
        if (!json.is_null()) {
            decode(json, value.emplace());
        }
    } else if constexpr (archive::IsPair<Value>::value) {
        decode(json.at(0), value.first);
        decode(json.at(1), value.second);
    } else if constexpr (std::is_same_v<Value, std::filesystem::path>) {
        value = json.get<std::string>();
    } else if constexpr (std::is_same_v<Value, Nanoseconds>) {
        value = Nanoseconds(json.get<std::int64_t>());
    } else if constexpr (std::is_enum_v<Value>) {
        value = static_cast<Value>(json.get<std::underlying_type_t<Value>>());
    } else {
        Fields<Value>::list(archive::FieldReader{json}, value);
    }
}

/// JSON as MessagePack, which takes text of any bytes: header values, paths, error messages.
[[nodiscard]] inline std::string to_bytes(const nlohmann::json& json) {
    std::string bytes;
    nlohmann::json::to_msgpack(json, bytes);
    return bytes;
}

/// What `read` makes of the JSON in `bytes`. Throws RunError where they are of another kind, or `read` refuses them.
template <class Read>
[[nodiscard]] auto from_bytes(std::string_view bytes, Read read) {
    constexpr const char* k_strange = "not of this build: ";
    try {
        return read(nlohmann::json::from_msgpack(bytes.begin(), bytes.end()));
    } catch (const nlohmann::json::exception& error) {
        throw RunError(std::string(k_strange) + error.what());
    } catch (const ConfigError& error) {
        throw RunError(std::string(k_strange) + error.what());
    }
}

}  // namespace aiperf::base
