#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace aiperf::load {

/// Things that are used again and again, named by numbers: an item keeps its place and its buffers while it is free.
/// `Id` is an enumeration of std::uint32_t. *Thread safety*: none.
template <class Item, class Id>
class Slab {
public:
    /// A free item; a new one where there is none.
    [[nodiscard]] Id take() {
        if (free_.empty()) {
            items_.push_back(std::make_unique<Item>());
            return static_cast<Id>(items_.size() - 1);
        }
        const Id id = free_.back();
        free_.pop_back();
        return id;
    }

    /// Frees a place; its value stays for the next to use.
    void put_back(Id id) { free_.push_back(id); }

    /// The value in a place that is taken.
    [[nodiscard]] Item& operator[](Id id) noexcept { return *items_[static_cast<std::size_t>(id)]; }

    /// The same.
    [[nodiscard]] const Item& operator[](Id id) const noexcept { return *items_[static_cast<std::size_t>(id)]; }

    /// Every item, also those that are free.
    [[nodiscard]] const std::vector<std::unique_ptr<Item>>& all() const noexcept { return items_; }

private:
    std::vector<std::unique_ptr<Item>> items_;
    std::vector<Id> free_;
};

}  // namespace aiperf::load
