#include "net/tls_acceptor.hpp"

#include "net/tcp_stream.hpp"
#include "runtime/deadline.hpp"
#include "runtime/file.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>

#include <string>
#include <utility>

namespace gantry::net {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;

constexpr std::size_t pem_cap = std::size_t{1} << 20;

/// Beside tls_stream, which is the client's: that one holds 128 KiB of buffer to decrypt downloads fast, a server holds thousands of idle
/// connections and sends.
class accepted_stream final : public byte_stream {
 public:
  accepted_stream(asio::ip::tcp::socket socket, std::shared_ptr<ssl::context> context)
      : context_(std::move(context)), stream_(std::move(socket), *context_) {}

  ssl::stream<asio::ip::tcp::socket>& next() noexcept { return stream_; }

  task<read_result> read_some(std::span<std::byte> into) override {
    const asio::mutable_buffer target(into.data(), into.size());
    const auto [code, bytes] = co_await stream_.async_read_some(target, runtime::use_task);
    read_result outcome;
    outcome.bytes = bytes;
    if (code != asio::error::eof) outcome.code = code;
    co_return outcome;
  }

  task<error_code> write_all(std::span<const std::byte> bytes) override {
    const asio::const_buffer source(bytes.data(), bytes.size());
    const auto [code, written] = co_await asio::async_write(stream_, source, runtime::use_task);
    co_return code;
  }

  void close() noexcept override {
    error_code ignored;  // nothing is lost with a socket that cannot be closed
    stream_.next_layer().close(ignored);
  }

  bool quiet() noexcept override { return socket_is_quiet(stream_.next_layer()); }

 private:
  std::shared_ptr<ssl::context> context_;
  ssl::stream<asio::ip::tcp::socket> stream_;
};

failure unusable(std::string_view what, const std::filesystem::path& file, const error_code& code) {
  return {errc::invalid_option, fmt::format("the {} {} cannot be used: {}", what, file.string(), code.message())};
}

}  // namespace

struct tls_acceptor::context {
  std::shared_ptr<ssl::context> value;
};

tls_acceptor::tls_acceptor(std::shared_ptr<context> made) : context_(std::move(made)) {}
tls_acceptor::~tls_acceptor() = default;

result<std::unique_ptr<tls_acceptor>> tls_acceptor::load(const std::filesystem::path& certificate, const std::filesystem::path& key) {
  // Read by ourselves, so that a missing file is called missing.
  const auto chain = runtime::read_file(certificate, pem_cap);
  if (!chain) return chain.error();
  const auto secret = runtime::read_file(key, pem_cap);
  if (!secret) return secret.error();
  auto made = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* const native = made->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  // Idle connections then hold no buffers.
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  error_code code;
  made->use_certificate_chain(asio::buffer(*chain), code);
  if (code) return unusable("certificate", certificate, code);
  made->use_private_key(asio::buffer(*secret), ssl::context::pem, code);
  if (code) return unusable("key", key, code);
  if (SSL_CTX_check_private_key(native) != 1) {
    return failure(errc::invalid_option,
                   fmt::format("the key {} does not belong to the certificate {}", key.string(), certificate.string()));
  }
  auto shared = std::make_shared<context>();
  shared->value = std::move(made);
  return std::unique_ptr<tls_acceptor>(new tls_acceptor(std::move(shared)));
}

task<result<std::unique_ptr<byte_stream>>> tls_acceptor::handshake(asio::ip::tcp::socket socket, std::chrono::milliseconds limit,
                                                                   runtime::stop_source& stop) {
  if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  auto stream = std::make_unique<accepted_stream>(std::move(socket), context_->value);
  byte_stream& closing = *stream;
  const runtime::executor where = co_await asio::this_coro::executor;
  const runtime::deadline late(where, limit, [&closing] { closing.close(); });
  const runtime::stop_source::registration registered(stop, [&closing] { closing.close(); });
  const auto [outcome] = co_await stream->next().async_handshake(ssl::stream_base::server, runtime::use_task);
  if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  if (late.expired()) co_return failure(errc::timed_out, "the client did not complete the TLS handshake in time");
  if (outcome) co_return failure(errc::tls_failed, fmt::format("the TLS handshake failed: {}", outcome.message()));
  std::unique_ptr<byte_stream> ready = std::move(stream);
  co_return ready;
}

}  // namespace gantry::net
