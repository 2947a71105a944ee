#include "archive.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

namespace aiperf::api {

namespace {

constexpr std::size_t k_block = 512;
constexpr std::size_t k_end_bytes = 2 * k_block;  // two empty blocks end an archive
constexpr std::size_t k_name_bytes = 100;
constexpr std::size_t k_prefix_bytes = 155;
constexpr std::uint64_t k_size_limit = 1ULL << 33U;  // eleven octal digits

// Where the fields of a header lie (POSIX.1-2001, pax, "ustar Interchange Format").
constexpr std::size_t k_mode_at = 100;
constexpr std::size_t k_owner_at = 108;
constexpr std::size_t k_group_at = 116;
constexpr std::size_t k_size_at = 124;
constexpr std::size_t k_time_at = 136;
constexpr std::size_t k_sum_at = 148;
constexpr std::size_t k_type_at = 156;
constexpr std::size_t k_magic_at = 257;
constexpr std::size_t k_prefix_at = 345;

std::uint64_t padded(std::uint64_t size) noexcept {
    return (size + k_block - 1) / k_block * k_block;
}

void put_octal(std::string& block, std::size_t at, std::size_t digits, std::uint64_t value) {
    for (std::size_t i = digits; i-- > 0; value >>= 3U) {
        block[at + i] = static_cast<char>('0' + (value & 7U));
    }
}

struct Names {
    std::string name;
    std::string prefix;
};

bool is_ascii(const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// A name as the fields of a header hold it; absent: they cannot.
std::optional<Names> fitted(const std::string& name) {
    if (!is_ascii(name)) {
        return std::nullopt;
    }
    if (name.size() <= k_name_bytes) {
        return Names{name, {}};
    }
    const std::size_t slash = name.find('/', name.size() - k_name_bytes - 1);
    if (slash == std::string::npos || slash == 0 || slash > k_prefix_bytes) {
        return std::nullopt;
    }
    return Names{name.substr(slash + 1), name.substr(0, slash)};
}

std::string block_of(const Names& names, std::uint64_t size, std::int64_t modified_s, char type) {
    std::string block(k_block, '\0');
    names.name.copy(block.data(), k_name_bytes);
    names.prefix.copy(block.data() + k_prefix_at, k_prefix_bytes);
    put_octal(block, k_mode_at, 7, 0644);
    put_octal(block, k_owner_at, 7, 0);
    put_octal(block, k_group_at, 7, 0);
    put_octal(block, k_size_at, 11, size);
    put_octal(block, k_time_at, 11, static_cast<std::uint64_t>(std::max<std::int64_t>(modified_s, 0)));
    block[k_type_at] = type;
    block.replace(k_magic_at,
                  8,
                  std::string_view("ustar\0"
                                   "00",
                                   8));
    block.replace(k_sum_at, 8, 8, ' ');
    const unsigned sum = std::accumulate(
        block.begin(), block.end(), 0U, [](unsigned total, char c) { return total + static_cast<unsigned char>(c); });
    put_octal(block, k_sum_at, 6, sum);
    block[k_sum_at + 6] = '\0';
    return block;
}

/// "21 path=logs/run.log\n": the number counts the record with itself.
std::string pax_record(const std::string& key, const std::string& value) {
    const std::size_t rest = key.size() + value.size() + 3;
    std::size_t length = rest + 1;
    while (rest + std::to_string(length).size() != length) {
        length = rest + std::to_string(length).size();
    }
    return std::to_string(length) + " " + key + "=" + value + "\n";
}

}  // namespace

std::string tar_head(const std::string& name, std::uint64_t size, std::int64_t modified_s) {
    const std::optional<Names> names = fitted(name);
    std::string records;
    if (!names) {
        records += pax_record("path", name);
    }
    if (size >= k_size_limit) {
        records += pax_record("size", std::to_string(size));
    }
    std::string head;
    if (!records.empty()) {
        head = block_of({"PaxHeaders/file", {}}, records.size(), modified_s, 'x');
        records.resize(static_cast<std::size_t>(padded(records.size())), '\0');
        head += records;
    }
    const std::uint64_t told = size < k_size_limit ? size : 0;
    return head + block_of(names.value_or(Names{"file", {}}), told, modified_s, '0');
}

Archive::Archive(const std::filesystem::path& directory)
    : directory_(directory) {
    std::uint64_t hash = 14695981039346656037U;  // FNV-1a
    for (ListedFile& file : list_artifacts(directory)) {
        for (const char c : file.name + file.etag) {
            hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
        }
        modified_s_ = std::max(modified_s_.value_or(file.modified_s), file.modified_s);
        Member member{members_end_, tar_head(file.name, file.size, file.modified_s), std::move(file)};
        members_end_ += member.head.size() + padded(member.file.size);
        members_.push_back(std::move(member));
    }
    size_ = members_end_ + k_end_bytes;
    etag_ = "\"" + std::to_string(hash) + "-" + std::to_string(size_) + "\"";
}

std::string Archive::read(std::uint64_t offset, std::size_t count) const {
    std::string out;
    while (out.size() < count && offset + out.size() < size_) {
        const std::uint64_t at = offset + out.size();
        const std::size_t wanted = count - out.size();
        if (at >= members_end_) {
            out.append(static_cast<std::size_t>(std::min<std::uint64_t>(wanted, size_ - at)), '\0');
            break;
        }
        const auto next = std::upper_bound(
            members_.begin(), members_.end(), at, [](std::uint64_t place, const Member& m) { return place < m.begin; });
        const Member& member = *std::prev(next);
        const std::string bytes = part(member, at - member.begin, wanted);
        if (bytes.empty()) {
            break;
        }
        out += bytes;
    }
    return out;
}

std::string Archive::part(const Member& member, std::uint64_t offset, std::size_t count) const {
    if (offset < member.head.size()) {
        return member.head.substr(static_cast<std::size_t>(offset), count);
    }
    const std::uint64_t at = offset - member.head.size();
    if (at >= member.file.size) {
        std::string filling(static_cast<std::size_t>(std::min<std::uint64_t>(count, padded(member.file.size) - at)),
                            '\0');
        return filling;
    }
    const ArtifactFile* const file = opened(member);
    return file == nullptr
               ? std::string()
               : file->read(at, static_cast<std::size_t>(std::min<std::uint64_t>(count, member.file.size - at)));
}

const ArtifactFile* Archive::opened(const Member& member) const {
    if (open_member_ != &member) {
        open_member_ = &member;
        open_ = open_artifact(directory_, member.file.name);
        if (open_ && open_->etag() != member.file.etag) {
            open_.reset();
        }
    }
    return open_.get();
}

}  // namespace aiperf::api
