#include "aiperf/load/tls.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/load/address.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <map>
#include <new>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace aiperf::load {

/// The BIO under an SSL: bytes of a TlsSession in place of a socket.
struct TlsWire {
    static TlsSession& session_of(BIO* bio) { return *static_cast<TlsSession*>(BIO_get_data(bio)); }

    static int read(BIO* bio, char* out, int size) {
        TlsSession& session = session_of(bio);
        BIO_clear_retry_flags(bio);
        const std::size_t count = std::min(static_cast<std::size_t>(size), session.input_size_);
        if (count == 0) {
            BIO_set_retry_read(bio);
            return -1;
        }
        std::memcpy(out, session.input_, count);
        session.input_ += count;
        session.input_size_ -= count;
        return static_cast<int>(count);
    }

    static int write(BIO* bio, const char* data, int size) {
        BIO_clear_retry_flags(bio);
        session_of(bio).output_.append(data, static_cast<std::size_t>(size));
        return size;
    }

    /// Takes over the reference to a session that a server gave.
    static int keep(SSL* ssl, SSL_SESSION* session);

    static long control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
        return command == BIO_CTRL_FLUSH ? 1 : 0;
    }

    static int create(BIO* bio) {
        BIO_set_init(bio, 1);
        return 1;
    }

    /// Never freed: connections may end until the process does.
    static const BIO_METHOD* method() {
        static BIO_METHOD* const k_method = [] {
            BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "aiperf");
            BIO_meth_set_read(made, &read);
            BIO_meth_set_write(made, &write);
            BIO_meth_set_ctrl(made, &control);
            BIO_meth_set_create(made, &create);
            return made;
        }();
        return k_method;
    }
};

namespace {

constexpr std::size_t k_most_sessions = 64;  // kept for a target: TLS 1.3 sends two with each connection

struct FreeSession {
    void operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
};

using Session = std::unique_ptr<SSL_SESSION, FreeSession>;

/// What may be done about a reason that the library gives.
const char* hint_for(int reason) noexcept {
    switch (reason) {
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_PACKET_LENGTH_TOO_LONG:
        case SSL_R_HTTP_REQUEST: return "; the server does not speak TLS there: is it http:// ?";
        case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
        case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
            return "; the server may demand a client certificate: --tls-certificate, --tls-key";
        case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
            return "; the server does not offer this version of HTTP: --http-version";
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
            return "; the server speaks no version of TLS that is allowed: --tls-min-version";
        default: return "";
    }
}

/// The oldest error of this thread's queue in words; the queue is empty afterwards.
std::string words_of_queue() {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    if (ERR_SYSTEM_ERROR(code)) {
        return std::generic_category().message(ERR_GET_REASON(code));
    }
    const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    return reason == nullptr ? "the connection ended" : std::string(reason) + hint_for(ERR_GET_REASON(code));
}

[[noreturn]] void refuse_file(const char* option, const std::string& path) {
    throw base::RunError(std::string(option) + ": '" + path + "' cannot be used: " + words_of_queue());
}

const char* advice_for(long reason) noexcept {
    switch (reason) {
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return "; name its authority by --tls-ca-file, or trust anybody by AIPERF_HTTP_SSL_VERIFY=false";
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH: return "; use a name the certificate is for";
        default: return "";
    }
}

/// As ALPN has it: each name behind its length.
std::string_view protocols_of(config::HttpVersion version) noexcept {
    constexpr std::string_view k_both("\x02h2\x08http/1.1", 12);
    switch (version) {
        case config::HttpVersion::v1_1: return k_both.substr(3);
        case config::HttpVersion::v2: return k_both.substr(0, 3);
        case config::HttpVersion::automatic: break;
    }
    return k_both;
}

}  // namespace

struct TlsContext::State {
    SSL_CTX* context = nullptr;
    // By target, newest last. A ticket of TLS 1.3 is used once; with none left a full handshake is made.
    std::map<std::size_t, std::deque<Session>> sessions;

    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    ~State() { SSL_CTX_free(context); }

