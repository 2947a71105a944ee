// What a crash or a disk leaves of a journal: a good one with damage. The input is a list of damages.
#include "aiperf/record/fields.hpp"
#include "answered_record.hpp"
#include "input.hpp"
#include "journal_patient.hpp"
#include "read_journal.hpp"

#include <algorithm>
#include <array>
#include <set>

using namespace aiperf;  // NOLINT: a program of its own
using test::JournalPatient;

namespace {

constexpr std::array k_files{"records", "events.0", "events.1", "text.0", "text.1"};

/// Files as they would be with the damages done.
class Damages {
public:
    explicit Damages(const JournalPatient& patient)
        : patient_(patient),
          files_(patient.files()) {}

    /// Takes one damage off the input: a byte with kind and file, and what the kind asks for.
    void add(fuzz::Input& input) {
        const std::uint8_t kind = input.byte();
        const std::string name = k_files[kind / 4U % k_files.size()];
        switch (kind % 4U) {
            case 0: overwrite(name, number(input, 2), input.take(input.byte() % 16U)); break;
            case 1: cut(name, number(input, 2)); break;
            case 2: set_field(input); break;
            default: overwrite("records", input.byte(), input.take(8)); break;  // of the header
        }
    }

    void apply() const {
        for (const std::string& name : damaged_) {
            patient_.damage(name, files_.at(name));
        }
    }

    void undo() const {
        for (const std::string& name : damaged_) {
            patient_.repair(name);
        }
    }

private:
    static std::size_t number(fuzz::Input& input, int bytes) {
        std::size_t value = 0;
        for (; bytes > 0; --bytes) {
            value = value << 8U | input.byte();
        }
        return value;
    }

    void overwrite(const std::string& name, std::size_t at, std::string_view bytes) {
        std::string& file = files_.at(name);
        if (at < file.size()) {
            file.replace(at, std::min(bytes.size(), file.size() - at), bytes.substr(0, file.size() - at));
            damaged_.insert(name);
        }
    }

    void cut(const std::string& name, std::size_t size) {
        files_.at(name).resize(std::min(files_.at(name).size(), size));
        damaged_.insert(name);
    }

    void set_field(fuzz::Input& input) {
        const std::size_t slot = input.byte() % JournalPatient::k_slots;
        const record::Field& field = record::k_record_fields[input.byte() % record::k_record_fields.size()];
        overwrite("records", JournalPatient::at_slot(slot, field.offset), input.take(field.size));
    }

    const JournalPatient& patient_;
    std::map<std::string, std::string> files_;
    std::set<std::string> damaged_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t k_most_bytes = 12'288;
    static const JournalPatient finished({true, k_most_bytes, fuzz::answer});
    static const JournalPatient interrupted({false, k_most_bytes, fuzz::answer});
    fuzz::Input input(data, size);
    const JournalPatient& patient = (input.byte() & 1U) != 0 ? finished : interrupted;
    Damages damages(patient);
    while (!input.empty()) {
        damages.add(input);
    }
    damages.apply();
    test::read_journal(patient.directory());  // throws, and so ends the program, for what is neither read nor refused
    damages.undo();
    return 0;
}
