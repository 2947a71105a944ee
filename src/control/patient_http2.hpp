#pragma once

#include "aiperf/http/response_parser.hpp"
#include "patient_connection.hpp"

#include <string>

namespace aiperf::control {

/// Waits until the server has said that it speaks HTTP/2. Nothing else can be done with the connection then. Throws
/// base::RunError.
void expect_http2(PatientConnection& connection);

/// An answer over HTTP/2.
struct Http2Answer {
    int status = 0;
    http::Coding coding = http::Coding::none;
    std::string body;  ///< still in that coding
};

/// Asks one question (a head in HTTP/1.1's form, and a body) on a fresh connection, which is of no use afterwards.
/// Throws base::RunError.
[[nodiscard]] Http2Answer ask_over_http2(PatientConnection& connection, const std::string& request, bool tls);

}  // namespace aiperf::control