    /// What OpenSSL was built to look at; where that is not there, as it was built elsewhere, the usual places.
    void trust_system() const {
        SSL_CTX_set_default_verify_paths(context);
        if (::access(X509_get_default_cert_dir(), R_OK) == 0 || ::access(X509_get_default_cert_file(), R_OK) == 0) {
            return;
        }
        for (const char* file : {"/etc/ssl/certs/ca-certificates.crt",
                                 "/etc/pki/tls/certs/ca-bundle.crt",
                                 "/etc/ssl/ca-bundle.pem",
                                 "/etc/ssl/cert.pem"}) {
            if (::access(file, R_OK) == 0 && SSL_CTX_load_verify_file(context, file) == 1) {
                break;
            }
        }
        ERR_clear_error();
    }

    void load(const TlsOptions& options) const {
        const char* const file = options.ca_file.empty() ? nullptr : options.ca_file.c_str();
        const char* const directory = options.ca_directory.empty() ? nullptr : options.ca_directory.c_str();
        if (file == nullptr && directory == nullptr) {
            trust_system();
        }
        if (file != nullptr && SSL_CTX_load_verify_file(context, file) != 1) {
            refuse_file("--tls-ca-file", options.ca_file);
        }
        if (directory != nullptr && SSL_CTX_load_verify_dir(context, directory) != 1) {
            refuse_file("--tls-ca-directory", options.ca_directory);
        }
        if (options.certificate.empty()) {
            return;
        }
        if (SSL_CTX_use_certificate_chain_file(context, options.certificate.c_str()) != 1) {
            refuse_file("--tls-certificate", options.certificate);
        }
        const std::string& key = options.key.empty() ? options.certificate : options.key;
        if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1 ||
            SSL_CTX_check_private_key(context) != 1) {
            refuse_file(options.key.empty() ? "--tls-certificate" : "--tls-key", key);
        }
    }

    void keep(std::size_t slot, SSL_SESSION* session) {
        std::deque<Session>& kept = sessions[slot];
        kept.emplace_back(session);
        if (kept.size() > k_most_sessions) {
            kept.pop_front();
        }
    }

    /// The newest session of a target that can still be resumed. Those of TLS 1.2 stay: they serve many times.
    Session take(std::size_t slot) {
        std::deque<Session>& kept = sessions[slot];
        while (!kept.empty()) {
            SSL_SESSION* const newest = kept.back().get();
            const bool good = SSL_SESSION_is_resumable(newest) == 1;
            if (good && SSL_SESSION_get_protocol_version(newest) < TLS1_3_VERSION) {
                SSL_SESSION_up_ref(newest);
                return Session(newest);
            }
            Session session = std::move(kept.back());
            kept.pop_back();
            if (good) {
                return session;
            }
        }
        return nullptr;
    }
};

int TlsWire::keep(SSL* ssl, SSL_SESSION* session) {
    const auto* self = static_cast<TlsSession*>(SSL_get_app_data(ssl));
    self->context_.state_->keep(self->slot_, session);
    return 1;
}

struct TlsSession::Handle {
    SSL* ssl;

    explicit Handle(SSL* made) noexcept
        : ssl(made) {}

    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;

    ~Handle() { SSL_free(ssl); }
};

