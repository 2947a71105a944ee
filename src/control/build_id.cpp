#include "build_id.hpp"

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <fstream>
#include <optional>
#include <string_view>

namespace aiperf::control {

namespace {

constexpr std::size_t k_most_bytes = 64UL * 1024;  // of notes: an id has 20

template <class Struct>
std::optional<Struct> struct_at(std::istream& file, std::uint64_t offset) {
    Struct value{};
    file.seekg(static_cast<std::streamoff>(offset));
    file.read(reinterpret_cast<char*>(&value), sizeof(value));  // NOLINT: the format of the file
    return file ? std::optional(value) : std::nullopt;
}

std::string hexadecimal(std::string_view bytes) {
    constexpr std::string_view k_digits = "0123456789abcdef";
    std::string text;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        text += k_digits[byte >> 4U];
        text += k_digits[byte & 15U];
    }
    return text;
}

/// The id among notes; empty: it is not.
std::string id_among(std::string_view notes) {
    const auto padded = [](std::size_t size) { return (size + 3) / 4 * 4; };
    Elf64_Nhdr note{};
    while (notes.size() >= sizeof(note)) {
        std::memcpy(&note, notes.data(), sizeof(note));
        const std::size_t begin = sizeof(note) + padded(note.n_namesz);
        const std::size_t end = begin + padded(note.n_descsz);
        if (end > notes.size()) {
            break;
        }
        if (note.n_type == NT_GNU_BUILD_ID && notes.substr(sizeof(note)).starts_with("GNU")) {
            return hexadecimal(notes.substr(begin, note.n_descsz));
        }
        notes.remove_prefix(end);
    }
    return {};
}

}  // namespace

std::string build_id_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    const auto head = struct_at<Elf64_Ehdr>(file, 0);
    if (!head || std::memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 || head->e_ident[EI_CLASS] != ELFCLASS64) {
        return {};
    }
    for (std::uint64_t i = 0; i < head->e_phnum; ++i) {
        const auto part = struct_at<Elf64_Phdr>(file, head->e_phoff + i * head->e_phentsize);
        if (!part) {
            return {};
        }
        if (part->p_type == PT_NOTE) {
            std::string notes(std::min<std::size_t>(part->p_filesz, k_most_bytes), '\0');
            file.seekg(static_cast<std::streamoff>(part->p_offset));
            file.read(notes.data(), static_cast<std::streamsize>(notes.size()));
            if (std::string id = file ? id_among(notes) : std::string{}; !id.empty()) {
                return id;
            }
        }
    }
    return {};
}

}  // namespace aiperf::control
