#include "aiperf/record/fields.hpp"

#include "aiperf/record/layout.hpp"

#include <catch2/catch.hpp>

#include <cstring>
#include <set>
#include <string_view>
#include <vector>

using namespace aiperf::record;  // NOLINT: a test

namespace {

const Field& field_named(std::string_view name) {
    for (const Field& field : k_record_fields) {
        if (field.name == name) {
            return field;
        }
    }
    throw std::runtime_error("no such field");
}

/// Value of a field by the table: little-endian, from the record's bytes.
std::int64_t by_table(const Record& record, std::string_view name) {
    const Field& field = field_named(name);
    std::uint64_t value = 0;
    std::memcpy(&value, reinterpret_cast<const char*>(&record) + field.offset, field.size);  // NOLINT: raw bytes
    const auto unused = static_cast<unsigned>(64 - 8 * field.size);
    return field.is_signed ? static_cast<std::int64_t>(value << unused) >> unused : static_cast<std::int64_t>(value);
}

std::uint64_t hash_with(std::size_t at, const Field& other) {
    std::vector<Field> fields(k_record_fields.begin(), k_record_fields.end());
    fields.at(at) = other;
    return hash_of(fields, k_event_fields);
}

}  // namespace

TEST_CASE("Reading by the field table gives the struct's values") {
    Record record;
    record.state = 3;
    record.worker = 65'535;
    record.phase = 255;
    record.error = 11;
    record.planned_ns = -5;
    record.end_ns = 1'234'567'890'123'456'789;
    record.usage_prompt_tokens = -1;
    record.response_bytes = 4'000'000'000U;
    record.flags = flag::streamed | flag::text_kept;
    CHECK(by_table(record, "state") == 3);
    CHECK(by_table(record, "worker") == 65'535);
    CHECK(by_table(record, "phase") == 255);
    CHECK(by_table(record, "error") == 11);
    CHECK(by_table(record, "planned_ns") == -5);
    CHECK(by_table(record, "end_ns") == 1'234'567'890'123'456'789);
    CHECK(by_table(record, "usage_prompt_tokens") == -1);
    CHECK(by_table(record, "output_tokens") == -1);
    CHECK(by_table(record, "response_bytes") == 4'000'000'000);
    CHECK(by_table(record, "flags") == 65);
}

TEST_CASE("Names of fields are unique, and times say their unit") {
    std::set<std::string_view> names;
    for (const Field& field : k_record_fields) {
        CHECK(names.insert(field.name).second);
        CHECK((field.size == 1 || field.size == 2 || field.size == 4 || field.size == 8));
    }
    CHECK(names.size() == k_record_fields.size());
}

TEST_CASE("A record is a whole number of cache lines") {
    CHECK(sizeof(Record) % 64 == 0);
    CHECK(k_header_bytes % 64 == 0);
    CHECK(k_side_header_bytes % alignof(Event) == 0);
}

TEST_CASE("The schema's hash is that of the tables, and changes with everything in them") {
    const std::uint64_t hash = schema_hash();
    CHECK(hash == hash_of(k_record_fields, k_event_fields));
    std::set<std::uint64_t> hashes{hash};
    for (std::size_t at = 0; at < k_record_fields.size(); ++at) {
        const Field field = k_record_fields[at];
        CAPTURE(field.name);
        CHECK(hashes.insert(hash_with(at, {"other", field.offset, field.size, field.is_signed})).second);
        CHECK(hashes.insert(hash_with(at, {field.name, field.offset + 1, field.size, field.is_signed})).second);
        CHECK(hashes.insert(hash_with(at, {field.name, field.offset, field.size * 2, field.is_signed})).second);
        CHECK(hashes.insert(hash_with(at, {field.name, field.offset, field.size, !field.is_signed})).second);
    }
    std::vector<Field> fewer(k_record_fields.begin(), k_record_fields.end() - 1);
    CHECK(hashes.insert(hash_of(fewer, k_event_fields)).second);
    CHECK(hashes.insert(hash_of(k_record_fields, {})).second);
    CHECK(hashes.insert(hash_of(k_event_fields, k_record_fields)).second);
}