TlsContext::TlsContext(const TlsOptions& options)
    : state_(std::make_unique<State>()) {
    ERR_clear_error();
    state_->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX* const context = state_->context;
    if (context == nullptr) {
        throw base::RunError("TLS is not available: " + words_of_queue());
    }
    SSL_CTX_set_min_proto_version(context,
                                  options.minimum == config::TlsVersion::v1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_verify(context, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, &TlsWire::keep);
    state_->load(options);
}

TlsContext::~TlsContext() = default;

TlsSession::TlsSession(TlsContext& context, const std::string& host, std::size_t slot, config::HttpVersion offer)
    : context_(context),
      host_(host),
      slot_(slot),
      handle_(std::make_unique<Handle>(SSL_new(context.state_->context))) {
    SSL* const ssl = handle_->ssl;
    BIO* const wire = BIO_new(TlsWire::method());
    if (ssl == nullptr || wire == nullptr) {
        throw std::bad_alloc();
    }
    BIO_set_data(wire, this);
    SSL_set_bio(ssl, wire, wire);
    SSL_set_app_data(ssl, this);
    SSL_set_connect_state(ssl);
    const bool is_address = Address::of_ip(host, 0).length != 0;
    X509_VERIFY_PARAM* const wanted = SSL_get0_param(ssl);
    if (is_address) {
        X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str());
    } else {
        SSL_ctrl(ssl,  // SSL_set_tlsext_host_name casts in the old style
                 SSL_CTRL_SET_TLSEXT_HOSTNAME,
                 TLSEXT_NAMETYPE_host_name,
                 const_cast<char*>(host.c_str()));  // NOLINT: OpenSSL's interface
        X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        X509_VERIFY_PARAM_set1_host(wanted, host.c_str(), host.size());
    }
    const std::string_view protocols = protocols_of(offer);
    SSL_set_alpn_protos(ssl,
                        reinterpret_cast<const unsigned char*>(protocols.data()),  // NOLINT: bytes
                        static_cast<unsigned>(protocols.size()));
    if (const Session session = context.state_->take(slot)) {
        SSL_set_session(ssl, session.get());
    }
}

TlsSession::~TlsSession() {
    // Without it OpenSSL takes a session that did not end in good order for one that must not be resumed.
    SSL_set_shutdown(handle_->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

void TlsSession::give(const char* data, std::size_t size) noexcept {
    input_ = data;
    input_size_ = size;
}

TlsSession::Outcome TlsSession::handshake() {
    ERR_clear_error();
    const int result = SSL_do_handshake(handle_->ssl);
    return result == 1 ? Outcome::bytes : fail(result);
}

TlsSession::Outcome TlsSession::read(char* out, std::size_t size, std::size_t& got) {
    ERR_clear_error();
    const int result = SSL_read_ex(handle_->ssl, out, size, &got);
    return result == 1 ? Outcome::bytes : fail(result);
}

bool TlsSession::write(std::string_view plain) {
    ERR_clear_error();
    while (!plain.empty()) {
        std::size_t taken = 0;
        if (const int result = SSL_write_ex(handle_->ssl, plain.data(), plain.size(), &taken); result != 1) {
            return fail(result) == Outcome::more;
        }
        plain.remove_prefix(taken);
    }
    return true;
}

void TlsSession::close() {
    ERR_clear_error();
    SSL_shutdown(handle_->ssl);
    ERR_clear_error();
}

bool TlsSession::resumed() const noexcept {
    return SSL_session_reused(handle_->ssl) == 1;
}

std::string_view TlsSession::protocol() const noexcept {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(handle_->ssl, &name, &size);
    return {reinterpret_cast<const char*>(name), size};  // NOLINT: bytes
}

TlsSession::Outcome TlsSession::fail(int result) {
    switch (SSL_get_error(handle_->ssl, result)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE: return Outcome::more;
        case SSL_ERROR_ZERO_RETURN: return Outcome::closed;
        default: break;
    }
    const long verdict = SSL_get_verify_result(handle_->ssl);
    if (verdict != X509_V_OK && SSL_get_verify_mode(handle_->ssl) != SSL_VERIFY_NONE) {
        bad_certificate_ = true;
        error_ = "the certificate of '" + host_ + "' is not accepted: " + X509_verify_cert_error_string(verdict) +
                 advice_for(verdict);
        ERR_clear_error();
    } else {
        error_ = words_of_queue();
    }
    return Outcome::failed;
}

}  // namespace aiperf::load
