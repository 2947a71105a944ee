#include "aiperf/record/fields.hpp"
#include "aiperf/record/record_set.hpp"
#include "bindings.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <memory>
#include <span>
#include <stdexcept>
#include <string>

namespace py = pybind11;

namespace aiperf::bindings {

namespace {

using record::RecordSet;
using SharedSet = std::shared_ptr<const RecordSet>;

py::dtype dtype_of(std::span<const record::Field> fields, std::size_t itemsize) {
    py::list names;
    py::list formats;
    py::list offsets;
    for (const record::Field& field : fields) {
        names.append(py::str(field.name.data(), field.name.size()));
        formats.append((field.is_signed ? "<i" : "<u") + std::to_string(field.size));
        offsets.append(field.offset);
    }
    return {names, formats, offsets, static_cast<py::ssize_t>(itemsize)};
}

// A read-only array over memory of the set; the array keeps the set alive.
template <typename T>
py::array view(const py::dtype& dtype, std::span<const T> rows, const SharedSet& set) {
    const py::capsule owner(new SharedSet(set), [](void* held) { delete static_cast<SharedSet*>(held); });
    py::array array(dtype, {static_cast<py::ssize_t>(rows.size())}, {}, rows.data(), owner);
    py::detail::array_proxy(array.ptr())->flags &= ~py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
    return array;
}

const record::Record& row(const RecordSet& set, py::ssize_t index) {
    const auto records = set.records();
    const auto size = static_cast<py::ssize_t>(records.size());
    if (index < -size || index >= size) {
        throw py::index_error("record " + std::to_string(index) + " of " + std::to_string(size));
    }
    return records[static_cast<std::size_t>(index < 0 ? index + size : index)];
}

py::str text(std::string_view bytes) {
    auto decoded = py::reinterpret_steal<py::str>(
        PyUnicode_DecodeUTF8(bytes.data(), static_cast<py::ssize_t>(bytes.size()), "replace"));
    if (!decoded) {
        throw py::error_already_set();
    }
    return decoded;
}

}  // namespace

void bind_record(py::module_& module) {
    module.def(
        "record_dtype",
        [] { return dtype_of(record::k_record_fields, sizeof(record::Record)); },
        "The layout of one record.");
    module.def(
        "event_dtype",
        [] { return dtype_of(record::k_event_fields, sizeof(record::Event)); },
        "The layout of one event of an answer.");

    py::class_<RecordSet, std::shared_ptr<RecordSet>>(module, "RecordSet", "All records of a run, in start order.")
        .def("__len__", [](const RecordSet& set) { return set.records().size(); })
        .def(
            "array",
            [](const std::shared_ptr<RecordSet>& set) {
                return view(dtype_of(record::k_record_fields, sizeof(record::Record)), set->records(), set);
            },
            "The records as a read-only structured array over the journal itself.")
        .def(
            "events",
            [](const std::shared_ptr<RecordSet>& set, py::ssize_t index) {
                return view(
                    dtype_of(record::k_event_fields, sizeof(record::Event)), set->events(row(*set, index)), set);
            },
            py::arg("index"),
            "The events of one answer as a read-only structured array over the journal itself.")
        .def(
            "output_text",
            [](const RecordSet& set, py::ssize_t index) { return text(set.output_text(row(set, index))); },
            py::arg("index"),
            "Output text of one answer, \"\" where it was not kept.")
        .def(
            "reasoning_text",
            [](const RecordSet& set, py::ssize_t index) { return text(set.reasoning_text(row(set, index))); },
            py::arg("index"),
            "Reasoning text of one answer, \"\" where it was not kept.")
        .def(
            "error_text",
            [](const RecordSet& set, py::ssize_t index) { return text(set.error_text(row(set, index))); },
            py::arg("index"),
            "Error body or message of one request, \"\" for a good answer.");
}

}  // namespace aiperf::bindings
