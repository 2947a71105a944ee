#pragma once

#include <restinio/all.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace aiperf::api {

/// How a client knows where a body ends.
enum class Framing : std::uint8_t {
    none,       ///< there is none, whatever the headers say
    length,     ///< Content-Length
    chunked,    ///< by a last, empty chunk
    to_the_end  ///< with the connection: for clients of HTTP/1.0
};

/// Names the builder below.
struct FramedOutput {};

}  // namespace aiperf::api

/// An answer whose body is handed over piece by piece, framed as it was begun. The library's own builders know a
/// length or chunks, but not a HEAD of the latter, nor a 304 without a length.
template <>
class restinio::response_builder_t<aiperf::api::FramedOutput> final
    : public base_response_builder_t<response_builder_t<aiperf::api::FramedOutput>> {
public:
    using base_response_builder_t::base_response_builder_t;
    response_builder_t(response_builder_t&&) = default;

    /// To be called before any piece.
    void frame(aiperf::api::Framing framing) {
        framing_ = framing;
        if (framing == aiperf::api::Framing::chunked) {
            append_header("Transfer-Encoding", "chunked");
        }
    }

    /// Says the length in the header, whether or not a body follows.
    void announce_length(std::uint64_t length) { append_header("Content-Length", std::to_string(length)); }

    /// Hands over the head with the first piece, then pieces; `after` is told when it has been taken.
    void send(const std::string& piece, write_status_cb_t after) {
        write(piece, response_parts_attr_t::not_final_parts, std::move(after));
    }

    /// The last piece, or none.
    void finish(const std::string& piece = {}) {
        write(piece, response_parts_attr_t::final_parts, {});
        m_connection.reset();
    }

private:
    void write(const std::string& piece, response_parts_attr_t which, write_status_cb_t after) {
        const bool last = which == response_parts_attr_t::final_parts;
        std::string text;
        std::size_t status_line_size = 0;
        if (!begun_) {
            begun_ = true;
            keeps_ = m_header.should_keep_alive();
            status_line_size = calculate_status_line_size();
            text = impl::create_header_string(m_header, impl::content_length_field_presence_t::skip_content_length);
        }
        const bool chunked = framing_ == aiperf::api::Framing::chunked;
        if (framing_ != aiperf::api::Framing::none && !piece.empty()) {
            text += chunked ? fmt::format("{:x}\r\n", piece.size()) + piece + "\r\n" : piece;
        }
        if (chunked && last) {
            text += "0\r\n\r\n";
        }
        writable_items_container_t items;
        if (!text.empty()) {
            items.emplace_back(std::move(text));
        }
        write_group_t group{std::move(items)};
        group.status_line_size(status_line_size);
        if (after) {
            group.after_write_notificator(std::move(after));
        }
        m_connection->write_response_parts(
            m_request_id, response_output_flags_t{which, response_connection_attr(keeps_)}, std::move(group));
    }

    aiperf::api::Framing framing_ = aiperf::api::Framing::none;
    bool begun_ = false;
    bool keeps_ = true;  ///< said in the head, so it holds for all pieces
};
