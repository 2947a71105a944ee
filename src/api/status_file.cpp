#include "aiperf/api/status_file.hpp"

#include <nlohmann/json.hpp>

namespace aiperf::api {

namespace {

void write_whole(const std::filesystem::path& target, std::string_view text, report::Durable durable) {
    report::AtomicFile file(target);
    file.append(text);
    file.append("\n");
    file.publish(durable);
}

}  // namespace

void write_status_file(const std::filesystem::path& directory, std::string_view body, report::Durable durable) {
    write_whole(directory / k_status_file, body, durable);
}

void write_api_file(const std::filesystem::path& directory, const Endpoint& endpoint) {
    const nlohmann::ordered_json body{{"url", endpoint.url},
                                      {"host", endpoint.host},
                                      {"port", endpoint.port},
                                      {"socket", endpoint.socket},
                                      {"pid", endpoint.pid},
                                      {"run_id", endpoint.run_id}};
    write_whole(directory / k_api_file, body.dump(), report::Durable::no);
}

}  // namespace aiperf::api
