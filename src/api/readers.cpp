#include "readers.hpp"

#include <algorithm>

namespace aiperf::api {

namespace {

constexpr std::size_t k_most_clients = 1024;  // any header makes a new one: what comes on top is not waited for

}  // namespace

Readers::Reader* Readers::note(const std::string& client, base::Instant now) {
    if (readers_.size() >= k_most_clients && readers_.find(client) == readers_.end()) {
        return nullptr;
    }
    Reader& reader = readers_[client];
    reader.last_asked = now;
    if (!reader.knows) {
        last_active_ = std::max(last_active_, now);
    }
    return &reader;
}

void Readers::asked(const std::string& client, base::Instant now) {
    const std::scoped_lock lock(mutex_);
    static_cast<void>(note(client, now));
}

void Readers::read(const std::string& client, base::Instant now) {
    const std::scoped_lock lock(mutex_);
    if (Reader* const reader = note(client, now)) {
        reader->knows = true;
    }
}

void Readers::active(base::Instant now) {
    const std::scoped_lock lock(mutex_);
    last_active_ = std::max(last_active_, now);
}

Audience Readers::audience() const {
    const std::scoped_lock lock(mutex_);
    Audience audience;
    audience.clients = readers_.size();
    audience.last_active = last_active_;
    for (const auto& [name, reader] : readers_) {
        if (!reader.knows) {
            ++audience.unread;
            audience.last_unread = std::max(audience.last_unread, reader.last_asked);
        }
    }
    return audience;
}

}  // namespace aiperf::api
