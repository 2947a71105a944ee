#pragma once

#include <optional>
#include <tuple>
#include <vector>

namespace aiperf::test {

/// Structs whose fields a test has listed, by a structured binding, as `fields(value)`: a tuple of references. A field
/// more or less in the struct breaks the build of that test, so nobody forgets to send it.
template <class Value>
concept Listed = requires(const Value& value) {
    fields(value);
};

template <class Value>
struct Items {
    using Type = void;
    static constexpr bool many = false;
    static constexpr bool maybe = false;
};

template <class Item>
struct Items<std::vector<Item>> {
    using Type = Item;
    static constexpr bool many = true;
    static constexpr bool maybe = false;
};

template <class Item>
struct Items<std::optional<Item>> {
    using Type = Item;
    static constexpr bool many = false;
    static constexpr bool maybe = true;
};

/// True where every field, at any depth, is equal.
template <class Value>
bool same(const Value& left, const Value& right) {
    if constexpr (Listed<Value>) {
        const auto with_right = [&](const auto&... a) {
            return std::apply([&](const auto&... b) { return (same(a, b) && ...); }, fields(right));
        };
        return std::apply(with_right, fields(left));
    } else if constexpr (Items<Value>::many) {
        bool all = left.size() == right.size();
        for (std::size_t i = 0; all && i < left.size(); ++i) {
            all = same(left[i], right[i]);
        }
        return all;
    } else if constexpr (Items<Value>::maybe) {
        return left.has_value() == right.has_value() && (!left || same(*left, *right));
    } else {
        return left == right;
    }
}

/// True where every field, at any depth, has another value than the default one; an empty list has not.
template <class Value>
bool has_no_default(const Value& value, const Value& original = Value{}) {
    if constexpr (Listed<Value>) {
        const auto with_original = [&](const auto&... a) {
            return std::apply([&](const auto&... b) { return (has_no_default(a, b) && ...); }, fields(original));
        };
        return std::apply(with_original, fields(value));
    } else if constexpr (Items<Value>::many && Listed<typename Items<Value>::Type>) {
        bool all = !value.empty();
        for (const auto& item : value) {
            all = all && has_no_default(item);
        }
        return all;
    } else if constexpr (Items<Value>::maybe && Listed<typename Items<Value>::Type>) {
        return value.has_value() && has_no_default(*value);
    } else {
        return !(value == original);
    }
}

}  // namespace aiperf::test
